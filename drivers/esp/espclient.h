#pragma once
// Asks the ROM loader and waits for its answer: one request at a time, as the ROM takes them. Answers to other requests
// (the eight to SYNC, a late one) are passed over. Throws esp.no-answer, esp.refused, esp.bad-reply, link.*,
// base.stopped, base.timeout.

#include "core/base/fault.h"
#include "core/codec/slip.h"
#include "drivers/esp/espmessage.h"
#include "drivers/link/bytelink.h"

#include <chrono>
#include <memory>

namespace slipway {

// The chip refused; the caller may know better.
class EspRefusal : public Fault
{
public:
    EspRefusal(const QString &what, const EspReply &reply);
    quint8 error() const { return m_error; }

private:
    quint8 m_error;
};

class EspClient
{
public:
    static constexpr std::chrono::milliseconds usualPatience{3000};

    explicit EspClient(std::unique_ptr<ByteLink> link);

    // The answer, refusals included; nothing when there is none in time (base.timeout where the task's own time is up).
    // patience: of the chip, on top of what the bytes take on the wire.
    std::optional<EspReply> ask(const EspRequest &request, const Task &task,
                                std::chrono::milliseconds patience = usualPatience);
    // The data of a good answer, `size` bytes. what: "erase the flash memory", for the sentences.
    QByteArray demand(const EspRequest &request, qsizetype size, const QString &what, const Task &task,
                      std::chrono::milliseconds patience = usualPatience);
    quint32 readRegister(quint32 address, const Task &task);
    void writeRegister(quint32 address, quint32 value, const Task &task);

    // One SYNC; true when it was answered. The answers to it that are still to come are waited for.
    bool sync(const Task &task);
    // Passes over what comes meanwhile and keeps the end of it in heard(): for the timing of resets.
    void listen(std::chrono::milliseconds span, const Task &task);
    // What came and was no answer, printable, its end: a boot log.
    QString heard() const;
    void forget(); // input and what was heard

    ByteLink &link() { return *m_link; }
    qint64 wireBytes() const { return m_wireBytes; } // both directions, as framed
    [[noreturn]] void noAnswer(const QString &detail) const;

private:
    std::optional<EspReply> next(Deadline deadline, const Task &task);
    std::chrono::milliseconds wireTime(qsizetype bytes) const;

    std::unique_ptr<ByteLink> m_link;
    slip::Deframer m_deframer;
    QByteArray m_frame; // of the request, kept for its memory
    QByteArray m_heard;
    qint64 m_wireBytes = 0;
    bool m_answered = false; // since forget(): what comes is no boot log any more
};

} // namespace slipway
