#pragma once
// Flash memory, option bytes and their controller (FPEC) of an STM32F103 of medium density, as PM0075 describes them:
// keys, page and mass erase, programming by halfwords, write and readout protection. What the manual forbids does not
// happen. Used in one thread.

#include <QByteArray>

#include <array>
#include <chrono>

namespace slipway {

class Stm32F1Flash
{
public:
    static constexpr quint32 flashAt = 0x08000000, optionsAt = 0x1ffff800, registersAt = 0x40022000;
    static constexpr int pageSize = 1024, optionCount = 8;
    struct Timing {
        std::chrono::microseconds erase{0}, program{0}; // of a page (or all), of a halfword
    };

    Stm32F1Flash(int kib, Timing timing);

    void reset(); // system reset: locked, option bytes loaded anew
    bool readRegister(quint32 offset, quint32 &value);
    bool writeRegister(quint32 offset, quint32 value);
    // A write access to the flash memory or the option bytes; false: bus error.
    bool program(quint32 at, int size, quint32 value);
    bool busy() const { return Clock::now() < m_until; }

    const QByteArray &content() const { return m_flash; }
    void setContent(const QByteArray &bytes);
    QByteArray options() const;
    // Of the option bytes as they were loaded last.
    bool readoutProtected() const { return m_protected; }
    void setReadoutProtected(bool on); // as the factory could not
    bool unlockedForever() const { return m_dead; }

    // Trouble.
    qint64 stuckAt = -1;    // this byte of the flash stays 0xff
    bool deafErase = false; // erasing ends well and does nothing
    bool lockFails = false; // the option byte for readout protection is not taken

    // Facts for tests.
    int pagesErased = 0, massErases = 0, refused = 0;
    qint64 halfwords = 0;

private:
    using Clock = std::chrono::steady_clock;

    void start();
    void wipe();
    bool programHalfword(quint32 at, quint16 value);
    bool programOption(quint32 at, quint16 value);
    bool pageProtected(int page) const;
    void takes(std::chrono::microseconds span) { m_until = Clock::now() + span; }

    QByteArray m_flash;
    Timing m_timing;
    std::array<quint16, optionCount> m_options{}; // value and complement: RDP, USER, DATA0, DATA1, WRP0 to 3
    bool m_protected = false, m_optionError = false, m_dead = false;
    quint32 m_control = 0, m_status = 0, m_address = 0, m_access = 0x30, m_writeProtection = 0xffffffff, m_loaded = 0;
    int m_keys = 0, m_optionKeys = 0; // of the sequence, so far
    Clock::time_point m_until{};
};

} // namespace slipway
