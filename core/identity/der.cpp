#include "core/identity/der.h"

#include <array>
#include <charconv>

namespace slipway::der {

qsizetype headerSize(qsizetype length)
{
    return length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : 5;
}

void appendHeader(QByteArray &out, quint8 tag, qsizetype length)
{
    const qsizetype octets = headerSize(length) - 2;
    std::array<char, 8> raw{char(tag), char(octets > 0 ? 0x80 | octets : length)};
    size_t at = 2;
    for (qsizetype i = octets - 1; i >= 0; --i)
        raw[at++] = char(length >> (8 * i) & 0xff);
    out.append(raw.data(), qsizetype(at));
}

void append(QByteArray &out, quint8 tag, QByteArrayView content)
{
    appendHeader(out, tag, content.size());
    out.append(content.data(), content.size());
}

QByteArray tlv(quint8 tag, QByteArrayView content)
{
    QByteArray out;
    out.reserve(content.size() + 5);
    append(out, tag, content);
    return out;
}

QByteArray tlv(quint8 tag, std::initializer_list<QByteArray> parts)
{
    qsizetype size = 0;
    for (const QByteArray &part : parts)
        size += part.size();
    QByteArray out;
    out.reserve(size + 5);
    appendHeader(out, tag, size);
    for (const QByteArray &part : parts)
        out += part;
    return out;
}

QByteArray unsignedInteger(QByteArrayView bigEndian)
{
    while (bigEndian.size() > 1 && bigEndian[0] == 0)
        bigEndian = bigEndian.sliced(1);
    const bool pad = bigEndian.isEmpty() || (quint8(bigEndian[0]) & 0x80);
    QByteArray out;
    appendHeader(out, Integer, bigEndian.size() + (pad ? 1 : 0));
    if (pad)
        out += '\0';
    out.append(bigEndian.data(), bigEndian.size());
    return out;
}

std::optional<QByteArray> oidContent(const QByteArray &dotted)
{
    std::array<quint64, 32> arcs{};
    size_t count = 0;
    const char *at = dotted.constBegin();
    for (;;) { // no sign, no space, no empty number
        const auto [end, error] = std::from_chars(at, dotted.constEnd(), arcs[count]);
        if (error != std::errc() || arcs[count] > 0xffffffffu)
            return {};
        ++count;
        if (end == dotted.constEnd())
            break;
        if (*end != '.' || count == arcs.size())
            return {};
        at = end + 1;
    }
    if (count < 2 || arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39))
        return {};
    QByteArray out;
    const auto arc = [&out](quint64 value) {
        int shift = 0;
        while (value >> shift >> 7)
            shift += 7;
        for (; shift >= 0; shift -= 7)
            out += char((value >> shift & 0x7f) | (shift > 0 ? 0x80 : 0));
    };
    arc(arcs[0] * 40 + arcs[1]);
    for (size_t i = 2; i < count; ++i)
        arc(arcs[i]);
    return out;
}

QByteArray oidText(QByteArrayView content)
{
    QByteArray text;
    quint64 value = 0;
    int octets = 0;
    bool first = true;
    for (const char c : content) {
        if (++octets > 9 || (octets == 1 && quint8(c) == 0x80))
            return {};
        value = value << 7 | (quint8(c) & 0x7f);
        if (quint8(c) & 0x80)
            continue;
        if (first) {
            const quint64 root = value < 40 ? 0 : value < 80 ? 1 : 2;
            text = QByteArray::number(root) + '.' + QByteArray::number(value - root * 40);
            first = false;
        } else {
            text += '.' + QByteArray::number(value);
        }
        value = 0;
        octets = 0;
    }
    return octets == 0 ? text : QByteArray();
}

Element Reader::next()
{
    if (m_rest.size() < 2)
        throw Error{"is cut short"};
    const quint8 tag = quint8(m_rest[0]);
    if ((tag & 0x1f) == 0x1f)
        throw Error{"has a tag that has no place in it"};
    qsizetype length = quint8(m_rest[1]);
    qsizetype header = 2;
    if (length >= 0x80) {
        const qsizetype octets = length & 0x7f;
        if (octets == 0 || octets > 3)
            throw Error{"has a length that is not in DER"};
        header += octets;
        if (m_rest.size() < header)
            throw Error{"is cut short"};
        length = 0;
        for (qsizetype i = 0; i < octets; ++i)
            length = length << 8 | quint8(m_rest[2 + i]);
        if (headerSize(length) != header)
            throw Error{"has a length that is not in DER"};
    }
    if (length > m_rest.size() - header)
        throw Error{"is cut short"};
    const Element element{tag, m_rest.first(header + length), m_rest.sliced(header, length)};
    m_rest = m_rest.sliced(header + length);
    return element;
}

Element Reader::next(quint8 tag)
{
    const Element element = next();
    if (element.tag != tag)
        throw Error{"has another structure"};
    return element;
}

void Reader::end() const
{
    if (!m_rest.isEmpty())
        throw Error{"has more at its end than belongs there"};
}

Element single(QByteArrayView bytes, quint8 tag)
{
    Reader reader(bytes);
    const Element element = reader.next(tag);
    reader.end();
    return element;
}

} // namespace slipway::der
