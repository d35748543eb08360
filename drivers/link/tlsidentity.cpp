#include "drivers/link/tlsidentity.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/link/waiter.h"

#include <QSet>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto askFor = 2s;
constexpr int longestChain = 10;

template <auto free> struct Freer {
    template <typename T> void operator()(T *p) const { free(p); }
};

class Socket
{
public:
    Socket(int family, int type, int protocol) : m_fd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol))
    {}
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    ~Socket()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    int fd() const { return m_fd; }

private:
    int m_fd;
};

[[noreturn]] void failed(const char *call)
{
    throw Fault("link.failed", {QString::fromLatin1(call), QString::fromLocal8Bit(std::strerror(errno))});
}

unsigned indexOf(const QString &interface)
{
    const unsigned index = ::if_nametoindex(interface.toLocal8Bit().constData());
    if (index == 0)
        throw Fault("link.no-interface", {oneLine(interface, 40)});
    return index;
}

sockaddr_in6 linkLocal(const QString &address, quint16 port)
{
    sockaddr_in6 out{};
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(port);
    const QString host = address.section(u'%', 0, 0), zone = address.section(u'%', 1);
    if (::inet_pton(AF_INET6, host.toLatin1().constData(), &out.sin6_addr) != 1 ||
        !IN6_IS_ADDR_LINKLOCAL(&out.sin6_addr) || zone.isEmpty())
        throw Fault("link.not-link-local", {oneLine(address, 80)});
    out.sin6_scope_id = indexOf(zone);
    return out;
}

QString textOf(const in6_addr &address, const QString &interface)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET6, &address, text.data(), text.size());
    return QString::fromLatin1(text.data()) + u'%' + interface;
}

QSet<QString> ownAddresses()
{
    QSet<QString> out;
    ifaddrs *list = nullptr;
    if (::getifaddrs(&list) != 0)
        failed("getifaddrs");
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs *)> owner(list, ::freeifaddrs);
    for (const ifaddrs *a = list; a; a = a->ifa_next) {
        if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6)
            out << textOf(reinterpret_cast<const sockaddr_in6 *>(a->ifa_addr)->sin6_addr,
                          QString::fromLocal8Bit(a->ifa_name));
    }
    return out;
}

// What the kernel has spoken to already. Needs no privilege.
void addKnown(QSet<QString> &found, unsigned index, const QString &interface, const Task &task)
{
    const Socket socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (socket.fd() < 0)
        failed("socket");
    struct {
        nlmsghdr head;
        ndmsg neighbour;
    } request{};
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = RTM_GETNEIGH;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.neighbour.ndm_family = AF_INET6;
    if (::send(socket.fd(), &request, sizeof request, 0) < 0)
        failed("send");
    Waiter waiter;
    alignas(nlmsghdr) std::array<char, 32768> buffer{};
    for (;;) {
        if (!waiter.wait(socket.fd(), POLLIN, Deadline::in(1s), task.stop))
            return;
        const ssize_t size = ::recv(socket.fd(), buffer.data(), buffer.size(), 0);
        if (size <= 0)
            return;
        auto left = unsigned(size);
        for (auto *head = reinterpret_cast<nlmsghdr *>(buffer.data()); NLMSG_OK(head, left);
             head = NLMSG_NEXT(head, left)) {
            if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR)
                return;
            const auto *neighbour = static_cast<const ndmsg *>(NLMSG_DATA(head));
            if (unsigned(neighbour->ndm_ifindex) != index || (neighbour->ndm_state & (NUD_FAILED | NUD_INCOMPLETE)))
                continue;
            auto length = unsigned(RTM_PAYLOAD(head));
            for (auto *part = RTM_RTA(neighbour); RTA_OK(part, length); part = RTA_NEXT(part, length)) {
                in6_addr address{};
                if (part->rta_type != NDA_DST || RTA_PAYLOAD(part) != sizeof address)
                    continue;
                memcpy(&address, RTA_DATA(part), sizeof address);
                if (IN6_IS_ADDR_LINKLOCAL(&address))
                    found << textOf(address, interface);
            }
        }
    }
}

