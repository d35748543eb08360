#include "core/codec/networkhints.h"

#include <QtEndian>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>

namespace slipway {

namespace {

constexpr qsizetype longestText = 255;
constexpr qsizetype longestHttpHead = 8192;

quint16 be16(QByteArrayView bytes, qsizetype at)
{
    return qFromBigEndian<quint16>(bytes.data() + at);
}

QByteArray printable(QByteArrayView bytes)
{
    QByteArray text;
    for (const char c : bytes.first(std::min(bytes.size(), longestText)))
        text += c > 0x20 && c < 0x7f ? c : '?';
    return text;
}

// RFC 8520 section 10: the URL, then perhaps a space and something reserved.
QByteArray mudString(QByteArrayView bytes)
{
    const qsizetype space = bytes.indexOf(' ');
    return printable(space < 0 ? bytes : bytes.first(space));
}

// Takes a vector with a length of so many bytes off the front; what is cut gives what is there.
QByteArrayView takeVector(QByteArrayView &bytes, int lengthBytes, bool *whole = nullptr)
{
    qsizetype length = 0;
    if (bytes.size() < lengthBytes) {
        bytes = {};
        if (whole)
            *whole = false;
        return {};
    }
    for (int i = 0; i < lengthBytes; ++i)
        length = length << 8 | quint8(bytes[i]);
    bytes = bytes.sliced(lengthBytes);
    if (whole)
        *whole = length <= bytes.size();
    const qsizetype there = std::min(length, bytes.size());
    const QByteArrayView vector = bytes.first(there);
    bytes = bytes.sliced(there);
    return vector;
}

// cut: also where only a part of the method's name is there.
bool isHttpRequest(QByteArrayView payload, bool cut = false)
{
    static constexpr std::array<QByteArrayView, 7> methods{"GET ",    "POST ",    "PUT ",  "HEAD ",
                                                           "DELETE ", "OPTIONS ", "PATCH "};
    return std::any_of(methods.begin(), methods.end(), [=](QByteArrayView method) {
        return payload.startsWith(method) || (cut && method.startsWith(payload));
    });
}

QList<IpAddress> addresses4(QByteArrayView bytes)
{
    QList<IpAddress> list;
    for (qsizetype at = 0; at + 4 <= bytes.size(); at += 4)
        list << IpAddress::fromV4(bytes.data() + at);
    return list;
}

QList<IpAddress> addresses6(QByteArrayView bytes)
{
    QList<IpAddress> list;
    for (qsizetype at = 0; at + 16 <= bytes.size(); at += 16)
        list << IpAddress::fromV6(bytes.data() + at);
    return list;
}

} // namespace

QByteArray tlsServerName(QByteArrayView payload)
{
    // A record of type handshake, in it a ClientHello.
    if (payload.size() < 48 || payload[0] != 22 || payload[1] != 3 || payload[5] != 1)
        return {};
    payload = payload.sliced(5 + 4 + 2 + 32); // record and handshake headers, version, random
    takeVector(payload, 1);                   // session id
    takeVector(payload, 2);                   // cipher suites
    takeVector(payload, 1);                   // compression methods
    if (payload.size() < 2)
        return {};
    QByteArrayView extensions = payload.sliced(2);
    while (extensions.size() >= 4) {
        const quint16 type = be16(extensions, 0);
        extensions = extensions.sliced(2);
        bool whole = false;
        QByteArrayView body = takeVector(extensions, 2, &whole);
        if (type != 0)
            continue;
        if (!whole || body.size() < 3)
            return {};
        QByteArrayView list = takeVector(body, 2);
        if (list.size() < 3 || list[0] != 0)
            return {};
        list = list.sliced(1);
        const QByteArrayView name = takeVector(list, 2, &whole);
        return whole ? printable(name).toLower() : QByteArray();
    }
    return {};
}

QByteArray httpHost(QByteArrayView payload)
{
    if (!isHttpRequest(payload))
        return {};
    payload = payload.first(std::min(payload.size(), longestHttpHead));
    for (qsizetype line = payload.indexOf('\n'); line >= 0; line = payload.indexOf('\n', line + 1)) {
        QByteArrayView rest = payload.sliced(line + 1);
        if (rest.startsWith('\r') || rest.startsWith('\n'))
            return {};
        if (rest.size() < 5 || qstrnicmp(rest.data(), 5, "host:", 5) != 0)
            continue;
        const qsizetype end = rest.indexOf('\n');
        if (end < 0)
            return {};
        QByteArray host = printable(rest.sliced(5, end - 5).trimmed()).toLower();
        if (host.startsWith('['))
            return host.left(host.indexOf(']') + 1);
        const qsizetype colon = host.indexOf(':');
        return colon < 0 ? host : host.left(colon);
    }
    return {};
}

bool isCutBeginning(QByteArrayView payload)
{
    if (!payload.isEmpty() && payload[0] == 22) {
        if (payload.size() < 6)
            return payload.size() < 2 || payload[1] == 3;
        return payload[1] == 3 && payload[5] == 1 && payload.size() < 5 + be16(payload, 3); // the record
    }
    return !payload.isEmpty() && isHttpRequest(payload, true) && payload.size() < longestHttpHead &&
           !payload.contains("\r\n\r\n");
}

bool isQuicLongHeader(QByteArrayView payload)
{
    if (payload.size() < 1200 || (quint8(payload[0]) & 0xc0) != 0xc0) // a client's first datagram has 1200 at least
        return false;
    const auto version = qFromBigEndian<quint32>(payload.data() + 1);
    return version == 1 || version == 0x6b3343cf || (version & 0xffffff00) == 0xff000000;
}

std::optional<DhcpFacts> dhcp4(QByteArrayView payload)
{
    if (payload.size() < 240 || qFromBigEndian<quint32>(payload.data() + 236) != 0x63825363)
        return std::nullopt;
    DhcpFacts facts;
    facts.reply = payload[0] == 2;
    if (payload[1] == 1 && payload[2] == 6)
        facts.client = quint64(be16(payload, 28)) << 32 | qFromBigEndian<quint32>(payload.data() + 30);
    if (facts.reply)
        facts.assigned = IpAddress::fromV4(payload.data() + 16);
    QByteArrayView options = payload.sliced(240);
    while (!options.isEmpty()) {
        const quint8 code = quint8(options[0]);
        options = options.sliced(1);
        if (code == 0)
            continue;
        if (code == 255)
            break;
        bool whole = false;
        const QByteArrayView body = takeVector(options, 1, &whole);
        if (!whole)
            break;
        switch (code) {
        case 1:
            if (body.size() == 4)
                facts.prefix = std::countl_one(qFromBigEndian<quint32>(body.data()));
            break;
        case 3:
            facts.routers = addresses4(body);
            break;
        case 6:
            facts.dnsServers = addresses4(body);
            break;
        case 12:
            facts.hostName = printable(body);
            break;
        case 42:
            facts.ntpServers = addresses4(body);
            break;
        case 161:
            facts.mudUrl = mudString(body);
            break;
        default:
            break;
        }
    }
    return facts;
}

std::optional<DhcpFacts> dhcp6(QByteArrayView payload)
{
    if (payload.size() < 4 || payload[0] < 1 || payload[0] > 11) // relays' messages are not a device's
        return std::nullopt;
    DhcpFacts facts;
    facts.reply = payload[0] == 2 || payload[0] == 7 || payload[0] == 10;
    QByteArrayView options = payload.sliced(4);
    while (options.size() >= 4) {
        const quint16 code = be16(options, 0);
        options = options.sliced(2);
        bool whole = false;
        const QByteArrayView body = takeVector(options, 2, &whole);
        if (!whole)
            break;
        if (code == 23) {
            facts.dnsServers = addresses6(body);
        } else if (code == 31) {
            facts.ntpServers += addresses6(body);
        } else if (code == 56) {
            QByteArrayView servers = body;
            while (servers.size() >= 4) {
                const quint16 kind = be16(servers, 0);
                servers = servers.sliced(2);
                const QByteArrayView one = takeVector(servers, 2);
                if (kind == 1 && one.size() == 16)
                    facts.ntpServers += addresses6(one);
            }
        } else if (code == 112) {
            facts.mudUrl = mudString(body);
        }
    }
    return facts;
}

std::optional<RouterFacts> routerAdvertisement(QByteArrayView body)
{
    if (body.size() < 12)
        return std::nullopt;
    RouterFacts facts;
    QByteArrayView options = body.sliced(12);
    while (options.size() >= 8) {
        const quint8 type = quint8(options[0]);
        const qsizetype size = quint8(options[1]) * 8;
        if (size == 0 || size > options.size())
            break;
        if (type == 3 && size == 32 && (quint8(options[3]) & 0x80) && quint8(options[2]) <= 128)
            facts.prefixes << IpPrefix{IpAddress::fromV6(options.data() + 16), quint8(options[2])};
        else if (type == 25)
            facts.dnsServers += addresses6(options.sliced(8, size - 8));
        options = options.sliced(size);
    }
    return facts;
}

QByteArray lldpMudUrl(QByteArrayView frame)
{
    while (frame.size() >= 2) {
        const quint16 head = be16(frame, 0);
        const qsizetype length = head & 0x1ff;
        if (head >> 9 == 0 || length + 2 > frame.size())
            break;
        const QByteArrayView body = frame.sliced(2, length);
        if (head >> 9 == 127 && length > 4 && body.first(4) == QByteArrayView("\0\0\x5e\1", 4))
            return printable(body.sliced(4));
        frame = frame.sliced(2 + length);
    }
    return {};
}

} // namespace slipway
