#pragma once
// The host's side of ST's USART boot loader (AN3155): one frame, one answer, never the next frame before the answer,
// for the loader's UART has no room for it. Every wait has an end. What the loader refuses is an outcome, not a fault;
// a loader that falls silent or talks nonsense is one: stm32.no-answer, stm32.not-loader, stm32.silent,
// stm32.bad-reply, besides link.* and base.*.

#include "drivers/link/bytelink.h"
#include "drivers/stm32/stm32frames.h"

#include <chrono>
#include <memory>
#include <optional>

namespace slipway {

class Stm32Client
{
public:
    enum class Outcome {
        Done,
        Denied,  // the command itself: readout protection is on, or the loader does not know it
        Address, // the address
        Data,    // what came with it: damaged on the way, or the flash would not take it
    };

    explicit Stm32Client(std::unique_ptr<ByteLink> link);

    // Finds the loader and leaves it waiting for a command, whatever state it was in: just reset (section 1), in use
    // already, or in the middle of a frame that was cut short.
    void synchronise(const Task &task);
    stm32::Loader get(const Task &task);
    quint16 id(const Task &task);
    stm32::VersionAnswer version(const Task &task);

    // 1 to 256 bytes.
    Outcome read(quint32 at, qsizetype count, QByteArray &to, const Task &task);
    // 1 to 256 bytes, a multiple of 4.
    Outcome write(quint32 at, QByteArrayView block, const Task &task);
    // With the command that the loader knows; at most stm32::mostShortPages or mostLongPages. patience: how long the
    // flash may take.
    Outcome erase(const QList<quint16> &pages, bool extended, std::chrono::milliseconds patience, const Task &task);
    Outcome eraseAll(bool extended, std::chrono::milliseconds patience, const Task &task);
    Outcome go(quint32 at, const Task &task);
    // Write Unprotect, Readout Protect, Readout Unprotect: the chip restarts when done.
    Outcome protection(stm32::Command command, std::chrono::milliseconds patience, const Task &task);
    // Sectors 0 to 255; the chip restarts when done.
    Outcome writeProtect(const QList<quint16> &sectors, const Task &task);

    ByteLink &link() { return *m_link; }
    qint64 wireBytes() const { return m_wireBytes; } // both directions, so far

private:
    void send(QByteArrayView bytes, const Task &task);
    void begin(stm32::Command command, const Task &task);
    // The command, a second time when it is refused: the first may have been damaged on the way.
    bool commanded(stm32::Command command, const Task &task);
    // Exactly that many bytes.
    QByteArray receive(qsizetype count, std::chrono::milliseconds patience, const Task &task);
    bool acknowledged(std::chrono::milliseconds patience, const Task &task);
    QByteArray answer(stm32::Command command, const Task &task);
    std::optional<char> mark(const Task &task); // the next ACK or NACK, passing over anything else
    bool settle(const Task &task);
    Outcome twice(stm32::Command command, QByteArrayView frame, std::chrono::milliseconds patience, const Task &task);
    [[noreturn]] void unreadable(const QByteArray &came) const;

    std::unique_ptr<ByteLink> m_link;
    QByteArray m_in;
    QByteArray m_noise; // came while the loader was looked for
    stm32::Command m_asked = stm32::Command::Get;
    qint64 m_wireBytes = 0;
};

} // namespace slipway
