#include "drivers/virtual/coapwire.h"

#include <algorithm>

namespace slipway {

namespace {

quint8 at(QByteArrayView bytes, qsizetype index)
{
    return quint8(bytes[index]);
}

void putExtended(QByteArray &out, int value)
{
    if (value >= 269) {
        out += char((value - 269) >> 8);
        out += char(value - 269);
    } else if (value >= 13) {
        out += char(value - 13);
    }
}

int nibble(int value)
{
    return value >= 269 ? 14 : value >= 13 ? 13 : value;
}

// The value of a nibble with its extension; negative: not there, or the reserved 15.
int extended(QByteArrayView bytes, qsizetype &p, int value)
{
    if (value < 13)
        return value;
    if (value == 13)
        return p < bytes.size() ? at(bytes, p++) + 13 : -1;
    if (value == 14 && p + 1 < bytes.size()) {
        const int number = at(bytes, p) << 8 | at(bytes, p + 1);
        p += 2;
        return number + 269;
    }
    return -1;
}

} // namespace

void CoapWire::add(int number, const QByteArray &value)
{
    const auto place = std::upper_bound(options.begin(), options.end(), number,
                                        [](int wanted, const Option &option) { return wanted < option.number; });
    options.insert(place, {number, value});
}

void CoapWire::addNumber(int number, quint32 value)
{
    QByteArray bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
        if (!bytes.isEmpty() || value >> shift)
            bytes += char(value >> shift);
    }
    add(number, bytes);
}

void CoapWire::addBlock(int number, const Block &block)
{
    addNumber(number, block.number << 4 | (block.more ? 8U : 0U) | quint32(block.szx));
}

const CoapWire::Option *CoapWire::find(int number) const
{
    for (const Option &option : options) {
        if (option.number == number)
            return &option;
    }
    return nullptr;
}

std::optional<quint32> CoapWire::number(int option) const
{
    const Option *found = find(option);
    if (!found || found->value.size() > 4)
        return std::nullopt;
    quint32 value = 0;
    for (const char c : found->value)
        value = value << 8 | quint8(c);
    return value;
}

std::optional<CoapWire::Block> CoapWire::block(int option) const
{
    const Option *found = find(option);
    if (!found || found->value.size() > 3)
        return std::nullopt;
    const quint32 value = *number(option);
    return Block{value >> 4, (value & 8) != 0, int(value & 7)};
}

QString CoapWire::path() const
{
    QString out;
    for (const Option &option : options) {
        if (option.number == UriPath)
            out += u'/' + QString::fromUtf8(option.value);
    }
    return out.isEmpty() ? QStringLiteral("/") : out;
}

QByteArray CoapWire::encode() const
{
    QByteArray out;
    out += char(1 << 6 | type << 4 | int(token.size()));
    out += char(code);
    out += char(id >> 8);
    out += char(id);
    out += token;
    int before = 0;
    for (const Option &option : options) {
        const int delta = option.number - before, length = int(option.value.size());
        out += char(nibble(delta) << 4 | nibble(length));
        putExtended(out, delta);
        putExtended(out, length);
        out += option.value;
        before = option.number;
    }
    if (!payload.isEmpty()) {
        out += char(0xff);
        out += payload;
    }
    return out;
}

std::optional<CoapWire> CoapWire::parse(QByteArrayView bytes, QString &why)
{
    why.clear();
    if (bytes.size() < 4 || at(bytes, 0) >> 6 != 1)
        return std::nullopt;
    CoapWire out;
    out.type = Type(at(bytes, 0) >> 4 & 3);
    const int tokenLength = at(bytes, 0) & 15;
    out.code = at(bytes, 1);
    out.id = quint16(at(bytes, 2) << 8 | at(bytes, 3));
    const auto wrong = [&](const char *words) {
        why = QLatin1String(words);
        return std::optional(out);
    };
    if (tokenLength > 8)
        return wrong("the token is longer than 8 bytes");
    if (bytes.size() < 4 + tokenLength)
        return wrong("the token is cut");
    out.token = bytes.sliced(4, tokenLength).toByteArray();
    if (out.code == 0 && bytes.size() > 4)
        return wrong("an empty message goes on behind its header");
    qsizetype p = 4 + tokenLength;
    int number = 0;
    while (p < bytes.size()) {
        const int head = at(bytes, p++);
        if (head == 0xff) {
            if (p == bytes.size())
                return wrong("there is no payload behind its marker");
            out.payload = bytes.sliced(p).toByteArray();
            break;
        }
        const int delta = extended(bytes, p, head >> 4), length = extended(bytes, p, head & 15);
        if (delta < 0 || length < 0)
            return wrong("the head of an option is damaged");
        number += delta;
        if (number > 65535)
            return wrong("the number of an option is too large");
        if (bytes.size() - p < length)
            return wrong("an option is cut");
        out.options.append({number, bytes.sliced(p, length).toByteArray()});
        p += length;
    }
    return out;
}

} // namespace slipway
