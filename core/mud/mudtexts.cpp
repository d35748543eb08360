// Texts that are addresses, URIs and hosts (RFC 6991, RFC 3986).

#include "core/base/text.h"
#include "core/mud/mudobject.h"

#include <cctype>

namespace slipway::mud {

using namespace Qt::StringLiterals;

namespace {

bool isAsciiAlnum(QChar c)
{
    return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') || (c >= u'0' && c <= u'9');
}

} // namespace

std::optional<QHostAddress> addressIn(const QString &text, int version)
{
    if (version == 4) {
        const QStringList parts = text.split(u'.');
        quint32 value = 0;
        if (parts.size() != 4)
            return {};
        for (const QString &part : parts) {
            bool number = false;
            const uint octet = part.toUInt(&number);
            if (!number || octet > 255 || QString::number(octet) != part)
                return {};
            value = value << 8 | octet;
        }
        return QHostAddress(value);
    }
    QHostAddress found;
    if (text.contains(u'%') || !found.setAddress(text) || found.protocol() != QAbstractSocket::IPv6Protocol)
        return {};
    return found;
}

QString whyNoUri(const QString &text, bool relative)
{
    if (text.isEmpty())
        return u"it is empty"_s;
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text[i];
        if (c.unicode() > 0x7e)
            return u"it contains \"%1\": map the IRI to a URI first (RFC 3987 section 3.1)"_s.arg(oneLine(QString(c)));
        if (c.unicode() <= 0x20)
            return u"it contains a space or a control character"_s;
        if (c == u'%' &&
            (i + 2 >= text.size() || !std::isxdigit(text[i + 1].toLatin1()) || !std::isxdigit(text[i + 2].toLatin1())))
            return u"a percent sign is not followed by two hex digits"_s;
        if (!isAsciiAlnum(c) && !QStringView(u"-._~:/?#[]@!$&'()*+,;=%").contains(c))
            return u"it contains \"%1\""_s.arg(c);
    }
    const qsizetype colon = text.indexOf(u':');
    const QString scheme = colon > 0 ? text.left(colon) : QString();
    bool hasScheme =
        !scheme.isEmpty() && ((scheme[0] >= u'a' && scheme[0] <= u'z') || (scheme[0] >= u'A' && scheme[0] <= u'Z'));
    for (const QChar c : scheme)
        hasScheme = hasScheme && (isAsciiAlnum(c) || c == u'+' || c == u'-' || c == u'.');
    if (!hasScheme && !relative)
        return u"it has no scheme"_s;
    if (!hasScheme && colon >= 0 && !text.left(colon).contains(u'/') && !text.left(colon).contains(u'?'))
        return u"\"%1\" is no scheme"_s.arg(text.left(colon));
    return {};
}

QString whyNoHost(const QString &text)
{
    if (text.isEmpty())
        return u"it is empty"_s;
    if (text.contains(u':') && addressIn(text, 6))
        return {};
    if (text.contains(u"://"))
        return u"a scheme stands before it"_s;
    if (text.size() > 253)
        return u"it is longer than 253 characters"_s;
    if (text == u".")
        return {};
    const QString name = text.endsWith(u'.') ? text.chopped(1) : text;
    const QStringList labels = name.split(u'.');
    for (const QString &label : labels) {
        for (const QChar c : label) {
            if (c.unicode() > 0x7f)
                return u"it contains \"%1\": write such names in their A-label form, xn--..."_s.arg(
                    oneLine(QString(c)));
            if (!isAsciiAlnum(c) && c != u'-' && c != u'_')
                return u"it contains \"%1\""_s.arg(oneLine(QString(c)));
        }
        if (label.isEmpty())
            return u"one of its labels is empty"_s;
        if (label.size() > 63)
            return u"one of its labels is longer than 63 characters"_s;
        if (label.startsWith(u'-') || !isAsciiAlnum(label.back()))
            return u"the label \"%1\" begins or ends with a hyphen or underscore"_s.arg(label);
    }
    return {};
}

} // namespace slipway::mud
