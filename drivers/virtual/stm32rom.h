#pragma once
// The boot loader in an STM32's ROM and the memory it works on, as AN3155 has them and as strict as the chip: bytes in,
// bytes out, no link and no clock. Used by VirtualStm32 in one thread.

#include "drivers/virtual/stm32chips.h"

#include <QByteArray>
#include <QMap>
#include <QSet>

#include <chrono>

namespace slipway {

class Stm32Rom
{
public:
    struct Timing {
        std::chrono::microseconds erase{0};   // of a page or sector
        std::chrono::microseconds program{0}; // of a frame of up to 256 bytes
    };

    Stm32Rom(const VirtualStm32Chip &chip, int flashKib, QByteArray uniqueId, Timing timing);

    // What the chip makes of these bytes, which reached it together. The first one after a reset must be 0x7f, or its
    // rate is measured wrongly and nothing is understood until the next reset. The UART holds one byte: what comes
    // behind the end of a frame, before its answer, is lost (overrun).
    struct Outcome {
        QByteArray reply;
        std::chrono::microseconds busy{0}; // before the last byte of the reply
        bool restart = false;              // after the reply
    };
    Outcome take(QByteArrayView bytes);
    // Power or reset with BOOT0 high: waits for 0x7f again. Memory stays, but for RAM.
    void reset();

    bool running() const { return m_state == State::Running; } // Go was taken: the loader is gone
    quint32 startedAt() const { return m_startedAt; }
    bool readoutProtected() const { return m_readoutProtected; }
    void setReadoutProtected(bool on) { m_readoutProtected = on; }
    QSet<int> protectedSectors() const { return m_protected; }
    const QByteArray &flash() const { return m_flash; }
    void setFlash(const QByteArray &content);
    QByteArray ram() const { return m_ram; }

    // Trouble.
    quint16 lieId = 0;      // told in place of the true one
    int lieFlashKib = 0;    // told in place of the true size
    int refuseEvery = 0;    // every n-th command is refused
    qint64 stuckAt = -1;    // this byte of the flash stays 0xff
    bool deafErase = false; // erasing says ACK and does nothing

    // Facts for tests.
    struct Counters {
        int commands = 0, refused = 0, writes = 0, pagesErased = 0, massErases = 0, restarts = 0;
        qint64 overrun = 0; // bytes lost since the host did not wait
        qint64 reread = 0;  // bytes read
    };
    Counters counters() const { return m_counters; }

private:
    enum class State {
        Autobaud,
        Lost, // the rate was measured by another byte than 0x7f
        Command,
        Complement,
        Address,
        Count,     // of Read Memory
        Frame,     // count and data, one byte of count
        LongFrame, // Extended Erase
        Running,
    };

    void step(quint8 byte, Outcome &out);
    void command(Outcome &out);
    void address(Outcome &out);
    void readCount(quint8 byte, Outcome &out);
    void frame(Outcome &out);
    void longFrame(Outcome &out);
    void yes(Outcome &out);
    void no(Outcome &out); // and back to waiting for a command
    bool readable(quint32 at, qsizetype count, QByteArray &bytes) const;
    bool addressKnown(quint32 at) const;
    bool program(quint32 at, QByteArrayView bytes);
    bool erasePage(int page);
    void wipe();
    QByteArray optionBytes() const;
    QByteArray signature(quint32 from, quint32 size) const;
    int sectorOf(qsizetype offset) const;
    int protectNumber(qsizetype offset) const;
    qsizetype sectorBegin(int sector) const;
    qsizetype sectorSize(int sector) const;
    int sectorCount() const;

    const VirtualStm32Chip &m_chip;
    Timing m_timing;
    QByteArray m_flash, m_ram, m_uniqueId;
    bool m_readoutProtected = false;
    QSet<int> m_protected;

    State m_state = State::Autobaud;
    quint8 m_command = 0;
    quint32 m_address = 0;
    QByteArray m_frame;
    quint32 m_startedAt = 0;
    Counters m_counters;
};

} // namespace slipway
