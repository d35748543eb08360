#pragma once
// The serial wire side of an STM32's SWJ-DP: which of JTAG and SWD is selected, line resets, and transactions (ADIv5.2,
// IHI 0031, chapters B4 and B5). Bits that the host drives outside of a transaction come through clock(); a transaction
// comes whole, since what answers it knows no time. Strict: it answers nothing before it was selected and reset and its
// identification read, nor after a protocol error until the next line reset. Used in one thread.

#include "drivers/virtual/armdebugport.h"

#include <optional>

namespace slipway {

class SwdPort
{
public:
    SwdPort(ArmDebugPort &port, quint32 identification) : m_port(port), m_identification(identification) {}

    void powerOn();
    void clock(bool swdio); // one cycle
    // Nothing: nobody drives the line.
    std::optional<ArmDebugPort::Acknowledge> transfer(bool accessPort, bool read, int reg, quint32 &data);

    qint64 transactions = 0, protocolErrors = 0, lineResets = 0; // facts for tests

private:
    enum class State { Jtag, Deaf, Reset, Ready };

    ArmDebugPort &m_port;
    quint32 m_identification;
    State m_state = State::Jtag;
    int m_ones = 0, m_zeros = 0; // in a row
    int m_collected = -1;        // bits of a selection sequence so far; -1: none is expected
    quint16 m_selection = 0;
};

} // namespace slipway
