#pragma once
// What boards do their own way: quirks.json, described in drivers/smp/README.md. Throws smp.quirks with what is wrong
// where, smp.board-unknown with the nearest name.

#include "drivers/smp/smptransport.h"

#include <QList>
#include <QMap>
#include <QRegularExpression>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

// A shell command of a board, and what its output means.
struct BoardCommand {
    QString command;            // with ${serial}, ${challenge}; empty: the board has none
    QRegularExpression pattern; // of its output; empty pattern: not given
    bool given() const { return !command.isEmpty(); }
};

struct FactSource {
    enum class Place { None, Setting, File, Shell };
    enum class Form { Text, Eui64 };
    Place place = Place::None;
    QString where;
    Form form = Form::Text;
    QRegularExpression output;
};

struct BoardLock {
    BoardCommand lock;
    BoardCommand status; // pattern: locked
};

struct BoardQuirks {
    QString name, description, source, date;
    QString setting, equals;   // recognised by a setting
    QRegularExpression osInfo; // or by the operating system's words
    int baud = 0;
    std::optional<SmpFraming> framing;
    QMap<QString, FactSource> facts; // "board", "serial", "hardware-id", "security-counter"
    qint64 slotBytes = 0;
    int restartSeconds = 60;
    BoardCommand generate; // pattern: locked for good
    BoardCommand request;
    QString requestFile;
    BoardCommand sign; // pattern: the signature
    QString chainFile;
    BoardCommand identityStatus; // pattern: present
    BoardCommand derive;         // with ${serial}
    struct Element {
        QString name;
        BoardCommand generate, handle; // pattern of handle: the handle
        QString attestationFile;
    } element;
    QString injectFile;       // takes PKCS#8, DER
    BoardCommand injectTaken; // makes it the device's key; pattern: locked
    QMap<QString, BoardLock> locks;

    bool hasKeys() const { return generate.given() && request.given() && sign.given() && !chainFile.isEmpty(); }
};

class Quirks
{
public:
    // The built-in file, and before it the one that SLIPWAY_SMP_QUIRKS names.
    static Quirks load();
    // file: for messages.
    static Quirks parse(const QByteArray &json, const QString &file);

    const QList<BoardQuirks> &boards() const { return m_boards; }
    QStringList names() const;
    const BoardQuirks &find(const QString &name) const;

private:
    QList<BoardQuirks> m_boards;
};

} // namespace slipway
