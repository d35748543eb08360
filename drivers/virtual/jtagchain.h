#pragma once
// The JTAG side of an STM32: the state machine of IEEE 1149.1 (figure 6-1) and two test access ports in a row, the
// boundary scan's next to TDI (IR of 5 bits) and the core's next to TDO (IR of 4 bits), as RM0008 section 31.5 draws
// them. Used in one thread.

#include "drivers/virtual/armdebugport.h"

namespace slipway {

class JtagChain
{
public:
    JtagChain(ArmDebugPort &port, quint32 boundaryId) : m_port(port), m_boundaryId(boundaryId) {}

    // The lines as they are from now on; what happens happens on the edges of TCK.
    void drive(bool tck, bool tms, bool tdi);
    bool tdo() const;
    void reset(); // TRST

private:
    enum State {
        TestLogicReset,
        RunTestIdle,
        SelectDr,
        CaptureDr,
        ShiftDr,
        Exit1Dr,
        PauseDr,
        Exit2Dr,
        UpdateDr,
        SelectIr,
        CaptureIr,
        ShiftIr,
        Exit1Ir,
        PauseIr,
        Exit2Ir,
        UpdateIr
    };
    struct Register {
        quint64 bits = 0;
        int length = 1;
        bool shift(bool in)
        {
            const bool out = bits & 1;
            bits = bits >> 1 | quint64(in) << (length - 1);
            return out;
        }
    };

    void rising(bool tms, bool tdi);
    void falling();

    ArmDebugPort &m_port;
    quint32 m_boundaryId;
    State m_state = TestLogicReset;
    bool m_tck = false;
    int m_coreIr = ArmDebugPort::IdCode, m_boundaryIr = 1;
    Register m_core, m_boundary; // what is being shifted
};

} // namespace slipway
