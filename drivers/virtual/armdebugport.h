#pragma once
// The debug port of an Arm chip with one memory access port (AHB-AP) behind it, as the Arm Debug Interface Architecture
// Specification ADIv5.2 (IHI 0031) has them: chapter B3 (JTAG-DP), B4 (SW-DP), B2 (registers), C2 (MEM-AP). Strict: an
// access before power-up, one to a faulting address and one while an error is sticky do what they do there. Its
// registers are scanned by JtagChain, or reached by SwdPort. Used in one thread.

#include "drivers/virtual/debugbus.h"

namespace slipway {

class ArmDebugPort
{
public:
    enum Instruction { Abort = 0x8, DpAccess = 0xa, ApAccess = 0xb, IdCode = 0xe, Bypass = 0xf };

    ArmDebugPort(DebugBus &bus, quint32 idCode) : m_bus(bus), m_idCode(idCode) {}

    // The data register that the instruction selects, as it is captured; its length in bits.
    quint64 capture(int instruction, int &length);
    // What was shifted in.
    void update(int instruction, quint64 value);

    // A transaction of the serial wire: the answer to it, and for a read its data; reads of the access port give what
    // the one before asked for (B4.2.2, B4.3). reg: A[3:2].
    enum class Acknowledge { Ok = 1, Wait = 2, Fault = 4 };
    Acknowledge transact(bool accessPort, bool read, int reg, quint32 &data);

    quint32 idCode() const { return m_idCode; }
    void setIdCode(quint32 idCode) { m_idCode = idCode; }

    // Trouble: every n-th access to the access port is answered WAIT once. 0: never.
    int waitEvery = 0;

    // Facts for tests.
    qint64 accesses = 0, faults = 0, waits = 0;

private:
    struct Request {
        bool read = false;
        int reg = 0; // A[3:2]
        quint32 data = 0;
    };

    bool powered() const { return (m_control & 0xa0000000) == 0xa0000000; }
    bool sticky() const { return m_control & 0x32; }
    void debugPort(const Request &request);
    void accessPort(const Request &request);
    bool memory(const Request &request, quint32 at);
    bool transfer(bool read, quint32 at, quint32 &data);
    bool finishPending(); // false: the memory is still at work
    void abort(quint32 value);

    DebugBus &m_bus;
    quint32 m_idCode = 0;
    quint32 m_control = 0, m_select = 0, m_result = 0;
    quint32 m_resend = 0;                         // what the last read of the access port or of RDBUFF gave (SW-DP)
    quint32 m_status = 0x23000040, m_address = 0; // CSW, TAR
    bool m_pending = false;                       // an access waits for the memory
    Request m_request;
    bool m_waited = false; // the last capture said WAIT: what follows it is thrown away
    int m_waitsLeft = 0;
};

} // namespace slipway
