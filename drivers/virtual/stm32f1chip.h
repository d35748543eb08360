#pragma once
// An STM32F103 of medium density as a debugger sees it through its JTAG or SWD pins: core, flash controller,
// memory map (RM0008), option bytes. No link and no thread. Used by VirtualProbe and VirtualDap, each in one thread.

#include "drivers/virtual/cortexm3.h"
#include "drivers/virtual/jtagchain.h"
#include "drivers/virtual/stm32f1flash.h"
#include "drivers/virtual/swdport.h"

namespace slipway {

class Stm32F1Chip final : public DebugBus
{
public:
    static constexpr int ramSize = 20 * 1024;
    static constexpr quint32 coreId = 0x3ba00477, boundaryId = 0x16410041, serialId = 0x1ba01477;

    Stm32F1Chip(int flashKib, QByteArray uniqueId, Stm32F1Flash::Timing timing);

    bool read(quint32 at, int size, quint32 &value) override;
    bool write(quint32 at, int size, quint32 value) override;
    bool stalls(quint32 at) override;

    void powerOn();
    void resetPins(bool trst, bool srst); // true: asserted

    JtagChain &jtag() { return m_jtag; }
    SwdPort &swd() { return m_swd; }
    const SwdPort &swd() const { return m_swd; }
    ArmDebugPort &port() { return m_port; }
    const ArmDebugPort &port() const { return m_port; }
    const CortexM3 &core() const { return m_core; }
    Stm32F1Flash &flash() { return m_flash; }
    const Stm32F1Flash &flash() const { return m_flash; }
    const QByteArray &ram() const { return m_ram; }
    const QByteArray &uniqueId() const { return m_uniqueId; }

private:
    enum class Who { Debugger, Core };
    using Clock = std::chrono::steady_clock;

    bool load(Who who, quint32 at, int size, quint32 &value);
    bool store(quint32 at, int size, quint32 value);
    void catchUp(); // what the core executed meanwhile, at 8 MHz

    QByteArray m_ram, m_uniqueId;
    Stm32F1Flash m_flash;
    CortexM3 m_core;
    ArmDebugPort m_port;
    JtagChain m_jtag;
    SwdPort m_swd;
    quint32 m_debugControl = 0; // DBGMCU_CR
    Clock::time_point m_ranUntil = Clock::now();
};

} // namespace slipway
