#include "drivers/virtual/devicelink.h"

#include "core/base/fault.h"
#include "core/codec/base64.h"
#include "core/codec/consoleframing.h"
#include "core/codec/crc16.h"
#include "core/codec/rawframing.h"
#include "core/codec/smpheader.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr qsizetype largestDatagram = 1472; // 1500 - IP and UDP header; fragments are not put together again
constexpr qsizetype longestOutput = 1 << 20;
constexpr std::chrono::seconds rawInputTimeout{1};
constexpr QLatin1StringView promptText = "\x1b[1;32muart:~$ \x1b[m"_L1;
} // namespace

DeviceLink::DeviceLink(const VirtualSmpOptions &options) : m_options(options), m_random(options.seed)
{
    if (options.link == VirtualSmpOptions::Link::Descriptors) {
        m_ownRead.reset(options.readFd);
        if (options.writeFd != options.readFd)
            m_ownWrite.reset(options.writeFd);
    }
}

DeviceLink::~DeviceLink() = default;

void DeviceLink::open()
{
    switch (m_options.link) {
    case VirtualSmpOptions::Link::Pty:
        m_pty.reset();
        m_pty = std::make_unique<PtyEnd>(m_options.ptyLink);
        m_readFd = m_writeFd = m_pty->fd();
        m_path = m_pty->path();
        break;
    case VirtualSmpOptions::Link::Udp:
        openUdp();
        break;
    case VirtualSmpOptions::Link::Descriptors:
        m_readFd = m_ownRead.get();
        m_writeFd = m_ownWrite ? m_ownWrite.get() : m_readFd;
        for (const int fd : {m_readFd, m_writeFd}) {
            const int flags = ::fcntl(fd, F_GETFL);
            if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                throw Fault("virtual.link", {u"descriptor %1"_s.arg(fd), systemError(errno)});
        }
        break;
    }
    if (m_options.framing == VirtualSmpOptions::Framing::Raw && m_options.link != VirtualSmpOptions::Link::Udp)
        m_raw = std::make_unique<RawDeframer>(RawDeframer::Side::Device, m_options.bufferSize);
    forgetPartial();
    m_out.clear();
    m_started = std::chrono::steady_clock::now();
}

void DeviceLink::openUdp()
{
    const QByteArray host = m_options.udpAddress.toLatin1();
    // After a restart the device is found where it was.
    const quint16 port = htons(m_port ? m_port : m_options.udpPort);
    sockaddr_storage address = {};
    auto *v4 = reinterpret_cast<sockaddr_in *>(&address);
    auto *v6 = reinterpret_cast<sockaddr_in6 *>(&address);
    socklen_t size = sizeof(sockaddr_in);
    if (::inet_pton(AF_INET, host.constData(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
    } else if (::inet_pton(AF_INET6, host.constData(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        size = sizeof(sockaddr_in6);
    } else {
        throw Fault("virtual.link", {m_options.udpAddress, u"it is no IP address"_s});
    }
    OwnedFd fd(::socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr *>(&address), size) != 0)
        throw Fault("virtual.link", {u"UDP port %1"_s.arg(ntohs(port)), systemError(errno)});
    ::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&address), &size);
    const bool six = address.ss_family == AF_INET6;
    m_port = ntohs(six ? v6->sin6_port : v4->sin_port);
    m_path = (six ? u"udp:[%1]:%2"_s : u"udp:%1:%2"_s).arg(m_options.udpAddress).arg(m_port);
    m_ownRead = std::move(fd);
    m_readFd = m_writeFd = m_ownRead.get();
}

void DeviceLink::close()
{
    m_readFd = m_writeFd = -1;
    m_pty.reset();
    if (m_options.link == VirtualSmpOptions::Link::Udp)
        m_ownRead.reset();
    m_out.clear();
    forgetPartial();
}

void DeviceLink::forgetPartial()
{
    if (m_raw)
        m_raw->reset();
    m_line.clear();
    m_packet.clear();
    m_inPacket = m_overlong = false;
}

void DeviceLink::receive(bool deaf, const Sink &sink)
{
    char buffer[16384];
    while (isOpen()) {
        LinkPeer peer;
        peer.size = sizeof peer.address;
        const bool udp = m_options.link == VirtualSmpOptions::Link::Udp;
        const ssize_t got = udp ? ::recvfrom(m_readFd, buffer, sizeof buffer, 0,
                                             reinterpret_cast<sockaddr *>(&peer.address), &peer.size)
                                : ::read(m_readFd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (got == 0 && !udp)) // nothing more, or nobody at the other end
            return;
        if (deaf)
            continue;
        if (!firstByteAt)
            firstByteAt = std::chrono::steady_clock::now();
        bytesIn += got;
        if (!udp) {
            feed(QByteArrayView(buffer, got), sink);
        } else if (got > largestDatagram || got > m_options.bufferSize) {
            ++tooLarge;
        } else {
            sink(QByteArray(buffer, got), peer);
        }
    }
}

void DeviceLink::feed(QByteArrayView bytes, const Sink &sink)
{
    if (m_raw) {
        // Nothing marks the start of a message: what was cut short is forgotten after a pause.
        const auto now = std::chrono::steady_clock::now();
        if (now - std::exchange(m_lastInput, now) > rawInputTimeout)
            m_raw->reset();
        const qint64 before = m_raw->dropped();
        m_raw->feed(bytes);
        badFrames += m_raw->dropped() - before;
        QByteArray packet;
        while (m_raw->next(packet))
            sink(packet, {});
        return;
    }
    for (qsizetype at = 0; at < bytes.size();) {
        qsizetype end = bytes.indexOf('\n', at);
        const bool whole = end >= 0;
        if (!whole)
            end = bytes.size();
        const QByteArrayView piece = bytes.sliced(at, end - at);
        if (m_line.size() + piece.size() >= console::longestLine)
            m_overlong = true;
        else
            m_line.append(piece);
        at = end + 1;
        if (!whole)
            return;
        if (m_overlong) {
            ++badFrames;
            m_inPacket = false;
        } else {
            line(m_line, sink);
        }
        m_line.clear();
        m_overlong = false;
    }
}

void DeviceLink::line(QByteArrayView text, const Sink &sink)
{
    while (!text.isEmpty() && text.back() == '\r')
        text.chop(1);
    const bool first = text.startsWith("\x06\x09"), more = text.startsWith("\x04\x14");
    if (!first && !more) {
        if (m_options.shellNoise) {
            m_out.append("\r\n");
            m_out.append(promptText.data(), promptText.size());
        }
        return; // not for us: in a shell this would have been a command
    }
    if (first)
        m_packet.clear();
    else if (!m_inPacket)
        return;
    m_inPacket = true;
    const auto drop = [this](qint64 &counter) {
        ++counter;
        m_inPacket = false;
        m_packet.clear();
    };
    if (!decodeBase64(text.sliced(2), m_packet) || m_packet.size() < 2)
        return drop(badFrames);
    if (m_packet.size() > m_options.bufferSize)
        return drop(tooLarge);
    const qsizetype length = static_cast<quint8>(m_packet[0]) << 8 | static_cast<quint8>(m_packet[1]);
    if (length + 2 > m_options.bufferSize)
        return drop(tooLarge);
    if (m_packet.size() < length + 2)
        return;
    if (m_packet.size() > length + 2 || length < 2 || crc16Xmodem(QByteArrayView(m_packet).sliced(2)) != 0)
        return drop(badFrames);
    const QByteArray packet = m_packet.sliced(2, length - 2);
    m_inPacket = false;
    m_packet.clear();
    sink(packet, {});
}

void DeviceLink::prompt()
{
    if (!m_options.shellNoise)
        return;
    m_out.append("\x1b[m\r\n\r\n");
    m_out.append(promptText.data(), promptText.size());
    flush();
}

void DeviceLink::noise(const QString &text)
{
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - m_started);
    const qint64 ms = since.count();
    const QString stamp = u"[%1:%2:%3.%4,000]"_s.arg(ms / 3600000, 2, 10, '0'_L1)
                              .arg(ms / 60000 % 60, 2, 10, '0'_L1)
                              .arg(ms / 1000 % 60, 2, 10, '0'_L1)
                              .arg(ms % 1000, 3, 10, '0'_L1);
    m_out.append((u"\x1b[8D\x1b[J"_s + stamp + u" \x1b[1;31m"_s + text + u"\x1b[0m\r\n"_s).toUtf8());
    m_out.append(promptText.data(), promptText.size());
}

