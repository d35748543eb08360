#include "core/recipe/variables.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QRegularExpression>

#include <limits>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

bool isReferenceName(const QString &name)
{
    static const QRegularExpression fact(u"\\Afact:[A-Za-z][A-Za-z0-9_.-]{0,63}\\z"_s);
    return isVariableName(name) || fact.match(name).hasMatch();
}

} // namespace

bool isVariableName(const QString &name)
{
    static const QRegularExpression form(u"\\A[A-Za-z][A-Za-z0-9_-]{0,63}\\z"_s);
    return form.match(name).hasMatch();
}

QList<VariableReference> variableReferences(const QString &text, qsizetype *malformed)
{
    QList<VariableReference> list;
    if (malformed)
        *malformed = -1;
    qsizetype from = 0;
    while ((from = text.indexOf(u"${"_s, from)) >= 0) {
        const qsizetype end = text.indexOf(u'}', from);
        const QString name = end < 0 ? QString() : text.mid(from + 2, end - from - 2);
        if (!isReferenceName(name)) {
            if (malformed && *malformed < 0)
                *malformed = from;
            from += 2;
            continue;
        }
        list.append({name, from, end + 1 - from});
        from = end + 1;
    }
    return list;
}

std::optional<QString> Variables::value(const QString &name) const
{
    if (name.startsWith(u"fact:"_s)) {
        const auto fact = m_facts.constFind(name.mid(5));
        return fact == m_facts.constEnd() ? std::nullopt : std::optional(*fact);
    }
    if (const auto own = m_values.constFind(name); own != m_values.constEnd())
        return *own;
    if (const auto from = m_fromFact.constFind(name); from != m_fromFact.constEnd())
        return value(u"fact:"_s + *from);
    return {};
}

void Variables::declare(const QList<RecipeVariable> &variables)
{
    for (const RecipeVariable &variable : variables) {
        if (variable.from == RecipeVariable::From::Fixed)
            set(variable.name, variable.value);
        else if (variable.from == RecipeVariable::From::Device)
            m_fromFact.insert(variable.name, variable.fact);
    }
}

QString Variables::expand(const QString &text) const
{
    QString out;
    qsizetype from = 0;
    for (const VariableReference &reference : variableReferences(text)) {
        const auto found = value(reference.name);
        if (!found)
            throw Fault("recipe.no-variable", {reference.name, didYouMean(reference.name, names())});
        out += QStringView(text).mid(from, reference.offset - from);
        out += *found;
        from = reference.offset + reference.length;
    }
    out += QStringView(text).mid(from);
    return out;
}

QStringList Variables::names() const
{
    QStringList list = m_values.keys() + m_fromFact.keys();
    for (auto fact = m_facts.begin(); fact != m_facts.end(); ++fact)
        list << u"fact:"_s + fact.key();
    return list;
}

NumberFormat NumberFormat::parse(const QString &format)
{
    static const QRegularExpression placeholder(u"\\G%0([0-9]{1,2})([dxX])"_s);
    const auto refuse = [&format](const QString &why) {
        return Fault("recipe.number-format", {oneLine(format, 60), why}, why);
    };
    NumberFormat result;
    result.m_format = format;
    result.m_pieces << QString();
    int digits = 0;
    QChar kind;
    for (qsizetype i = 0; i < format.size();) {
        if (format[i] != u'%') {
            result.m_pieces.last() += format[i++];
        } else if (format.mid(i, 2) == u"%%") {
            result.m_pieces.last() += u'%';
            i += 2;
        } else {
            const auto match =
                placeholder.match(format, i, QRegularExpression::NormalMatch, QRegularExpression::NoMatchOption);
            const int width = match.hasMatch() ? match.captured(1).toInt() : 0;
            if (width < 1)
                throw refuse(u"a \"%\" must start %0Nd, %0Nx or %0NX with N from 1 to 15"_s);
            const QChar letter = match.captured(2)[0];
            if (!kind.isNull() && letter != kind)
                throw refuse(u"its placeholders must be of one kind"_s);
            kind = letter;
            digits += width;
            result.m_widths << width;
            result.m_pieces << QString();
            i = match.capturedEnd();
        }
    }
    if (result.m_widths.isEmpty())
        throw refuse(u"it has no placeholder such as %08d"_s);
    if (digits > 15)
        throw refuse(u"it has more than 15 digits"_s);
    result.m_hex = kind != u'd';
    result.m_upper = kind == u'X';
    return result;
}

qint64 NumberFormat::highest() const
{
    qint64 limit = 1;
    for (const int width : m_widths) {
        for (int i = 0; i < width; ++i)
            limit *= m_hex ? 16 : 10;
    }
    return limit - 1;
}

QString NumberFormat::write(qint64 number) const
{
    if (number < 0 || number > highest())
        throw Fault("recipe.numbers-out", {m_format});
    qsizetype total = 0;
    for (const int width : m_widths)
        total += width;
    QString digits = QString::number(number, m_hex ? 16 : 10).rightJustified(total, u'0');
    if (m_upper)
        digits = digits.toUpper();
    QString out = m_pieces.first();
    qsizetype at = 0;
    for (qsizetype i = 0; i < m_widths.size(); ++i) {
        out += QStringView(digits).mid(at, m_widths[i]);
        out += m_pieces[i + 1];
        at += m_widths[i];
    }
    return out;
}

std::optional<qint64> NumberFormat::read(const QString &text) const
{
    if (!text.startsWith(m_pieces.first()))
        return {};
    qsizetype at = m_pieces.first().size();
    QString digits;
    for (qsizetype i = 0; i < m_widths.size(); ++i) {
        const QStringView part = QStringView(text).mid(at, m_widths[i]);
        if (part.size() != m_widths[i])
            return {};
        for (const QChar c : part) {
            const bool digit = c >= u'0' && c <= u'9';
            const bool letter = m_upper ? c >= u'A' && c <= u'F' : c >= u'a' && c <= u'f';
            if (!digit && !(m_hex && letter))
                return {};
        }
        digits += part;
        at += m_widths[i];
        if (QStringView(text).mid(at, m_pieces[i + 1].size()) != m_pieces[i + 1])
            return {};
        at += m_pieces[i + 1].size();
    }
    if (at != text.size())
        return {};
    return digits.toLongLong(nullptr, m_hex ? 16 : 10);
}

bool NumberFormat::isDecimalSuffix() const
{
    return !m_hex && m_widths.size() == 1 && m_pieces.last().isEmpty();
}

bool accepts(const RecipeVariable &variable, const QString &value)
{
    if (variable.pattern.isEmpty())
        return !value.isEmpty();
    const QRegularExpression pattern(QRegularExpression::anchoredPattern(variable.pattern));
    return pattern.match(value).hasMatch();
}

} // namespace slipway
