#include "drivers/link/packettap.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QStringList>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr int kernelBuffer = 32 * 1024 * 1024;
constexpr size_t largestFrame = 262144;
constexpr size_t tagSize = 4;
constexpr size_t addressesSize = 12; // before the type of a frame, where a tag belongs

// "eth0, eth1"
QString interfaceNames()
{
    QStringList names;
    if (struct if_nameindex *list = if_nameindex()) {
        for (struct if_nameindex *one = list; one->if_index != 0; ++one)
            names << QString::fromLocal8Bit(one->if_name);
        if_freenameindex(list);
    }
    return names.join(u", "_s);
}

} // namespace

void PacketTap::failed(const char *what) const
{
    throw Fault("capture.failed",
                {m_interface, QString::fromLocal8Bit(std::strerror(errno)), QString::fromLatin1(what)});
}

PacketTap::PacketTap(const QString &interface) : m_interface(interface), m_buffer(largestFrame + tagSize)
{
    const QByteArray name = interface.toLocal8Bit();
    m_index = name.size() < IFNAMSIZ ? int(if_nametoindex(name.constData())) : 0;
    if (m_index == 0)
        throw Fault("capture.interface", {oneLine(interface, 40), interfaceNames()});
    // Protocol 0 until it is bound: no frames of other interfaces slip in.
    m_fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m_fd < 0) {
        if (errno == EPERM || errno == EACCES)
            throw Fault("capture.permission", {interface});
        failed("socket");
    }
    try {
        struct ifreq request {};
        std::memcpy(request.ifr_name, name.constData(), size_t(name.size()));
        if (::ioctl(m_fd, SIOCGIFHWADDR, &request) != 0)
            failed("SIOCGIFHWADDR");
        const int kind = request.ifr_hwaddr.sa_family;
        if (kind != ARPHRD_ETHER && kind != ARPHRD_LOOPBACK)
            throw Fault("capture.failed", {interface, u"it carries no Ethernet frames"_s});
        if (::ioctl(m_fd, SIOCGIFFLAGS, &request) != 0)
            failed("SIOCGIFFLAGS");
        if (!(request.ifr_flags & IFF_UP))
            throw Fault("capture.down", {interface});
        const int size = kernelBuffer;
        if (::setsockopt(m_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
            ::setsockopt(m_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        const int on = 1;
        if (::setsockopt(m_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)
            failed("SO_TIMESTAMPNS");
        if (::setsockopt(m_fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0)
            failed("PACKET_AUXDATA");
        struct packet_mreq everything {};
        everything.mr_ifindex = m_index;
        everything.mr_type = PACKET_MR_PROMISC;
        ::setsockopt(m_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything);
        struct sockaddr_ll address {};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = m_index;
        if (::bind(m_fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
            failed("bind");
    } catch (...) {
        ::close(m_fd);
        throw;
    }
}

PacketTap::~PacketTap()
{
    ::close(m_fd);
}

bool PacketTap::receive(CapturedPacket &packet)
{
    alignas(cmsghdr) std::array<char, 256> control{};
    struct iovec place {
        m_buffer.data() + tagSize, largestFrame
    };
    struct msghdr message {};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t got = 0;
    do {
        got = ::recvmsg(m_fd, &message, MSG_TRUNC | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return false;
        if (errno == ENETDOWN)
            throw Fault("capture.down", {m_interface});
        failed("recvmsg");
    }
    char *frame = m_buffer.data() + tagSize;
    size_t size = std::min(size_t(got), largestFrame);
    packet.wireLength = quint32(got);
    packet.atNs = 0;
    packet.link = LinkType::Ethernet;
    for (cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_TIMESTAMPNS) {
            timespec at{};
            std::memcpy(&at, CMSG_DATA(part), sizeof at);
            packet.atNs = qint64(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
        } else if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
            tpacket_auxdata aux{};
            std::memcpy(&aux, CMSG_DATA(part), sizeof aux);
            if ((aux.tp_status & TP_STATUS_VLAN_VALID) && size >= addressesSize) {
                // The kernel took the tag out; back where it was.
                const quint16 type = aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : quint16(0x8100);
                std::memmove(m_buffer.data(), frame, addressesSize);
                frame = m_buffer.data();
                frame[12] = char(type >> 8);
                frame[13] = char(type);
                frame[14] = char(aux.tp_vlan_tci >> 8);
                frame[15] = char(aux.tp_vlan_tci);
                size += tagSize;
                packet.wireLength += quint32(tagSize);
            }
        }
    }
    packet.bytes = QByteArrayView(frame, qsizetype(size));
    return true;
}

bool PacketTap::next(CapturedPacket &packet, const Task &task)
{
    // A busy interface never lets it wait, so the end is looked for here as well.
    if (task.stop.stop_requested())
        throw Fault("base.stopped");
    while (!task.deadline.expired()) {
        if (receive(packet))
            return true;
        m_waiter.wait(m_fd, POLLIN, task.deadline, task.stop);
    }
    return false;
}

// The kernel's counter starts anew whenever it is read.
void PacketTap::countLost() const
{
    struct tpacket_stats stats {};
    socklen_t size = sizeof stats;
    if (::getsockopt(m_fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
        m_lost += stats.tp_drops;
}

quint64 PacketTap::lost() const
{
    countLost();
    return m_lost;
}

} // namespace slipway
