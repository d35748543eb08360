#include "drivers/virtual/jtagchain.h"

namespace slipway {

namespace {

constexpr int boundaryIdCode = 0x01;
constexpr int next[16][2] = {{1, 0}, {1, 2},  {3, 9},   {4, 5},   {4, 5},   {6, 8},   {6, 7},   {4, 8},
                             {1, 2}, {10, 0}, {11, 12}, {11, 12}, {13, 15}, {13, 14}, {11, 15}, {1, 2}};

} // namespace

void JtagChain::reset()
{
    m_state = TestLogicReset;
    m_coreIr = ArmDebugPort::IdCode;
    m_boundaryIr = boundaryIdCode;
}

bool JtagChain::tdo() const
{
    return m_state == ShiftDr || m_state == ShiftIr ? m_core.bits & 1 : true; // pulled up
}

void JtagChain::drive(bool tck, bool tms, bool tdi)
{
    if (tck == m_tck)
        return;
    m_tck = tck;
    if (tck)
        rising(tms, tdi);
    else
        falling();
}

void JtagChain::rising(bool tms, bool tdi)
{
    switch (m_state) {
    case CaptureIr:
        m_core = {1, 4};
        m_boundary = {1, 5};
        break;
    case CaptureDr:
        m_core.bits = m_port.capture(m_coreIr, m_core.length);
        m_boundary = m_boundaryIr == boundaryIdCode ? Register{m_boundaryId, 32} : Register{0, 1};
        break;
    case ShiftIr:
    case ShiftDr:
        m_core.shift(m_boundary.shift(tdi));
        break;
    default:
        break;
    }
    m_state = State(next[m_state][tms]);
}

void JtagChain::falling()
{
    if (m_state == TestLogicReset) {
        reset();
    } else if (m_state == UpdateIr) {
        m_coreIr = int(m_core.bits);
        m_boundaryIr = int(m_boundary.bits);
    } else if (m_state == UpdateDr) {
        m_port.update(m_coreIr, m_core.bits);
    }
}

} // namespace slipway
