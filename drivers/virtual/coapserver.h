#pragma once
// The message layer of a virtual CoAP device: repetitions (RFC 7252 section 4.5), blocks (RFC 7959), observation
// (RFC 7641), refusals. Datagrams in, datagrams out; no socket, no thread.

#include "drivers/virtual/coapboard.h"
#include "drivers/virtual/coapfaults.h"
#include "drivers/virtual/coapwire.h"

#include <deque>
#include <map>

namespace slipway {

class CoapServer
{
public:
    using Clock = std::chrono::steady_clock;
    struct Out {
        QByteArray peer;
        QByteArray datagram;
        Clock::time_point at;
    };

    CoapServer(const VirtualCoapOptions &options, CoapFaultDesk &faults, CoapBoard &board);

    // What comes out is in takeOut(). multicast: the datagram came to a group.
    void receive(const QByteArray &peer, const QByteArray &datagram, bool multicast, Clock::time_point now);
    void tick(Clock::time_point now);
    std::deque<Out> takeOut() { return std::exchange(m_out, {}); }
    void restart(); // everything about peers is forgotten
    void forget(const QByteArray &peer);
    int observers() const { return int(m_observers.size()); }

    qint64 requests = 0, repetitions = 0, malformed = 0, uploadedBytes = 0;
    bool muted = false;  // for good: the fault "silence"
    bool silent = false; // until the restart that comes

private:
    struct Upload { // a body that comes in blocks
        QByteArray body, tag;
        int format = -1;
    };
    struct Peer {
        std::deque<std::pair<quint16, QByteArray>> answered; // message id, answer: newest last
        std::map<QString, Upload> uploads;                   // by method and path
    };
    struct Observer {
        QByteArray peer, token;
        QString path;
        int accept = -1;
        quint32 sequence = 2;
        quint16 lastId = 0;
    };

    void request(const QByteArray &peer, const CoapWire &message, bool multicast, Clock::time_point now);
    std::optional<CoapWire> respond(const QByteArray &peer, const CoapWire &message, bool multicast);
    // Nothing: the body is complete and in `body`.
    std::optional<CoapWire> collect(Peer &peer, const CoapWire &message, CoapWire &reply, QByteArray &body);
    void put(CoapWire &reply, const CoapAnswer &answer, const CoapWire &message);
    void observe(const QByteArray &peer, const CoapWire &message, CoapWire &reply, const CoapAnswer &answer);
    void notify();
    void send(const QByteArray &peer, const CoapWire &message, Clock::time_point at);
    void sendRaw(const QByteArray &peer, const QByteArray &datagram, Clock::time_point at);

    const VirtualCoapOptions &m_options;
    CoapFaultDesk &m_faults;
    CoapBoard &m_board;
    std::map<QByteArray, Peer> m_peers;
    std::vector<Observer> m_observers;
    std::deque<Out> m_out;
    quint16 m_id = 0x4000;
    int m_szx;
    quint32 m_etagCounter = 0;
    QByteArray m_tagged, m_tag; // the body last given, and its ETag
};

} // namespace slipway
