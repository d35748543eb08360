#include "core/identity/name.h"

#include <array>

namespace slipway {

namespace {

struct Type {
    const char *name;
    const char *oid; // dotted
    const char *content;
    bool printable;
};
// X.520 attribute types, and domainComponent of RFC 4519.
constexpr std::array<Type, 9> types{{
    {"C", "2.5.4.6", "\x55\x04\x06", true},
    {"O", "2.5.4.10", "\x55\x04\x0a", false},
    {"OU", "2.5.4.11", "\x55\x04\x0b", false},
    {"CN", "2.5.4.3", "\x55\x04\x03", false},
    {"L", "2.5.4.7", "\x55\x04\x07", false},
    {"ST", "2.5.4.8", "\x55\x04\x08", false},
    {"serialNumber", "2.5.4.5", "\x55\x04\x05", true},
    {"title", "2.5.4.12", "\x55\x04\x0c", false},
    {"DC", "0.9.2342.19200300.100.1.25", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", false},
}};

} // namespace

QString NameAttribute::text() const
{
    if (tag == der::BmpString) {
        QString out;
        for (qsizetype i = 0; i + 1 < value.size(); i += 2)
            out += QChar(quint16(quint8(value[i]) << 8 | quint8(value[i + 1])));
        return out;
    }
    return tag == der::TeletexString ? QString::fromLatin1(value) : QString::fromUtf8(value);
}

QString NameAttribute::type() const
{
    for (const Type &t : types) {
        if (oid == QByteArrayView(t.content))
            return QString::fromLatin1(t.name);
    }
    return QString::fromLatin1(der::oidText(oid));
}

QList<NameAttribute> nameAttributes(QByteArrayView nameDer)
{
    QList<NameAttribute> list;
    der::Reader name(der::single(nameDer, der::Sequence));
    while (!name.atEnd()) {
        der::Reader rdn(name.next(der::Set));
        do {
            der::Reader pair(rdn.next(der::Sequence));
            NameAttribute attribute;
            attribute.oid = pair.next(der::Oid).content;
            const der::Element value = pair.next();
            attribute.tag = value.tag;
            attribute.value = value.content;
            pair.end();
            list << attribute;
            if (list.size() > 64)
                throw der::Error{"has a name with more than 64 parts"};
        } while (!rdn.atEnd());
    }
    return list;
}

namespace {

// A value as it stands in a line of text: nothing that a terminal obeys, and no comma that looks like the next part's.
QString shown(const QString &value)
{
    QString out;
    for (const QChar c : value) {
        if (c == u'\\' || c == u',')
            out += u'\\';
        const bool plain = c.category() != QChar::Other_Control && c.category() != QChar::Other_Format &&
                           c != QChar::LineSeparator && c != QChar::ParagraphSeparator;
        out += plain ? c : QChar(QChar::ReplacementCharacter);
    }
    return out;
}

} // namespace

QString nameText(QByteArrayView nameDer)
{
    QStringList parts;
    const auto attributes = nameAttributes(nameDer);
    for (const NameAttribute &attribute : attributes)
        parts << attribute.type() + QLatin1String(" = ") + shown(attribute.text());
    return parts.join(QLatin1String(", "));
}

bool isPrintableString(const QString &text)
{
    static constexpr QStringView punctuation(u" '()+,-./:=?");
    for (const QChar c : text) {
        const bool letter = (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') || (c >= u'0' && c <= u'9');
        if (!letter && !punctuation.contains(c))
            return false;
    }
    return true;
}

std::optional<QByteArray> rdn(const QString &type, const QString &value)
{
    QByteArray oid;
    bool printable = false;
    for (const Type &t : types) {
        if (type.compare(QLatin1String(t.name), Qt::CaseInsensitive) == 0) {
            oid = QByteArray(t.content);
            printable = t.printable;
        }
    }
    if (oid.isEmpty()) {
        const auto content = der::oidContent(type.toLatin1());
        if (!content)
            return {};
        oid = *content;
        for (const Type &t : types)
            printable = printable || (t.printable && oid == t.content);
    }
    if (printable && !isPrintableString(value))
        return {};
    const bool ia5 = oid == QByteArrayView(types[8].content); // domainComponent
    const quint8 tag = printable ? der::PrintableString : ia5 ? der::Ia5String : der::Utf8String;
    return der::tlv(der::Set, der::tlv(der::Sequence, {der::tlv(der::Oid, oid), der::tlv(tag, value.toUtf8())}));
}

QStringList nameTypes()
{
    QStringList names;
    for (const Type &t : types)
        names << QString::fromLatin1(t.name);
    return names;
}

std::optional<QByteArray> nameFromText(const QString &text)
{
    QList<QByteArray> parts;
    QString type;
    QByteArray value; // UTF-8
    bool inValue = false;
    const QByteArray octets = text.trimmed().toUtf8();
    const auto finish = [&] {
        // Unescaped spaces around a value are not part of it.
        const auto part = rdn(type.trimmed(), QString::fromUtf8(value).trimmed());
        if (!inValue || !part || value.trimmed().isEmpty())
            return false;
        parts.prepend(*part);
        type.clear();
        value.clear();
        inValue = false;
        return true;
    };
    for (qsizetype i = 0; i < octets.size(); ++i) {
        const char c = octets[i];
        if (!inValue) {
            if (c == '=')
                inValue = true;
            else
                type += QChar::fromLatin1(c);
        } else if (c == '\\') {
            if (i + 1 >= octets.size())
                return {};
            const QByteArray pair = octets.mid(i + 1, 2);
            bool isHex = false;
            const uint byte = pair.toUInt(&isHex, 16);
            if (isHex && pair.size() == 2 && isxdigit(quint8(pair[0]))) {
                value += char(byte);
                i += 2;
            } else {
                value += octets[++i];
            }
        } else if (c == ',' || c == ';') {
            if (!finish())
                return {};
        } else if (c == '+' || c == '"' || (c == '#' && value.isEmpty())) {
            return {};
        } else {
            value += c;
        }
    }
    if (octets.isEmpty() || !finish() || parts.size() > 16)
        return {};
    QByteArray content;
    for (const QByteArray &part : std::as_const(parts))
        content += part;
    return der::tlv(der::Sequence, content);
}

} // namespace slipway
