#pragma once
// An IPv4 or IPv6 address, or a MAC address, as the bytes of a packet hold it; and prefixes of addresses. Cheap to
// copy, compare and hash: captures hold millions. Text as RFC 5952 and dotted quad; MAC addresses as 02:00:00:00:00:01.

#include <QByteArrayView>
#include <QList>
#include <QString>

#include <array>
#include <compare>
#include <cstring>
#include <optional>

namespace slipway {

class IpAddress
{
public:
    IpAddress() = default; // none: ::
    static IpAddress fromV4(const char *bytes)
    {
        IpAddress a;
        a.m_bytes[10] = a.m_bytes[11] = 0xff;
        std::memcpy(&a.m_bytes[12], bytes, 4);
        return a;
    }
    static IpAddress fromV6(const char *bytes)
    {
        IpAddress a;
        std::memcpy(a.m_bytes.data(), bytes, 16);
        return a;
    }
    static std::optional<IpAddress> parse(const QString &text);

    bool isNull() const { return *this == IpAddress(); }
    bool isV4() const
    {
        static constexpr std::array<quint8, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        return std::memcmp(m_bytes.data(), mapped.data(), mapped.size()) == 0;
    }
    bool isMulticast() const { return isV4() ? (m_bytes[12] & 0xf0) == 0xe0 : m_bytes[0] == 0xff; }
    bool isLinkLocal() const; // 169.254/16, fe80::/10
    // Groups that no router forwards: 224.0.0.0/24, ff01 and ff02::/16, 255.255.255.255.
    bool isLocalGroup() const;
    const std::array<quint8, 16> &bytes() const { return m_bytes; }
    quint64 hash() const
    {
        quint64 a = 0;
        quint64 b = 0;
        std::memcpy(&a, m_bytes.data(), 8);
        std::memcpy(&b, m_bytes.data() + 8, 8);
        a = (a ^ (b * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;
        return a ^ (a >> 32);
    }
    QString text() const;
    auto operator<=>(const IpAddress &) const = default;

private:
    std::array<quint8, 16> m_bytes{}; // IPv4: ::ffff:a.b.c.d
};

struct IpPrefix {
    IpAddress address;
    int length = 128; // bits of the 16 bytes: an IPv4 /24 is 120
    bool contains(const IpAddress &other) const;
    // "192.0.2.0/24", "2001:db8::/32"; a plain address is a prefix of its own. Nothing when it is neither.
    static std::optional<IpPrefix> parse(const QString &text);
    QString text() const;
    bool operator==(const IpPrefix &) const = default;
};

// 48 bits in the low end of a number.
QString macText(quint64 mac);
std::optional<quint64> parseMac(const QString &text); // with : or - between the octets, or nothing

} // namespace slipway
