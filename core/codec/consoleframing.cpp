#include "core/codec/consoleframing.h"

#include "core/base/fault.h"
#include "core/codec/base64.h"
#include "core/codec/crc16.h"

#include <QtEndian>

#include <algorithm>
#include <cstring>

namespace slipway {

namespace {

constexpr char firstMark[2] = {0x06, 0x09};
constexpr char nextMark[2] = {0x04, 0x14};
constexpr qsizetype lineLimit = 4096; // far above any line of a frame; more without a newline is garbage

// Position of the first mark at or after from, or -1.
qsizetype findMark(QByteArrayView text, qsizetype from, bool &first)
{
    for (qsizetype i = from; i + 1 < text.size(); ++i) {
        if (text[i] == firstMark[0] && text[i + 1] == firstMark[1]) {
            first = true;
            return i;
        }
        if (text[i] == nextMark[0] && text[i + 1] == nextMark[1]) {
            first = false;
            return i;
        }
    }
    return -1;
}

} // namespace

void ConsoleFramer::append(QByteArray &out, QByteArrayView packet)
{
    if (packet.size() > console::longestPacket)
        throw Fault("internal.defect", {}, QStringLiteral("console frame of %1 bytes").arg(packet.size()));
    const qsizetype before = out.size();
    out.resize(before + console::wireSize(packet.size()));
    char *to = out.data() + before;

    char head[2], tail[2];
    qToBigEndian(static_cast<quint16>(packet.size() + 2), head);
    qToBigEndian(crc16Xmodem(packet), tail);

    // The pieces run over head, packet and tail as if they lay in one row; those wholly inside the packet, nearly all,
    // are coded where they lie.
    const qsizetype all = packet.size() + console::packetOverhead;
    char mixed[console::bytesPerLine];
    for (qsizetype at = 0; at < all; at += console::bytesPerLine) {
        const qsizetype n = std::min(console::bytesPerLine, all - at);
        std::memcpy(to, at == 0 ? firstMark : nextMark, 2);
        to += 2;
        if (at >= 2 && at + n <= 2 + packet.size()) {
            to = encodeBase64(packet.sliced(at - 2, n), to);
        } else {
            for (qsizetype i = 0; i < n; ++i) {
                const qsizetype k = at + i;
                mixed[i] = k < 2 ? head[k] : k < 2 + packet.size() ? packet[k - 2] : tail[k - 2 - packet.size()];
            }
            to = encodeBase64(QByteArrayView(mixed, n), to);
        }
        *to++ = '\n';
    }
}

QByteArray ConsoleFramer::frame(QByteArrayView packet)
{
    QByteArray out;
    append(out, packet);
    return out;
}

ConsoleDeframer::ConsoleDeframer(qsizetype limit) : m_limit(std::min(limit, console::longestPacket)) {}

void ConsoleDeframer::feed(QByteArrayView bytes)
{
    while (!bytes.isEmpty()) {
        const void *found = std::memchr(bytes.data(), '\n', static_cast<size_t>(bytes.size()));
        const qsizetype n = found ? static_cast<const char *>(found) - bytes.data() : bytes.size();
        if (found && m_line.isEmpty()) {
            line(bytes.first(n));
        } else {
            // A line without end: what is needed is at most a mark at its very end.
            if (m_line.size() + n > lineLimit) {
                bool first = false;
                const qsizetype mark = findMark(m_line, 0, first);
                if (mark < 0)
                    m_line = m_line.right(1);
                else if (m_line.size() - mark > lineLimit / 2)
                    m_line.clear();
                else
                    m_line.remove(0, mark);
            }
            const QByteArrayView part = bytes.first(n);
            m_line.append(part.size() > lineLimit ? part.last(lineLimit) : part);
            if (found) {
                line(m_line);
                m_line.resize(0); // keeps the memory
            }
        }
        bytes = bytes.sliced(found ? n + 1 : n);
    }
}

// A line may hold several marks where a newline was lost.
void ConsoleDeframer::line(QByteArrayView text)
{
    bool first = false;
    qsizetype mark = findMark(text, 0, first);
    while (mark >= 0) {
        bool nextFirst = false;
        const qsizetype next = findMark(text, mark + 2, nextFirst);
        const QByteArrayView rest = text.sliced(mark + 2, (next < 0 ? text.size() : next) - mark - 2);
        piece(first, rest.first(base64Run(rest)));
        mark = next;
        first = nextFirst;
    }
}

void ConsoleDeframer::piece(bool first, QByteArrayView text)
{
    if (first) {
        if (m_open)
            drop();
        m_open = true;
        m_partial.resize(0);
    } else if (!m_open) {
        return; // the rest of a packet whose beginning is lost
    }
    if (!decodeBase64(text, m_partial) || m_partial.size() < 2)
        return drop();
    const qsizetype length = qFromBigEndian<quint16>(m_partial.constData());
    if (length < 2 || length - 2 > m_limit || m_partial.size() - 2 > length)
        return drop();
    if (m_partial.size() - 2 < length)
        return;
    const QByteArrayView checked = QByteArrayView(m_partial).sliced(2);
    if (crc16Xmodem(checked) != 0)
        return drop();
    m_ready.append(checked.chopped(2).toByteArray());
    m_open = false;
    m_partial.resize(0);
}

void ConsoleDeframer::drop()
{
    ++m_dropped;
    m_open = false;
    m_partial.resize(0);
}

bool ConsoleDeframer::next(QByteArray &packet)
{
    if (m_taken == m_ready.size())
        return false;
    packet = std::move(m_ready[m_taken++]);
    if (m_taken == m_ready.size()) {
        m_ready.clear();
        m_taken = 0;
    }
    return true;
}

void ConsoleDeframer::reset()
{
    m_line.clear();
    m_partial.clear();
    m_open = false;
    m_ready.clear();
    m_taken = 0;
}

} // namespace slipway
