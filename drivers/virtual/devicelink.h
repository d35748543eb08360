#pragma once
// A virtual device's link: bytes or datagrams in, whole SMP messages out of them, and back. Strict as a device is: a
// console frame must begin its line, a line has at most 127 characters, a message must fit the buffer. Non-blocking;
// the owner polls descriptor() and calls receive() and flush(). Throws virtual.link from open() only.

#include "core/codec/packetdeframer.h"
#include "drivers/virtual/deviceend.h"
#include "drivers/virtual/virtualsmp.h"

#include <sys/socket.h>

#include <functional>
#include <random>

namespace slipway {

struct LinkPeer {
    sockaddr_storage address = {};
    socklen_t size = 0;
};

class DeviceLink
{
public:
    explicit DeviceLink(const VirtualSmpOptions &options);
    ~DeviceLink();

    void open();
    void close();
    bool isOpen() const { return m_readFd >= 0; }
    int readFd() const { return m_readFd; }
    int writeFd() const { return m_writeFd; }
    QString path() const { return m_path; }
    quint16 udpPort() const { return m_port; }

    using Sink = std::function<void(const QByteArray &message, const LinkPeer &peer)>;
    // Everything that is there. deaf: the bytes are read and forgotten.
    void receive(bool deaf, const Sink &sink);
    void forgetPartial(); // what came in by halves
    // log: lines that the device's console shows first. damaged: one byte is wrong on the wire.
    void send(const QByteArray &message, const LinkPeer &peer, const QStringList &log, bool damaged = false);
    void flush();
    bool backlog() const { return !m_out.isEmpty(); }
    void dropOutput() { m_out.clear(); }
    void prompt(); // what a shell console shows after a start

    qint64 badFrames = 0;
    qint64 tooLarge = 0;
    qint64 bytesIn = 0;
    qint64 bytesOut = 0;
    std::optional<std::chrono::steady_clock::time_point> firstByteAt;

private:
    void openUdp();
    void feed(QByteArrayView bytes, const Sink &sink);
    void line(QByteArrayView text, const Sink &sink);
    void noise(const QString &text);
    QByteArray damage(QByteArray bytes, qsizetype from, qsizetype to);

    const VirtualSmpOptions &m_options;
    std::unique_ptr<PtyEnd> m_pty;
    OwnedFd m_ownRead, m_ownWrite;
    int m_readFd = -1;
    int m_writeFd = -1;
    QString m_path;
    quint16 m_port = 0;
    std::unique_ptr<PacketDeframer> m_raw;
    QByteArray m_line; // console: since the last newline
    bool m_overlong = false;
    QByteArray m_packet; // console: decoded pieces with length and CRC
    bool m_inPacket = false;
    QByteArray m_out;
    std::mt19937_64 m_random;
    std::chrono::steady_clock::time_point m_lastInput;
    std::chrono::steady_clock::time_point m_started = std::chrono::steady_clock::now();
};

} // namespace slipway
