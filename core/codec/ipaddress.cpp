#include "core/codec/ipaddress.h"

#include <QStringList>

#include <arpa/inet.h>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

std::optional<IpAddress> IpAddress::parse(const QString &text)
{
    std::array<char, 16> bytes{};
    const QByteArray latin = text.toLatin1();
    if (inet_pton(AF_INET, latin.constData(), bytes.data()) == 1)
        return fromV4(bytes.data());
    if (inet_pton(AF_INET6, latin.constData(), bytes.data()) == 1)
        return fromV6(bytes.data());
    return std::nullopt;
}

bool IpAddress::isLinkLocal() const
{
    return isV4() ? m_bytes[12] == 169 && m_bytes[13] == 254 : m_bytes[0] == 0xfe && (m_bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::isLocalGroup() const
{
    if (isV4()) {
        static constexpr std::array<quint8, 4> all{255, 255, 255, 255};
        return (m_bytes[12] == 224 && m_bytes[13] == 0 && m_bytes[14] == 0) ||
               std::equal(all.begin(), all.end(), m_bytes.begin() + 12);
    }
    return m_bytes[0] == 0xff && ((m_bytes[1] & 0x0f) == 1 || (m_bytes[1] & 0x0f) == 2);
}

QString IpAddress::text() const
{
    std::array<char, INET6_ADDRSTRLEN> words{};
    if (isV4())
        inet_ntop(AF_INET, m_bytes.data() + 12, words.data(), words.size());
    else
        inet_ntop(AF_INET6, m_bytes.data(), words.data(), words.size());
    return QString::fromLatin1(words.data());
}

bool IpPrefix::contains(const IpAddress &other) const
{
    const int whole = length / 8;
    if (!std::equal(address.bytes().begin(), address.bytes().begin() + whole, other.bytes().begin()))
        return false;
    const int rest = length % 8;
    if (rest == 0)
        return true;
    const auto mask = quint8(0xff << (8 - rest));
    return ((address.bytes()[size_t(whole)] ^ other.bytes()[size_t(whole)]) & mask) == 0;
}

std::optional<IpPrefix> IpPrefix::parse(const QString &text)
{
    const qsizetype slash = text.indexOf(u'/');
    const auto address = IpAddress::parse(slash < 0 ? text : text.left(slash));
    if (!address)
        return std::nullopt;
    const int most = address->isV4() ? 32 : 128;
    int bits = most;
    if (slash >= 0) {
        bool ok = false;
        bits = text.mid(slash + 1).toInt(&ok);
        if (!ok || bits < 0 || bits > most)
            return std::nullopt;
    }
    return IpPrefix{*address, bits + 128 - most};
}

QString IpPrefix::text() const
{
    return u"%1/%2"_s.arg(address.text()).arg(address.isV4() ? length - 96 : length);
}

QString macText(quint64 mac)
{
    QString words;
    for (int shift = 40; shift >= 0; shift -= 8)
        words += u"%1%2"_s.arg(uint(mac >> shift & 0xff), 2, 16, QChar(u'0')).arg(shift ? u":"_s : QString());
    return words;
}

std::optional<quint64> parseMac(const QString &text)
{
    QString digits = text;
    const QChar between = text.size() == 17 ? text[2] : QChar();
    if (between == u':' || between == u'-') {
        digits.clear();
        for (qsizetype i = 0; i < text.size(); ++i) {
            if (i % 3 != 2)
                digits += text[i];
            else if (text[i] != between)
                return std::nullopt;
        }
    }
    if (digits.size() != 12)
        return std::nullopt;
    quint64 mac = 0;
    for (const QChar c : digits) {
        const int value = QByteArrayView("0123456789abcdef").indexOf(char(c.toLower().toLatin1()));
        if (value < 0 || c.unicode() > 127)
            return std::nullopt;
        mac = mac << 4 | quint64(value);
    }
    return mac;
}

} // namespace slipway
