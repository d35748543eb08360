#include "drivers/virtual/cmsisdap.h"

#include <QtEndian>

namespace slipway {

namespace {

enum Command : quint8 {
    Info = 0x00,
    HostStatus = 0x01,
    Connect = 0x02,
    Disconnect = 0x03,
    TransferConfigure = 0x04,
    Transfer = 0x05,
    TransferBlock = 0x06,
    TransferAbort = 0x07,
    WriteAbort = 0x08,
    Delay = 0x09,
    ResetTarget = 0x0a,
    SwjPins = 0x10,
    SwjClock = 0x11,
    SwjSequence = 0x12,
    SwdConfigure = 0x13,
    Invalid = 0xff,
};
enum Request : int { AccessPort = 1, Read = 2, MatchValue = 0x10, MatchMask = 0x20, TimeStamp = 0x80 };
enum Pin : int { ClockPin = 1, DataPin = 2, NotReset = 0x80 };

constexpr int readBuffer = Read | 3 << 2; // RDBUFF
constexpr int noAnswer = 7, mismatch = 0x10;
constexpr char ok = '\0', failed = '\xff';

QByteArray word(quint32 value)
{
    QByteArray out(4, '\0');
    qToLittleEndian(value, out.data());
    return out;
}

int half(QByteArrayView bytes, qsizetype at)
{
    return quint8(bytes[at]) | quint8(bytes[at + 1]) << 8;
}

} // namespace

void CmsisDap::reset()
{
    m_port = Port::None;
    m_waitRetries = 100;
    m_matchRetries = 0;
    m_matchMask = 0;
    m_clock = m_data = true;
    m_resetHeld = false;
    m_chip.resetPins(false, false);
}

QByteArray CmsisDap::obey(QByteArrayView packet)
{
    ++commands;
    const QByteArrayView body = packet.sliced(1);
    const auto command = quint8(packet[0]);
    const auto answer = [&](char status) { return QByteArray(1, char(command)) + status; };
    const auto has = [&](qsizetype bytes) { return body.size() >= bytes; };
    QByteArray out;
    switch (command) {
    case Info:
        out = has(1) ? info(body) : QByteArray();
        break;
    case HostStatus:
        out = has(2) ? answer(ok) : QByteArray();
        break;
    case Connect:
        if (has(1)) {
            m_port = body[0] == 0 || body[0] == 1 ? Port::Swd : Port::None;
            out = answer(m_port == Port::Swd ? '\1' : '\0');
        }
        break;
    case Disconnect:
        m_port = Port::None;
        out = answer(ok);
        break;
    case TransferConfigure:
        if (has(5)) {
            m_waitRetries = half(body, 1);
            m_matchRetries = half(body, 3);
            out = answer(ok);
        }
        break;
    case Transfer:
        out = has(2) ? transfer(body) : QByteArray();
        break;
    case TransferBlock:
        out = has(4) ? transferBlock(body) : QByteArray();
        break;
    case TransferAbort:
        return {};
    case WriteAbort:
        if (has(5))
            out = answer(once(0, qFromLittleEndian<quint32>(body.data() + 1)).ok() ? ok : failed);
        break;
    case Delay: // the chip's own time passes meanwhile
        out = has(2) ? answer(ok) : QByteArray();
        break;
    case ResetTarget: // there is no sequence of its own
        out = answer(ok) + '\0';
        break;
    case SwjPins:
        out = has(6) ? pins(body) : QByteArray();
        break;
    case SwjClock:
        out = has(4) ? answer(qFromLittleEndian<quint32>(body.data()) > 0 ? ok : failed) : QByteArray();
        break;
    case SwjSequence:
        out = has(1) ? sequence(body) : QByteArray();
        break;
    case SwdConfigure: // the model has neither turnaround cycles nor idle data phases
        out = has(1) ? answer(body[0] == 0 ? ok : failed) : QByteArray();
        break;
    default:
        break;
    }
    if (!out.isEmpty())
        return out;
    ++invalid;
    return QByteArray(1, char(Invalid));
}

QByteArray CmsisDap::info(QByteArrayView body) const
{
    const auto text = [](const QString &value) { return value.toUtf8().left(60) + '\0'; };
    QByteArray data;
    switch (quint8(body[0])) {
    case 0x01:
        data = text(m_texts.vendor);
        break;
    case 0x02:
        data = text(m_texts.product);
        break;
    case 0x03:
        data = text(m_texts.serial);
        break;
    case 0x04:
        data = text(QStringLiteral("2.1.0"));
        break;
    case 0x09:
        data = text(QStringLiteral("1.0"));
        break;
    case 0xf0:
        data = QByteArray(1, '\x01'); // SWD
        break;
    case 0xfe:
        data = QByteArray(1, char(packetCount));
        break;
    case 0xff:
        data = word(packetSize).first(2);
        break;
    default:
        break; // not known: no data
    }
    return QByteArray(1, char(Info)) + char(data.size()) + data;
}

QByteArray CmsisDap::pins(QByteArrayView body)
{
    const int output = quint8(body[0]), select = quint8(body[1]);
    if (select & DataPin)
        m_data = output & DataPin;
    if (select & ClockPin) {
        const bool rises = (output & ClockPin) && !m_clock;
        m_clock = output & ClockPin;
        if (rises)
            m_chip.swd().clock(m_data);
    }
    if (select & NotReset) {
        m_resetHeld = !(output & NotReset);
        m_chip.resetPins(false, m_resetHeld);
    }
    const int now = int(m_clock) * ClockPin | int(m_data) * DataPin | int(!m_resetHeld) * NotReset;
    return QByteArray(1, char(SwjPins)) + char(now);
}

QByteArray CmsisDap::sequence(QByteArrayView body)
{
    const int count = body[0] ? quint8(body[0]) : 256;
    if (body.size() < 1 + (count + 7) / 8)
        return {};
    for (int i = 0; i < count; ++i) {
        m_data = quint8(body[1 + i / 8]) >> i % 8 & 1;
        m_chip.swd().clock(m_data);
    }
    return QByteArray(1, char(SwjSequence)) + ok;
}

CmsisDap::Transferred CmsisDap::once(int request, quint32 data)
{
    ++transfers;
    Transferred out{0, data};
    for (int tries = 0; tries <= m_waitRetries; ++tries) {
        const auto got = m_chip.swd().transfer(request & AccessPort, request & Read, request >> 2 & 3, out.data);
        out.acknowledge = got ? int(*got) : noAnswer;
        if (got != ArmDebugPort::Acknowledge::Wait)
            break;
    }
    return out;
}

CmsisDap::Transferred CmsisDap::whole(int request, quint32 data)
{
    Transferred out = once(request, data);
    if (out.ok() && (request & AccessPort) && (request & Read))
        out = once(readBuffer, 0); // it gave what the one before had asked for
    return out;
}

QByteArray CmsisDap::transfer(QByteArrayView body)
{
    const int count = quint8(body[1]);
    qsizetype at = 2;
    int done = 0;
    Transferred last{m_port == Port::Swd ? 0 : noAnswer, 0};
    bool wrote = false;
    QByteArray data;
    for (; m_port == Port::Swd && done < count; ++done) {
        if (at >= body.size())
            return {};
        const int request = quint8(body[at++]);
        const bool reads = request & Read, wantsWord = !reads || (request & MatchValue);
        if ((request & TimeStamp) || (wantsWord && at + 4 > body.size()))
            return {};
        const quint32 given = wantsWord ? qFromLittleEndian<quint32>(body.data() + at) : 0;
        at += wantsWord ? 4 : 0;
        if (!reads && (request & MatchMask)) {
            m_matchMask = given;
            last.acknowledge = 1;
            continue;
        }
        last = whole(request & 0xf, given);
        for (int tries = 0; reads && (request & MatchValue) && last.ok() && (last.data & m_matchMask) != given;
             ++tries) {
            if (tries == m_matchRetries) {
                last.acknowledge |= mismatch;
                break;
            }
            last = whole(request & 0xf, 0);
        }
        if (!last.ok())
            break;
        wrote = !reads;
        if (reads && !(request & MatchValue))
            data += word(last.data);
        if (5 + data.size() > packetSize) // the answer would not fit: no host that knows the packet size asks for it
            return {};
    }
    if (last.ok() && wrote) { // whether the last write came to something
        const Transferred check = once(readBuffer, 0);
        last.acknowledge = check.acknowledge;
    }
    return QByteArray(1, char(Transfer)) + char(done) + char(last.acknowledge) + data;
}

QByteArray CmsisDap::transferBlock(QByteArrayView body)
{
    const int count = half(body, 1), request = quint8(body[3]) & 0xf;
    const bool reads = request & Read;
    if (reads ? 4 + 4 * count > packetSize : body.size() < 4 + 4 * count)
        return {};
    int done = 0;
    Transferred last{m_port == Port::Swd ? 0 : noAnswer, 0};
    QByteArray data;
    for (; m_port == Port::Swd && done < count; ++done) {
        last = whole(request, reads ? 0 : qFromLittleEndian<quint32>(body.data() + 4 + 4 * done));
        if (!last.ok())
            break;
        if (reads)
            data += word(last.data);
    }
    if (last.ok() && !reads)
        last.acknowledge = once(readBuffer, 0).acknowledge;
    return QByteArray(1, char(TransferBlock)) + char(done & 0xff) + char(done >> 8) + char(last.acknowledge) + data;
}

} // namespace slipway
