#include "drivers/virtual/armdebugport.h"

#include <utility>

namespace slipway {

namespace {

constexpr quint64 ackOk = 2, ackWait = 1; // OK and FAULT are one in ADIv5 (B3.2.3)
constexpr int accessLength = 35;

enum Control : quint32 { // CTRL/STAT (B2.2.2)
    StickyOverrun = 1U << 1,
    StickyCompare = 1U << 4,
    StickyError = 1U << 5,
    ReadOk = 1U << 6,
    WriteDataError = 1U << 7,
    WritableBits = 0x54ffff0d,
    ClearableBits = StickyOverrun | StickyCompare | StickyError,
};

constexpr quint32 ahbApIdr = 0x14770011, romTable = 0xe00ff003;

} // namespace

quint64 ArmDebugPort::capture(int instruction, int &length)
{
    switch (instruction) {
    case DpAccess:
    case ApAccess:
        length = accessLength;
        m_waited = !finishPending();
        if (m_waited)
            ++waits;
        return m_waited ? ackWait : quint64(m_result) << 3 | ackOk;
    case Abort:
        length = accessLength;
        return 0;
    case IdCode:
        length = 32;
        return m_idCode;
    default:
        length = 1;
        return 0;
    }
}

void ArmDebugPort::update(int instruction, quint64 value)
{
    const Request request{bool(value & 1), int(value >> 1 & 3), quint32(value >> 3)};
    if (instruction == Abort) {
        if (!request.read && request.reg == 0)
            abort(request.data & 1); // a JTAG-DP has no other bit there
        return;
    }
    if (instruction != DpAccess && instruction != ApAccess)
        return;
    if (m_waited) { // B3.2.3: a transaction behind WAIT does not happen
        if (m_control & 1)
            m_control |= StickyOverrun;
        return;
    }
    if (instruction == DpAccess)
        debugPort(request);
    else
        accessPort(request);
}

void ArmDebugPort::abort(quint32 value)
{
    if (value & 1) { // DAPABORT
        m_pending = false;
        m_waitsLeft = 0;
    }
    constexpr std::pair<quint32, quint32> clears[] = {
        {2, StickyCompare}, {4, StickyError}, {8, WriteDataError}, {16, StickyOverrun}};
    for (const auto &[bit, flag] : clears) {
        if (value & bit)
            m_control &= ~flag;
    }
}

ArmDebugPort::Acknowledge ArmDebugPort::transact(bool accessPort, bool read, int reg, quint32 &data)
{
    // These are always answered OK (B4.2.4, B4.2.5).
    if (!accessPort && reg == 0) {
        if (read)
            data = m_idCode;
        else
            abort(data);
        return Acknowledge::Ok;
    }
    if (!accessPort && read && reg == 1) {
        data = (m_select & 0xf) == 0 ? m_control : 0; // of the other banks DLCR exists, with one turnaround cycle
        return Acknowledge::Ok;
    }
    const bool done = finishPending();
    if (!done || sticky()) {
        waits += !done;
        m_control &= ~quint32(ReadOk);
        if (m_control & 1) // overrun detection
            m_control |= StickyOverrun;
        return done ? Acknowledge::Fault : Acknowledge::Wait;
    }
    if (accessPort) {
        if (read) {
            data = m_resend = m_result;
            m_control |= ReadOk;
        }
        this->accessPort({read, reg, data});
        return Acknowledge::Ok;
    }
    if (read) {
        data = reg == 3 ? m_result : m_resend;
        m_resend = data;
        m_control |= ReadOk;
    } else if (reg == 2) {
        m_select = data;
    } else if (reg == 1 && (m_select & 0xf) == 0) {
        // Sticky flags are cleared by ABORT alone (B2.2.2).
        m_control = (m_control & (ClearableBits | ReadOk | WriteDataError)) | (data & WritableBits);
        m_control |= (m_control & 0x54000000) << 1;
    }
    return Acknowledge::Ok;
}

void ArmDebugPort::debugPort(const Request &request)
{
    if (request.read) {
        // RDBUFF and what is reserved read as zero; the answer to the access before went out with this scan.
        m_result = request.reg == 1 ? m_control : request.reg == 2 ? m_select : 0;
        return;
    }
    if (request.reg == 2)
        m_select = request.data;
    if (request.reg != 1)
        return;
    const quint32 clear = request.data & ClearableBits;
    m_control = (m_control & ~clear & (ClearableBits | 0xc0)) | (request.data & WritableBits);
    m_control |= (m_control & 0x54000000) << 1; // each request is acknowledged
}

void ArmDebugPort::accessPort(const Request &request)
{
    ++accesses;
    if (sticky())
        return; // discarded (B3.2.3)
    if (!powered()) {
        m_control |= StickyError;
        ++faults;
        return;
    }
    m_request = request;
    m_pending = true;
    if (waitEvery > 0 && accesses % waitEvery == 0)
        m_waitsLeft = 2; // one that the next scan sees; more would be a chip that is stuck
    finishPending();
}

bool ArmDebugPort::finishPending()
{
    if (!m_pending)
        return true;
    if (m_waitsLeft > 0) {
        --m_waitsLeft;
        return false;
    }
    const int reg = int(m_select & 0xf0) | m_request.reg << 2;
    quint32 at = m_address;
    const bool data = reg == 0x0c || (reg >= 0x10 && reg <= 0x1c);
    if (reg != 0x0c)
        at = (m_address & ~0xfU) | quint32(reg & 0xc);
    if ((m_select >> 24) == 0 && data && m_bus.stalls(at))
        return false;
    m_pending = false;
    if (m_select >> 24) { // there is no other access port
        if (m_request.read)
            m_result = 0;
        return true;
    }
    if (data) {
        if (!memory(m_request, at)) {
            m_control |= StickyError;
            ++faults;
        }
        return true;
    }
    switch (reg) {
    case 0x00:
        if (m_request.read) {
            m_result = m_status;
        } else {
            // Sizes beyond a word do not exist here; DeviceEn and what the bus tells cannot be written.
            quint32 status = (m_request.data & 0xff000037) | (m_status & 0xc0);
            if ((status & 7) > 2)
                status = (status & ~7U) | (m_status & 7);
            m_status = status;
        }
        break;
    case 0x04:
        if (m_request.read)
            m_result = m_address;
        else
            m_address = m_request.data;
        break;
    case 0xf8:
        if (m_request.read)
            m_result = romTable;
        break;
    case 0xfc:
        if (m_request.read)
            m_result = ahbApIdr;
        break;
    default:
        if (m_request.read)
            m_result = 0;
    }
    return true;
}

bool ArmDebugPort::transfer(bool read, quint32 at, quint32 &data)
{
    const int size = 1 << (m_status & 3), shift = int(at & 3) * 8; // byte lanes (C2.2.6)
    const quint32 mask = size == 4 ? 0xffffffff : (1U << size * 8) - 1;
    if (at % quint32(size))
        return false;
    quint32 value = data >> shift & mask;
    if (!(read ? m_bus.read(at, size, value) : m_bus.write(at, size, value)))
        return false;
    if (read)
        data = (data & ~(mask << shift)) | (value & mask) << shift;
    return true;
}

bool ArmDebugPort::memory(const Request &request, quint32 at)
{
    quint32 data = request.read ? 0 : request.data;
    const int reg = int(m_select & 0xf0) | request.reg << 2;
    if (reg != 0x0c) { // banked data: always a word, no increment
        const bool ok = request.read ? m_bus.read(at, 4, data) : m_bus.write(at, 4, data);
        if (request.read && ok)
            m_result = data;
        return ok;
    }
    const int increment = int(m_status >> 4 & 3), size = 1 << (m_status & 3);
    const int count = increment == 2 ? 4 / size : 1; // packed
    for (int i = 0; i < count; ++i) {
        if (!transfer(request.read, m_address, data))
            return false;
        if (increment)
            m_address = (m_address & ~0xfffU) | ((m_address + quint32(size)) & 0xfff); // within 4 KiB on Cortex-M3
    }
    if (request.read)
        m_result = data;
    return true;
}

} // namespace slipway
