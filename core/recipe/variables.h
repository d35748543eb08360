#pragma once
// The variables of a run: what "${serial}", "${mac}" and "${fact:hardware-id}" in a recipe's texts stand for, and the
// numbers that an allocator gives out.

#include "core/recipe/recipe.h"

#include <QMap>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

// One "${name}" in a text; offset and length in the text, braces included.
struct VariableReference {
    QString name; // "serial", "fact:hardware-id"
    qsizetype offset = 0;
    qsizetype length = 0;
};

// All references in the text. malformed gets the offset of a "${" that is not closed or has no proper name, else -1.
QList<VariableReference> variableReferences(const QString &text, qsizetype *malformed = nullptr);
bool isVariableName(const QString &name); // a letter, then letters, digits, '-' and '_', at most 64

// The values that a run's variables have. Not thread-safe.
class Variables
{
public:
    void set(const QString &name, const QString &value) { m_values.insert(name, value); }
    void setFact(const QString &name, const QString &value) { m_facts.insert(name, value); }
    std::optional<QString> value(const QString &name) const; // "serial", "fact:board"
    // Takes fixed values over at once; a variable from a device fact follows the fact.
    void declare(const QList<RecipeVariable> &variables);
    // Every reference replaced, once: values are not expanded again. Throws recipe.no-variable.
    QString expand(const QString &text) const;
    QStringList names() const;

private:
    QMap<QString, QString> m_values;
    QMap<QString, QString> m_facts;
    QMap<QString, QString> m_fromFact; // variable -> fact
};

// The form of the numbers of an allocator: text with placeholders %0Nd (decimal) or %0Nx, %0NX (hexadecimal), N from 1
// to 15. With several placeholders the digits of one number are dealt out over them from the left, so
// "02-00-5E-%02x-%02x-%02x" counts 02-00-5E-00-00-01, 02-00-5E-00-00-02, ... "%%" is a percent sign.
class NumberFormat
{
public:
    // Throws recipe.number-format.
    static NumberFormat parse(const QString &format);
    // Throws recipe.numbers-out when the number needs more digits than the format has.
    QString write(qint64 number) const;
    // The number that a text of this form carries; nothing when it is not of this form.
    std::optional<qint64> read(const QString &text) const;
    qint64 highest() const;
    // The text before the first placeholder.
    QString prefix() const { return m_pieces.first(); }
    bool isDecimalSuffix() const; // prefix + one decimal placeholder + nothing: what Journal::highestNumber() reads

private:
    QString m_format;
    QStringList m_pieces; // literal texts: one more than placeholders
    QList<int> m_widths;
    bool m_hex = false;
    bool m_upper = false;
};

// Whether a scanned or typed value is what the variable takes: the whole value must match its pattern.
bool accepts(const RecipeVariable &variable, const QString &value);

} // namespace slipway
