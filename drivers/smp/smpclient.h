#pragma once
// The host's side of SMP: numbers requests, matches responses to them by sequence number, group and command, sends
// again after silence, ignores late and duplicate responses, falls back from protocol version 2 to 1, and allows as
// many requests in flight as the device has buffers. Used by one thread. Throws link.*, base.stopped, base.timeout,
// smp.no-answer, smp.not-smp.

#include "drivers/smp/smpmessage.h"
#include "drivers/smp/smptransport.h"

#include <array>
#include <optional>

namespace slipway {

class SmpClient
{
public:
    struct Patience {
        std::chrono::milliseconds answer{1000}; // for the device to think; the time on the wire comes on top
        int tries = 4;                          // 1: what must not be done twice
    };
    struct Parameters {
        int bufferSize = 0; // bytes of a receive buffer
        int bufferCount = 1;
        bool told = false; // by the device; else assumed
    };

    SmpClient(std::unique_ptr<ByteLink> link, SmpFraming framing);

    const LinkInfo &link() const { return m_transport.info(); }
    SmpTransport &transport() { return m_transport; }
    int version() const { return m_version; } // 0 is SMP version 1, 1 is version 2
    void setVersion(quint8 version) { m_version = version; }
    const Parameters &parameters() const { return m_parameters; }
    void setParameters(const Parameters &parameters) { m_parameters = parameters; }
    qsizetype largestPacket() const { return m_transport.largestPacket(m_parameters.bufferSize); }

    // Ask and wait; asks again after silence. The reply may carry an error.
    SmpReply exchange(const SmpRequest &request, const Task &task, const Patience &patience);
    SmpReply exchange(const SmpRequest &request, const Task &task) { return exchange(request, task, Patience()); }
    // The same; a reply with an error is thrown (SmpReply::require).
    SmpReply demand(const SmpRequest &request, const QString &what, const Task &task, const Patience &patience);
    SmpReply demand(const SmpRequest &request, const QString &what, const Task &task)
    {
        return demand(request, what, task, Patience());
    }

    // Several at once: post() queues a request and gives its sequence number, collect() the next reply to any posted
    // one, or nothing at the deadline.
    quint8 post(const SmpRequest &request);
    quint8 post(SmpHeader::Op op, quint16 group, quint8 command, QByteArrayView payload);
    std::optional<SmpReply> collect(Deadline deadline, const std::stop_token &stop);
    void forget(quint8 sequence) { m_pending[sequence].reset(); }
    void forgetAll();
    void nudge() { m_transport.nudge(); }

    // The device went away and comes back: opens the link anew and forgets everything on the way.
    void reopen(const Task &task);
    [[noreturn]] void noAnswer(const QString &detail = {}) const;

    qint64 ignored() const { return m_ignored; } // responses to nothing that was asked

private:
    struct Pending {
        SmpHeader::Op op;
        quint16 group;
        quint8 command;
    };

    bool answers(const SmpReply &reply) const;
    bool adopt(SmpReply &reply) const;

    SmpTransport m_transport;
    Parameters m_parameters;
    quint8 m_version = 1;
    quint8 m_sequence = 0;
    std::array<std::optional<Pending>, 256> m_pending;
    QByteArray m_scratch;
    qint64 m_ignored = 0;
    qint64 m_answers = 0;
};

} // namespace slipway