// Another byte of the base64 alphabet, so that only the checksum can tell; behind a header where there is none.
QByteArray DeviceLink::damage(QByteArray bytes, qsizetype from, qsizetype to)
{
    const auto where =
        from + static_cast<qsizetype>(m_random() % static_cast<quint64>(std::max<qsizetype>(1, to - from)));
    if (where < bytes.size())
        bytes[where] = bytes.at(where) == 'x' ? 'y' : 'x';
    return bytes;
}

void DeviceLink::send(const QByteArray &given, const LinkPeer &peer, const QStringList &log, bool damaged)
{
    if (!isOpen())
        return;
    const bool lines = m_options.link != VirtualSmpOptions::Link::Udp && !m_raw;
    const QByteArray message = damaged && !lines ? damage(given, SmpHeader::size, given.size()) : given;
    if (m_options.link == VirtualSmpOptions::Link::Udp) {
        if (message.size() > largestDatagram)
            return;
        const ssize_t sent = ::sendto(m_writeFd, message.constData(), static_cast<size_t>(message.size()), 0,
                                      reinterpret_cast<const sockaddr *>(&peer.address), peer.size);
        bytesOut += std::max<ssize_t>(0, sent);
        return;
    }
    if (m_out.size() > longestOutput)
        return; // nobody reads
    if (m_options.shellNoise)
        for (const QString &text : log)
            noise(text);
    if (m_raw) {
        m_out.append(message);
    } else if (!m_options.shellNoise && !damaged) {
        ConsoleFramer::append(m_out, message);
    } else {
        QByteArray frame = ConsoleFramer::frame(message);
        if (damaged)
            frame = damage(frame, 6, std::min<qsizetype>(frame.size() - 4, 100));
        if (!m_options.shellNoise) {
            m_out.append(frame);
            return flush();
        }
        // A log line may come between the lines of a frame, too.
        if (m_random() % 8 == 0)
            noise(u"<inf> app: temperature 21.4"_s);
        for (qsizetype at = 0; at < frame.size();) {
            const qsizetype end = frame.indexOf('\n', at) + 1;
            m_out.append(QByteArrayView(frame).sliced(at, end - at));
            at = end;
            if (at < frame.size() && m_random() % 16 == 0)
                noise(u"<wrn> net: no route"_s);
        }
    }
    flush();
}

void DeviceLink::flush()
{
    while (!m_out.isEmpty() && m_writeFd >= 0) {
        const ssize_t wrote = writeQuietly(m_writeFd, m_out.constData(), static_cast<size_t>(m_out.size()));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno != EAGAIN)
            m_out.clear();
        if (wrote <= 0)
            return;
        bytesOut += wrote;
        m_out.remove(0, wrote);
    }
}

} // namespace slipway
