#include "drivers/esp/espclient.h"

#include "core/base/text.h"

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {
constexpr qsizetype longestReply = 4096; // the longest that is asked for has 68 bytes of data
constexpr qsizetype heardLimit = 1024;
constexpr auto syncPatience = 100ms;
constexpr int syncAnswers = 8;
} // namespace

EspRefusal::EspRefusal(const QString &what, const EspReply &reply)
    : Fault("esp.refused", {what, esp::errorText(reply.error)},
            u"%1: error 0x%2"_s.arg(esp::commandName(reply.command)).arg(reply.error, 2, 16, QChar(u'0'))),
      m_error(reply.error)
{}

EspClient::EspClient(std::unique_ptr<ByteLink> link) : m_link(std::move(link)), m_deframer(longestReply) {}

std::chrono::milliseconds EspClient::wireTime(qsizetype bytes) const
{
    const double rate = m_link->info().bytesPerSecond();
    return std::chrono::milliseconds(qint64(1000.0 * double(bytes) / (rate > 0 ? rate : 11520)) + 1);
}

std::optional<EspReply> EspClient::next(Deadline deadline, const Task &task)
{
    QByteArray packet;
    for (;;) {
        while (m_deframer.next(packet)) {
            if (auto reply = EspReply::parse(packet))
                return reply;
        }
        const QByteArray bytes = m_link->read(deadline, task.stop);
        if (bytes.isEmpty())
            return std::nullopt;
        m_wireBytes += bytes.size();
        if (!m_answered)
            m_heard = (m_heard + bytes).right(heardLimit);
        m_deframer.feed(bytes);
    }
}

std::optional<EspReply> EspClient::ask(const EspRequest &request, const Task &task, std::chrono::milliseconds patience)
{
    m_frame.resize(0);
    slip::append(m_frame, request.packet());
    const Deadline deadline = task.deadline.sooner(patience + 2 * wireTime(m_frame.size() + 128));
    m_link->write(m_frame, deadline, task.stop);
    m_wireBytes += m_frame.size();
    while (auto reply = next(deadline, task)) {
        if (reply->command != request.command)
            continue;
        m_answered = true;
        return reply;
    }
    task.check(u"The exchange with the chip on %1"_s.arg(m_link->info().port));
    return std::nullopt;
}

QByteArray EspClient::demand(const EspRequest &request, qsizetype size, const QString &what, const Task &task,
                             std::chrono::milliseconds patience)
{
    const auto reply = ask(request, task, patience);
    if (!reply)
        noAnswer(esp::commandName(request.command));
    if (!reply->ok)
        throw EspRefusal(what, *reply);
    if (reply->data.size() != size)
        throw Fault(
            "esp.bad-reply", {what},
            u"%1: %2 bytes and not %3"_s.arg(esp::commandName(request.command)).arg(reply->data.size()).arg(size));
    return reply->data;
}

quint32 EspClient::readRegister(quint32 address, const Task &task)
{
    const QString what = u"read its register 0x%1"_s.arg(address, 8, 16, QChar(u'0'));
    const auto reply = ask(EspRequest::words(esp::ReadRegister, {address}), task);
    if (!reply)
        noAnswer(what);
    if (!reply->ok)
        throw EspRefusal(what, *reply);
    return reply->value;
}

void EspClient::writeRegister(quint32 address, quint32 value, const Task &task)
{
    demand(EspRequest::words(esp::WriteRegister, {address, value, 0xffffffff, 0}), 0,
           u"write its register 0x%1"_s.arg(address, 8, 16, QChar(u'0')), task);
}

bool EspClient::sync(const Task &task)
{
    m_deframer.reset();
    const auto first = ask(EspRequest::sync(), task, syncPatience);
    if (!first || !first->ok)
        return false;
    for (int answers = 1; answers < syncAnswers; ++answers) {
        if (!next(task.deadline.sooner(syncPatience), task))
            break; // fewer than usual
    }
    return true;
}

void EspClient::listen(std::chrono::milliseconds span, const Task &task)
{
    const Deadline deadline = task.deadline.sooner(span);
    for (;;) {
        const QByteArray bytes = m_link->read(deadline, task.stop);
        if (bytes.isEmpty())
            return;
        m_heard = (m_heard + bytes).right(heardLimit);
    }
}

QString EspClient::heard() const
{
    QString out;
    for (const char c : m_heard) {
        if (c >= 0x20 && c < 0x7f)
            out += QLatin1Char(c);
        else if (!out.endsWith(u' '))
            out += u' ';
    }
    return out.trimmed();
}

void EspClient::forget()
{
    m_link->discardInput();
    m_deframer.reset();
    m_heard.clear();
    m_answered = false;
}

void EspClient::noAnswer(const QString &detail) const
{
    throw Fault("esp.no-answer", {m_link->info().port}, detail);
}

} // namespace slipway
