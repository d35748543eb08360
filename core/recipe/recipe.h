#pragma once
// A recipe: an ordered list of steps in YAML, with what they need. Parsed and checked before any device is touched.
// Form: see the manual page that `slipway recipe manual` prints; JSON Schema by `slipway recipe schema`. Read one with
// loadRecipe() of core/steps/recipechecker.h.

#include "core/device/deviceclass.h"

#include <QList>
#include <QMap>
#include <QString>
#include <QVariant>

#include <optional>

namespace slipway {

// Largest recipe that is read.
inline constexpr qint64 recipeSizeLimit = 1024 * 1024;

// Where something stands in the file, from 1.
struct Position {
    int line = 0;
    int column = 0;
};

// "file:line:column: sentence"
struct RecipeFinding {
    enum class Severity { Error, Warning };
    Severity severity = Severity::Error;
    QString file;
    Position at;
    QString sentence;
    QString text() const; // a warning reads "file:line:column: warning: sentence"
};

struct RecipeStep {
    QString kind;           // "flash"
    QString name;           // the "name" parameter or the kind's title: "Supply"
    QVariantMap parameters; // typed by the kind's declaration; file names made absolute; ${...} not yet expanded
    int retries = 0;        // further tries after the first
    qint64 timeoutMs = 0;   // 0: the kind's default
    Position at;
    QMap<QString, Position> parameterAt;
};

struct RecipeVariable {
    enum class From { Scan, Allocator, Device, Fixed, Lot };
    QString name{};
    From from = From::Fixed;
    QString pattern{}; // anchored regular expression that a scanned value must match
    QString pool{};    // allocator: "serial", "mac"
    QString format{};  // allocator: "T1-%08d", "02-00-5E-%02x-%02x-%02x"; see NumberFormat in core/recipe/variables.h
    qint64 first = 1;  // allocator: the lowest number it gives
    QString fact{};    // device: name of the fact ("hardware-id")
    QString value{};   // fixed
    QString lot{};     // lot: whose next serial number the unit gets
    Position at{};
};

struct Recipe {
    QString file;
    QString name;
    QString version;                    // "version" key, default "1"
    QByteArray sha256;                  // of the file's bytes
    bool isSigned = false;              // a valid FILE.p7s beside it, for it and for every file that it names
    QMap<QString, QByteArray> released; // SHA-256 of these files, by absolute path; only when isSigned
    QString driver;
    QString board;
    int baud = 0; // device.baud, 0: the board's default
    DeviceClass deviceClass;
    QList<RecipeVariable> variables;
    QList<RecipeStep> steps;
    QList<RecipeStep> onFail; // run when a step failed, before `always`
    QList<RecipeStep> always; // run in any case
};

} // namespace slipway
