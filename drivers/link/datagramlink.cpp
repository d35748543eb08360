#include "drivers/link/datagramlink.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace slipway {

namespace {

constexpr qsizetype largestV4 = 1472, largestV6 = 1452;

LinkInfo udpInfo(const QString &address)
{
    LinkInfo info;
    info.port = address;
    info.line = QStringLiteral("UDP");
    info.datagrams = true;
    info.datagram = largestV4;
    return info;
}

} // namespace

DatagramLink::Address DatagramLink::parse(const QString &address, int defaultPort)
{
    const auto bad = [&]() -> Fault { return Fault("link.address", {oneLine(address, 80)}); };
    QString text = address;
    if (text.startsWith(QLatin1String("udp:")))
        text = text.mid(4);
    if (text.startsWith(QLatin1String("//")))
        text = text.mid(2);
    Address out;
    QString port;
    if (text.startsWith(u'[')) {
        const qsizetype end = text.indexOf(u']');
        if (end < 0)
            throw bad();
        out.host = text.mid(1, end - 1);
        const QString rest = text.mid(end + 1);
        if (!rest.isEmpty() && !rest.startsWith(u':'))
            throw bad();
        port = rest.mid(1);
        if (!rest.isEmpty() && port.isEmpty())
            throw bad();
    } else if (text.count(u':') > 1) {
        throw bad(); // IPv6 without brackets: which colon begins the port?
    } else {
        const qsizetype colon = text.indexOf(u':');
        out.host = colon < 0 ? text : text.left(colon);
        if (colon >= 0) {
            port = text.mid(colon + 1);
            if (port.isEmpty())
                throw bad();
        }
    }
    bool number = true;
    out.port = port.isEmpty() ? defaultPort : static_cast<int>(port.toUShort(&number));
    if (out.host.isEmpty() || out.host.size() > 255 || !number || out.port <= 0)
        throw bad();
    return out;
}

DatagramLink::DatagramLink(const QString &address, int defaultPort)
    : FdLink(udpInfo(address)), m_address(parse(address, defaultPort))
{
    open();
}

void DatagramLink::open()
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo *list = nullptr;
    const QByteArray host = m_address.host.toUtf8(), port = QByteArray::number(m_address.port);
    int rc = ::getaddrinfo(host.constData(), port.constData(), &hints, &list);
    if (rc == EAI_NONAME || rc == EAI_FAMILY || rc == EAI_NODATA || rc == EAI_ADDRFAMILY) { // loopback-only stations
        hints.ai_flags = 0;
        rc = ::getaddrinfo(host.constData(), port.constData(), &hints, &list);
    }
    if (rc != 0)
        throw Fault("link.unknown-host", {oneLine(m_address.host, 80)}, QString::fromLocal8Bit(::gai_strerror(rc)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo *)> owner(list, ::freeaddrinfo);
    int error = 0;
    for (const addrinfo *a = list; a; a = a->ai_next) {
        if (a->ai_family == AF_INET6) {
            const auto *v6 = reinterpret_cast<const sockaddr_in6 *>(a->ai_addr);
            if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) && v6->sin6_scope_id == 0)
                throw Fault("link.zone", {m_address.host});
        }
        const int fd = ::socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            error = errno;
            continue;
        }
        if (::connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
            error = errno;
            ::close(fd);
            continue;
        }
        changeInfo().datagram = a->ai_family == AF_INET6 ? largestV6 : largestV4;
        adopt(fd);
        return;
    }
    throw Fault("link.unreachable", {m_address.host}, QString::fromLocal8Bit(std::strerror(error)));
}

qsizetype DatagramLink::readSome(char *to, qsizetype size)
{
    for (;;) {
        const ssize_t n = ::recv(fd(), to, static_cast<size_t>(size), 0);
        if (n >= 0)
            return n;
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNREFUSED || errno == EHOSTUNREACH ||
            errno == ENETUNREACH)
            return 0;
        gone("recv", errno);
    }
}

qsizetype DatagramLink::writeSome(QByteArrayView bytes)
{
    // A second try: the first one may only deliver the error of the datagram before.
    for (int attempt = 0; attempt < 3; ++attempt) {
        const ssize_t n = ::send(fd(), bytes.data(), static_cast<size_t>(bytes.size()), MSG_NOSIGNAL);
        if (n >= 0)
            return bytes.size();
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            return 0;
        if (errno != EINTR && errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != ENETUNREACH)
            gone("send", errno);
    }
    return bytes.size(); // lost, as datagrams may be
}

void DatagramLink::reopen(const Task &)
{
    open();
}

} // namespace slipway
