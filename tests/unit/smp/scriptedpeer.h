#pragma once
// The other end of a socket pair that answers SMP requests as a test says: a thread that takes requests apart and hands
// each to a handler, which returns what to put on the wire, byte for byte.

#include "core/codec/packetdeframer.h"
#include "core/codec/smpheader.h"
#include "drivers/link/fdlink.h"
#include "drivers/smp/smptransport.h"

#include <QCborMap>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace slipway::test {

class ScriptedPeer
{
public:
    struct Request {
        SmpHeader header;
        QCborMap body;
        QByteArray packet;
        int number = 0; // from 1
    };
    // Bytes to write now; use answer() and friends.
    using Handler = std::function<QList<QByteArray>(const Request &)>;

    explicit ScriptedPeer(Handler handler, SmpFraming framing = SmpFraming::Console);
    ~ScriptedPeer();

    // The host's end, once.
    std::unique_ptr<ByteLink> link(int baud = 0);
    void hangUp();                     // closes the peer's end
    void say(const QByteArray &bytes); // from any thread
    QByteArray heard() const;          // raw bytes that came
    int requests() const { return m_requests; }

    // Framed answers to a request.
    QByteArray answer(const Request &request, const QCborMap &body) const;
    QByteArray answerBytes(const Request &request, const QByteArray &cbor) const;
    QByteArray framed(const QByteArray &packet) const;

private:
    void serve();

    Handler m_handler;
    SmpFraming m_framing;
    int m_host = -1, m_peer = -1;
    std::atomic<int> m_requests{0};
    std::atomic<bool> m_end{false};
    mutable std::mutex m_mutex;
    QByteArray m_heard;
    std::jthread m_thread;
};

} // namespace slipway::test
