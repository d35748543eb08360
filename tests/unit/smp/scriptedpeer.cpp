#include "tests/unit/smp/scriptedpeer.h"

#include "core/codec/consoleframing.h"
#include "core/codec/rawframing.h"

#include <QCborValue>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace slipway::test {

ScriptedPeer::ScriptedPeer(Handler handler, SmpFraming framing) : m_handler(std::move(handler)), m_framing(framing)
{
    int ends[2];
    const int type = framing == SmpFraming::Datagram ? SOCK_SEQPACKET : SOCK_STREAM;
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
        qFatal("socketpair");
    m_host = ends[0];
    m_peer = ends[1];
    m_thread = std::jthread([this] { serve(); });
}

ScriptedPeer::~ScriptedPeer()
{
    m_end = true;
    ::shutdown(m_peer, SHUT_RDWR);
    m_thread.join();
    ::close(m_peer);
    if (m_host >= 0)
        ::close(m_host);
}

std::unique_ptr<ByteLink> ScriptedPeer::link(int baud)
{
    LinkInfo info;
    info.port = QStringLiteral("test");
    info.baud = baud;
    info.datagrams = m_framing == SmpFraming::Datagram;
    info.datagram = 1472;
    return std::make_unique<FdLink>(std::exchange(m_host, -1), info);
}

void ScriptedPeer::hangUp()
{
    m_end = true;
    ::shutdown(m_peer, SHUT_RDWR);
}

void ScriptedPeer::say(const QByteArray &bytes)
{
    const std::scoped_lock lock(m_mutex);
    qsizetype at = 0;
    while (at < bytes.size()) {
        const ssize_t n = ::send(m_peer, bytes.data() + at, size_t(bytes.size() - at), MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
    }
}

QByteArray ScriptedPeer::heard() const
{
    const std::scoped_lock lock(m_mutex);
    return m_heard;
}

QByteArray ScriptedPeer::framed(const QByteArray &packet) const
{
    return m_framing == SmpFraming::Console ? ConsoleFramer::frame(packet) : packet;
}

QByteArray ScriptedPeer::answerBytes(const Request &request, const QByteArray &cbor) const
{
    SmpHeader header = request.header;
    header.op = SmpHeader::responseTo(header.op);
    header.length = static_cast<std::uint16_t>(cbor.size());
    return framed(header.encoded() + cbor);
}

QByteArray ScriptedPeer::answer(const Request &request, const QCborMap &body) const
{
    return answerBytes(request, QCborValue(body).toCbor());
}

void ScriptedPeer::serve()
{
    std::unique_ptr<PacketDeframer> deframer;
    if (m_framing == SmpFraming::Console)
        deframer = std::make_unique<ConsoleDeframer>();
    else if (m_framing == SmpFraming::Raw)
        deframer = std::make_unique<RawDeframer>(RawDeframer::Side::Device);
    QByteArray buffer(65536, '\0');
    while (!m_end) {
        const ssize_t n = ::recv(m_peer, buffer.data(), size_t(buffer.size()), 0);
        if (n <= 0)
            return;
        {
            const std::scoped_lock lock(m_mutex);
            m_heard += buffer.left(n);
        }
        QList<QByteArray> packets;
        if (deframer) {
            deframer->feed(QByteArrayView(buffer).first(n));
            QByteArray packet;
            while (deframer->next(packet))
                packets << packet;
        } else {
            packets << buffer.left(n);
        }
        for (const QByteArray &packet : packets) {
            const auto header = SmpHeader::decode(packet);
            if (!header)
                continue;
            Request request{*header, QCborValue::fromCbor(packet.mid(SmpHeader::size)).toMap(), packet, ++m_requests};
            for (const QByteArray &out : m_handler(request))
                say(out);
        }
    }
}

} // namespace slipway::test
