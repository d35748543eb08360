#include "drivers/smp/smpclient.h"

#include "core/base/text.h"

#include <utility>

namespace slipway {

namespace {
constexpr int assumedBuffer = 1024; // MCUboot's serial recovery tells nothing and has this much
constexpr qsizetype usualAnswer = 512;
} // namespace

SmpClient::SmpClient(std::unique_ptr<ByteLink> link, SmpFraming framing) : m_transport(std::move(link), framing)
{
    m_parameters.bufferSize = assumedBuffer;
    nudge();
}

quint8 SmpClient::post(const SmpRequest &request)
{
    return post(request.op, request.group, request.command, request.payload);
}

quint8 SmpClient::post(SmpHeader::Op op, quint16 group, quint8 command, QByteArrayView payload)
{
    while (m_pending[m_sequence]) // 256 in flight cannot be: windows are smaller
        ++m_sequence;
    const quint8 sequence = m_sequence++;
    m_pending[sequence] = Pending{op, group, command};

    SmpHeader header;
    header.op = op;
    header.version = m_version;
    header.length = static_cast<quint16>(payload.size());
    header.group = group;
    header.sequence = sequence;
    header.command = command;
    m_scratch.resize(SmpHeader::size);
    header.encode(m_scratch.data());
    m_scratch.append(payload);
    m_transport.send(m_scratch);
    return sequence;
}

void SmpClient::forgetAll()
{
    m_pending.fill(std::nullopt);
}

bool SmpClient::answers(const SmpReply &reply) const
{
    const auto &pending = m_pending[reply.header.sequence];
    return pending && pending->group == reply.header.group && pending->command == reply.header.command &&
           SmpHeader::responseTo(pending->op) == reply.header.op;
}

// Zephyr's server can fail so badly that it sends the header of an earlier answer and nothing behind it. Where only one
// request waits, and it is of that kind, it is the answer to that one; waiting on would be in vain.
bool SmpClient::adopt(SmpReply &reply) const
{
    if (reply.unreadable.isEmpty())
        return false;
    int waiting = 0;
    quint8 sequence = 0;
    for (size_t i = 0; i < m_pending.size(); ++i) {
        if (m_pending[i]) {
            ++waiting;
            sequence = static_cast<quint8>(i);
        }
    }
    if (waiting != 1)
        return false;
    const quint8 stale = std::exchange(reply.header.sequence, sequence);
    if (answers(reply))
        return true;
    reply.header.sequence = stale;
    return false;
}

std::optional<SmpReply> SmpClient::collect(Deadline deadline, const std::stop_token &stop)
{
    QByteArray packet;
    while (m_transport.receive(packet, deadline, stop)) {
        auto reply = SmpReply::parse(packet);
        if (!reply) {
            ++m_ignored;
            continue;
        }
        if (!answers(*reply) && !adopt(*reply)) {
            ++m_ignored;
            continue;
        }
        m_pending[reply->header.sequence].reset();
        ++m_answers;
        if (reply->header.version < m_version)
            m_version = reply->header.version; // an old server that knows no versions
        return reply;
    }
    return std::nullopt;
}

SmpReply SmpClient::exchange(const SmpRequest &request, const Task &task, const Patience &patience)
{
    const qsizetype size = SmpHeader::size + request.payload.size();
    const auto onTheWire = m_transport.wireTime(m_transport.wireSize(size) + 2 * usualAnswer);
    bool otherVersion = false;
    quint8 sequence = post(request);
    for (int attempt = 1;; ++attempt) {
        const Deadline deadline = task.deadline.sooner(patience.answer + onTheWire);
        while (auto reply = collect(deadline, task.stop)) {
            if (reply->header.sequence != sequence)
                continue; // of an upload that was given up
            const bool tooNew = reply->error && !reply->error->group && reply->error->rc == smp::RcTooNew;
            const bool tooOld = reply->error && !reply->error->group && reply->error->rc == smp::RcTooOld;
            if (!otherVersion && ((tooNew && m_version == 1) || (tooOld && m_version == 0))) {
                otherVersion = true;
                m_version = tooNew ? 0 : 1;
                sequence = post(request);
                continue;
            }
            return *reply;
        }
        if (attempt >= patience.tries || task.deadline.expired()) {
            forget(sequence);
            if (task.deadline.expired())
                task.check(QStringLiteral("The exchange with the device on %1").arg(link().port));
            noAnswer(
                QStringLiteral("group %1 command %2, %3 tries").arg(request.group).arg(request.command).arg(attempt));
        }
        // The same sequence number again: an answer to either is an answer.
        nudge();
        m_transport.send(request.packet(m_version, sequence));
    }
}

SmpReply SmpClient::demand(const SmpRequest &request, const QString &what, const Task &task, const Patience &patience)
{
    SmpReply reply = exchange(request, task, patience);
    reply.require(what);
    return reply;
}

void SmpClient::reopen(const Task &task)
{
    forgetAll();
    m_transport.reopen(task);
    nudge();
}

void SmpClient::noAnswer(const QString &detail) const
{
    if (m_answers == 0 && m_transport.bytesHeard() > 0) {
        const QString heard = oneLine(QString::fromLatin1(m_transport.lastHeard()), 48);
        throw Fault("smp.not-smp", {link().port, heard}, detail);
    }
    throw Fault("smp.no-answer", {link().port}, detail);
}

} // namespace slipway