// Everybody on the link; without the right to ask, what is known already has to do.
void addAnswering(QSet<QString> &found, unsigned index, const QString &interface, const Task &task)
{
    Socket ping(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
    const Socket raw(AF_INET6, ping.fd() < 0 ? SOCK_RAW : SOCK_DGRAM, ping.fd() < 0 ? IPPROTO_ICMPV6 : 0);
    const int fd = ping.fd() < 0 ? raw.fd() : ping.fd();
    if (fd < 0) {
        task.say(u"Neighbours cannot be asked here (%1); those known to the kernel are taken"_s.arg(
            QString::fromLocal8Bit(std::strerror(errno))));
        return;
    }
    sockaddr_in6 everybody{};
    everybody.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, "ff02::1", &everybody.sin6_addr);
    everybody.sin6_scope_id = index;
    icmp6_hdr echo{};
    echo.icmp6_type = ICMP6_ECHO_REQUEST;
    const auto *target = reinterpret_cast<const sockaddr *>(&everybody);
    if (::sendto(fd, &echo, sizeof echo, 0, target, sizeof everybody) < 0) {
        task.say(u"Neighbours could not be asked (%1)"_s.arg(QString::fromLocal8Bit(std::strerror(errno))));
        return;
    }
    const Deadline deadline = task.deadline.sooner(askFor);
    Waiter waiter;
    while (waiter.wait(fd, POLLIN, deadline, task.stop)) {
        std::array<char, 1500> buffer{};
        sockaddr_in6 from{};
        socklen_t length = sizeof from;
        const ssize_t size =
            ::recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr *>(&from), &length);
        if (size >= ssize_t(sizeof echo) && quint8(buffer[0]) == ICMP6_ECHO_REPLY &&
            IN6_IS_ADDR_LINKLOCAL(&from.sin6_addr) && from.sin6_scope_id == index)
            found << textOf(from.sin6_addr, interface);
    }
}

QByteArray derOf(const X509 *certificate)
{
    unsigned char *der = nullptr;
    const int length = i2d_X509(certificate, &der);
    QByteArray bytes(reinterpret_cast<const char *>(der), std::max(0, length));
    OPENSSL_free(der);
    return bytes;
}

QString sslErrors()
{
    QStringList out;
    while (const unsigned long error = ERR_get_error())
        out << QString::fromLatin1(ERR_reason_error_string(error));
    return out.join(u"; "_s);
}

} // namespace

TlsIdentity readTlsIdentity(const QString &address, quint16 port, const Task &task)
{
    const sockaddr_in6 peer = linkLocal(address, port);
    TlsIdentity out;
    const Socket socket(AF_INET6, SOCK_STREAM, 0);
    if (socket.fd() < 0)
        failed("socket");
    Waiter waiter;
    if (::connect(socket.fd(), reinterpret_cast<const sockaddr *>(&peer), sizeof peer) != 0) {
        if (errno != EINPROGRESS && errno != ECONNREFUSED && errno != EHOSTUNREACH)
            failed("connect");
        int error = errno;
        if (error == EINPROGRESS) {
            if (!waiter.wait(socket.fd(), POLLOUT, task.deadline, task.stop))
                return out;
            socklen_t size = sizeof error;
            ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
        }
        if (error != 0) {
            out.outcome = error == ECONNREFUSED ? TlsIdentity::Outcome::Refused : TlsIdentity::Outcome::Silent;
            out.detail = QString::fromLocal8Bit(std::strerror(error));
            return out;
        }
    }
    const std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
    if (!context)
        throw Fault("link.failed", {u"TLS"_s, sslErrors()});
    // Whom to trust is judged afterwards: a device's certificate has no host name, and its CA is private.
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_max_cert_list(context.get(), 64 * 1024);
    const std::unique_ptr<SSL, Freer<SSL_free>> ssl(SSL_new(context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), socket.fd()) != 1)
        throw Fault("link.failed", {u"TLS"_s, sslErrors()});
    for (;;) {
        ERR_clear_error();
        const int rc = SSL_connect(ssl.get());
        if (rc == 1)
            break;
        const int wanted = SSL_get_error(ssl.get(), rc);
        if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE) {
            if (!waiter.wait(socket.fd(), wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, task.deadline, task.stop))
                return out;
            continue;
        }
        out.outcome = TlsIdentity::Outcome::NoTls;
        out.detail = sslErrors();
        return out;
    }
    out.protocol = QString::fromLatin1(SSL_get_version(ssl.get()));
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl.get());
    for (int i = 0; chain && i < std::min(longestChain, sk_X509_num(chain)); ++i)
        out.chain << derOf(sk_X509_value(chain, i));
    out.outcome = out.chain.isEmpty() ? TlsIdentity::Outcome::NoCertificate : TlsIdentity::Outcome::Certificate;
    SSL_shutdown(ssl.get());
    return out;
}

QStringList linkLocalNeighbours(const QString &interface, const Task &task)
{
    const unsigned index = indexOf(interface);
    QSet<QString> found;
    addAnswering(found, index, interface, task);
    addKnown(found, index, interface, task);
    found.subtract(ownAddresses());
    QStringList out(found.begin(), found.end());
    out.sort();
    return out;
}

} // namespace slipway
