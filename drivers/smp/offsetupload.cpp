#include "drivers/smp/offsetupload.h"

#include "core/base/progress.h"
#include "core/base/text.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr int mostSilences = 5; // in a row
constexpr int mostBacks = 25;   // answers with an unexpected offset, without progress between
constexpr int mostRefills = 40; // "no memory", without progress between
constexpr int mostRestarts = 5; // the device lost what it had, or the link went, per upload
constexpr int smallestGuess = 256;
constexpr std::chrono::milliseconds memoryPause{10};
} // namespace

bool OffsetUpload::windowOpen() const
{
    return !m_draining && m_next < m_plan.total && static_cast<int>(m_flights.size()) < (m_started ? m_window : 1);
}

void OffsetUpload::sendNext()
{
    m_payload.resize(0);
    const qsizetype room = m_client.largestPacket() - SmpHeader::size;
    const qint64 n = m_plan.piece(m_payload, m_next, room);
    if (n <= 0)
        throw Fault("smp.buffer", {QString::number(m_client.parameters().bufferSize)});
    const quint8 sequence = m_client.post(SmpHeader::Write, m_plan.group, m_plan.command, m_payload);

    // Due when the line has carried it and all before it, and the device has had its time.
    const auto now = std::chrono::steady_clock::now();
    const SmpTransport &transport = m_client.transport();
    m_wireFree = std::max(m_wireFree, now) + transport.wireTime(transport.wireSize(SmpHeader::size + m_payload.size()));
    m_flights.push_back({sequence, m_next, m_next + n, m_wireFree + (m_started ? m_plan.answer : m_plan.firstAnswer)});
    m_next += n;
}

void OffsetUpload::confirm(qint64 offset, const Task &task)
{
    if (offset > m_confirmed)
        m_silences = m_backs = m_refills = 0;
    m_confirmed = offset;
    if (task.progress)
        task.progress->setDone(m_confirmed);
}

void OffsetUpload::noProgress(const char *code)
{
    throw Fault(code, {m_client.link().port, QString::number(m_confirmed), QString::number(m_plan.total)});
}

void OffsetUpload::startOver(qint64 offset)
{
    m_client.forgetAll();
    m_flights.clear();
    m_draining = false;
    m_next = offset;
    m_wireFree = {};
}

void OffsetUpload::answered(const SmpReply &reply, const Task &task)
{
    const auto flight = std::find_if(m_flights.begin(), m_flights.end(),
                                     [&](const Flight &f) { return f.sequence == reply.header.sequence; });
    if (flight == m_flights.end())
        return; // of an earlier attempt
    const Flight piece = *flight;
    // Devices answer in order: what was sent before and is not answered has lost its request or its answer.
    for (auto it = m_flights.begin(); it != flight; ++it)
        m_client.forget(it->sequence);
    m_flights.erase(m_flights.begin(), flight + 1);

    if (!reply.unreadable.isEmpty() && ++m_backs <= mostBacks) { // a damaged answer: as if it had not come
        m_draining = true;
        return;
    }
    std::optional<qint64> offset = reply.integer("off"_L1);
    if (reply.error) {
        if (reply.error->isNoMemory()) {
            if (++m_refills > mostRefills)
                reply.require(m_plan.what);
            m_window = std::max(1, m_window - 1);
            m_draining = true;
            if (m_flights.empty()) // nothing to wait for but the device's memory
                m_client.collect(task.deadline.sooner(memoryPause * std::min(m_refills, 20)), task.stop);
            return;
        }
        if (m_plan.offsetOfError)
            offset = m_plan.offsetOfError(reply);
        if (!offset)
            reply.require(m_plan.what);
    }
    if (!offset || *offset < 0 || *offset > m_plan.total)
        throw Fault("smp.bad-reply", {m_plan.what}, offset ? u"off %1"_s.arg(*offset) : u"no off"_s);

    m_last = reply;
    if (*offset == piece.to) {
        m_started = true;
        confirm(*offset, task);
        return;
    }
    // The device expects something else. Right after the start it says what it has from an earlier attempt.
    if (!m_started) {
        m_started = true;
        if (m_plan.resumes)
            m_resumedAt = *offset;
    } else if (++m_backs > mostBacks) {
        noProgress("smp.upload-stuck");
    }
    if (*offset == 0 && m_confirmed > 0 && ++m_restarts > mostRestarts) // it has forgotten all
        noProgress("smp.upload-stuck");
    if (*offset == 0 && m_confirmed > 0) {
        m_started = false; // what it says to the first piece is new again
        m_resumedAt = 0;
    }
    confirm(*offset, task);
    m_draining = true;
}

void OffsetUpload::wentSilent(const Task &task)
{
    if (task.deadline.expired())
        task.check(u"The upload"_s);
    if (++m_silences >= mostSilences)
        m_client.noAnswer(u"upload at %1 of %2"_s.arg(m_confirmed).arg(m_plan.total));
    task.say(u"No answer at byte %1; sending again."_s.arg(m_confirmed));
    // A device that does not tell its buffer's size may have dropped a piece that is too large for it.
    auto parameters = m_client.parameters();
    if (!m_started && !parameters.told && parameters.bufferSize > smallestGuess) {
        parameters.bufferSize = std::max(smallestGuess, parameters.bufferSize / 2);
        m_client.setParameters(parameters);
    }
    m_client.nudge();
    startOver(m_confirmed);
}

void OffsetUpload::wentAway(const Task &task)
{
    if (++m_restarts > mostRestarts)
        noProgress("smp.upload-stuck");
    task.say(u"The device went away at byte %1; waiting for it."_s.arg(m_confirmed));
    if (task.progress)
        task.progress->setNote(u"waiting for the device to come back"_s);
    m_client.reopen(task.within(m_plan.comesBack));
    if (task.progress)
        task.progress->setNote(QString());
    m_started = false;
    startOver(0); // asks where it stands
}

Firmware::WriteResult OffsetUpload::run(const Task &task)
{
    const auto begin = std::chrono::steady_clock::now();
    m_window = std::max(1, m_client.parameters().bufferCount);
    if (task.progress) {
        task.progress->setTotal(m_plan.total);
        task.progress->setDone(0);
    }
    bool empty = m_plan.total == 0; // an empty file is one piece without content
    while (empty || m_confirmed < m_plan.total || !m_flights.empty()) {
        task.check(u"The upload"_s);
        try {
            if (empty) {
                m_payload.resize(0);
                m_plan.piece(m_payload, 0, m_client.largestPacket() - SmpHeader::size);
                m_last =
                    m_client.demand({SmpHeader::Write, m_plan.group, m_plan.command, m_payload}, m_plan.what, task);
                empty = false;
                continue;
            }
            while (windowOpen())
                sendNext();
            if (m_flights.empty()) {
                m_draining = false;
                m_next = m_confirmed;
                continue;
            }
            const Deadline due = task.deadline.sooner(std::chrono::ceil<std::chrono::milliseconds>(
                std::max(std::chrono::steady_clock::duration::zero(),
                         m_flights.front().due - std::chrono::steady_clock::now())));
            if (const auto reply = m_client.collect(due, task.stop))
                answered(*reply, task);
            else
                wentSilent(task);
        } catch (const Fault &fault) {
            if (!fault.is("link.gone"))
                throw;
            wentAway(task);
        }
    }
    Firmware::WriteResult result;
    result.bytes = m_plan.total - m_resumedAt;
    result.resumedAt = m_resumedAt;
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return result;
}

} // namespace slipway
