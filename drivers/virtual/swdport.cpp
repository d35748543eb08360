#include "drivers/virtual/swdport.h"

namespace slipway {

namespace {

constexpr int resetCycles = 50, idleCycles = 2;           // B4.3.3
constexpr quint16 jtagToSwd = 0xe79e, swdToJtag = 0xe73c; // B5.2.1, B5.2.2; the lowest bit first

} // namespace

void SwdPort::powerOn()
{
    m_state = State::Jtag;
    m_ones = m_zeros = 0;
    m_collected = -1;
}

void SwdPort::clock(bool swdio)
{
    if (m_collected < 0 && m_ones >= resetCycles && !swdio) {
        m_collected = 0;
        m_selection = 0;
    }
    if (m_collected >= 0) {
        m_selection = quint16(m_selection | int(swdio) << m_collected);
        if (++m_collected == 16) {
            m_collected = -1;
            if (m_selection == jtagToSwd)
                m_state = State::Deaf; // until the line reset that follows
            else if (m_selection == swdToJtag)
                m_state = State::Jtag;
        }
    }
    m_ones = swdio ? m_ones + 1 : 0;
    m_zeros = swdio ? 0 : m_zeros + 1;
    if (m_state == State::Jtag)
        return;
    if (m_ones == resetCycles) {
        m_state = State::Reset;
        m_collected = -1;
        ++lineResets;
    } else if (swdio && m_ones < resetCycles) {
        m_state = State::Deaf; // the start of something that is no request
    }
}

std::optional<ArmDebugPort::Acknowledge> SwdPort::transfer(bool accessPort, bool read, int reg, quint32 &data)
{
    const bool identifies = !accessPort && read && reg == 0;
    m_collected = -1;
    if (m_state == State::Reset && m_zeros >= idleCycles && identifies)
        m_state = State::Ready;
    if (m_state != State::Ready) {
        if (m_state != State::Jtag)
            m_state = State::Deaf;
        ++protocolErrors;
        m_ones = 0;
        return {};
    }
    ++transactions;
    m_ones = 0;
    const auto acknowledge = m_port.transact(accessPort, read, reg, data);
    if (identifies)
        data = m_identification;
    return acknowledge;
}

} // namespace slipway
