// JSON values: what they hold, and their text.

#include "core/codec/json.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

void writeString(const QString &text, QByteArray &out)
{
    out += '"';
    for (const char c : text.toUtf8()) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (quint8(c) < 0x20) {
            static const char digits[] = "0123456789abcdef";
            out += "\\u00";
            out += digits[quint8(c) >> 4];
            out += digits[c & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

void write(const JsonValue &value, QByteArray &out)
{
    switch (value.kind) {
    case JsonValue::Kind::Null:
        out += "null";
        break;
    case JsonValue::Kind::Boolean:
        out += value.boolean ? "true" : "false";
        break;
    case JsonValue::Kind::Number:
        out += value.text.toLatin1();
        break;
    case JsonValue::Kind::String:
        writeString(value.text, out);
        break;
    case JsonValue::Kind::Array:
        out += '[';
        for (const JsonValue &item : value.items) {
            if (&item != &value.items.front())
                out += ',';
            write(item, out);
        }
        out += ']';
        break;
    case JsonValue::Kind::Object:
        out += '{';
        for (const JsonMember &member : value.members) {
            if (&member != &value.members.front())
                out += ',';
            writeString(member.name, out);
            out += ':';
            write(member.value, out);
        }
        out += '}';
        break;
    }
}

} // namespace

const JsonMember *JsonValue::find(QStringView name) const
{
    for (const JsonMember &member : members) {
        if (member.name == name)
            return &member;
    }
    return nullptr;
}

std::optional<qint64> JsonValue::integer() const
{
    if (kind != Kind::Number)
        return {};
    bool fits = false;
    const qint64 plain = text.toLongLong(&fits);
    if (fits)
        return plain;
    // [-]digits[.digits][e[+-]digits]: the digits, and by how many places the point moves.
    const qsizetype e = text.indexOf(u'e', 0, Qt::CaseInsensitive);
    const QString mantissa = e < 0 ? text : text.left(e);
    qint64 exponent = e < 0 ? 0 : text.mid(e + 1).toLongLong(&fits);
    if ((e >= 0 && !fits) || exponent > 1000 || exponent < -1000)
        return {};
    const qsizetype point = mantissa.indexOf(u'.');
    QString digits = mantissa;
    if (point >= 0) {
        digits.remove(point, 1);
        exponent -= mantissa.size() - point - 1;
    }
    for (; exponent < 0 && digits.endsWith(u'0'); ++exponent)
        digits.chop(1);
    if (digits.isEmpty() || digits == u"-")
        return 0;
    if (exponent < 0)
        return {};
    digits += QString(qsizetype(std::min<qint64>(exponent, 20)), u'0');
    const qint64 value = digits.toLongLong(&fits);
    return fits ? std::optional<qint64>(value) : std::nullopt;
}

QString JsonValue::kindText() const
{
    switch (kind) {
    case Kind::Null:
        return u"null"_s;
    case Kind::Boolean:
        return u"a boolean"_s;
    case Kind::Number:
        return u"a number"_s;
    case Kind::String:
        return u"a string"_s;
    case Kind::Array:
        return u"an array"_s;
    case Kind::Object:
        return u"an object"_s;
    }
    return {};
}

QByteArray JsonValue::toJson() const
{
    QByteArray out;
    write(*this, out);
    return out;
}

} // namespace slipway
