#include "drivers/smp/smptransport.h"

#include "core/base/fault.h"
#include "core/codec/consoleframing.h"
#include "core/codec/rawframing.h"

#include <algorithm>

namespace slipway {

namespace {

constexpr qsizetype readSize = 16 * 1024;
constexpr qsizetype tailSize = 64;
constexpr double slowLine = 11520; // bytes per second where nobody told the rate

std::unique_ptr<PacketDeframer> deframerFor(SmpFraming framing)
{
    switch (framing) {
    case SmpFraming::Console:
        return std::make_unique<ConsoleDeframer>();
    case SmpFraming::Raw:
        return std::make_unique<RawDeframer>(RawDeframer::Side::Host, 64 * 1024);
    case SmpFraming::Datagram:
        break;
    }
    return nullptr;
}

} // namespace

SmpTransport::SmpTransport(std::unique_ptr<ByteLink> link, SmpFraming framing)
    : m_link(std::move(link)), m_framing(m_link->info().datagrams ? SmpFraming::Datagram : framing),
      m_deframer(deframerFor(m_framing)), m_in(readSize, Qt::Uninitialized)
{}

void SmpTransport::send(QByteArrayView packet)
{
    switch (m_framing) {
    case SmpFraming::Console:
        ConsoleFramer::append(m_out, packet);
        break;
    case SmpFraming::Raw:
        m_out.append(packet);
        break;
    case SmpFraming::Datagram:
        m_datagrams.push_back(packet.toByteArray());
        break;
    }
}

void SmpTransport::flush()
{
    while (m_written < m_out.size()) {
        const qsizetype n = m_link->writeSome(QByteArrayView(m_out).sliced(m_written));
        if (n == 0)
            return;
        m_written += n;
    }
    if (m_written > 0) {
        m_out.resize(0); // keeps the memory
        m_written = 0;
    }
    while (!m_datagrams.empty()) {
        if (m_link->writeSome(m_datagrams.front()) == 0)
            return;
        m_datagrams.pop_front();
    }
}

bool SmpTransport::receive(QByteArray &packet, Deadline deadline, const std::stop_token &stop)
{
    for (;;) {
        if (stop.stop_requested())
            throw Fault("base.stopped");
        flush();
        if (m_deframer && m_deframer->next(packet))
            return true;
        const bool waiting = m_written < m_out.size() || !m_datagrams.empty();
        const int got = m_link->wait(ByteLink::Readable | (waiting ? int(ByteLink::Writable) : 0), deadline, stop);
        if (got == 0)
            return false;
        if (!(got & ByteLink::Readable))
            continue;
        const qsizetype n = m_link->readSome(m_in.data(), m_in.size());
        if (n == 0)
            continue;
        const QByteArrayView came = QByteArrayView(m_in).first(n);
        m_heard += n;
        m_tail.append(came.last(std::min(n, tailSize)));
        if (m_tail.size() > tailSize)
            m_tail = m_tail.right(tailSize);
        if (m_deframer) {
            m_deframer->feed(came);
        } else {
            packet = came.toByteArray();
            return true;
        }
    }
}

void SmpTransport::nudge()
{
    if (m_framing == SmpFraming::Console)
        m_out.append('\n');
    else if (m_framing == SmpFraming::Raw)
        m_deframer->reset();
}

void SmpTransport::clear()
{
    m_out.clear();
    m_written = 0;
    m_datagrams.clear();
    if (m_deframer)
        m_deframer->reset();
}

void SmpTransport::reopen(const Task &task)
{
    clear();
    m_link->reopen(task);
}

void SmpTransport::setBaud(int baud)
{
    clear();
    m_link->setBaud(baud);
    m_link->discardInput();
}

qsizetype SmpTransport::wireSize(qsizetype packet) const
{
    return m_framing == SmpFraming::Console ? console::wireSize(packet) : packet;
}

qsizetype SmpTransport::largestPacket(qsizetype buffer) const
{
    switch (m_framing) {
    case SmpFraming::Console: {
        const qsizetype most = std::min(buffer - console::packetOverhead, console::longestPacket);
        // A last line with few bytes costs more than leaving them for the next packet.
        const qsizetype whole =
            (most + console::packetOverhead) / console::bytesPerLine * console::bytesPerLine - console::packetOverhead;
        const auto worth = [this](qsizetype n) { return double(n) / double(wireSize(n)); };
        return whole >= most / 2 && whole > 0 && worth(whole) > worth(most) ? whole : most;
    }
    case SmpFraming::Raw:
        return buffer;
    case SmpFraming::Datagram:
        return std::min(buffer, info().datagram);
    }
    return buffer;
}

std::chrono::milliseconds SmpTransport::wireTime(qsizetype bytes) const
{
    if (m_framing == SmpFraming::Datagram)
        return std::chrono::milliseconds(0);
    const double rate = info().bytesPerSecond() > 0 ? info().bytesPerSecond() : slowLine;
    return std::chrono::milliseconds(static_cast<qint64>(double(bytes) / rate * 1000) + 1);
}

} // namespace slipway
