#include "drivers/esp/flashwriter.h"

#include "core/base/progress.h"
#include "drivers/esp/espentry.h"

#include <QCryptographicHash>

#include <zlib.h>

#include <algorithm>
#include <future>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint64 chunkBytes = 256 * 1024;
constexpr quint32 eraseUnit = 4096;
constexpr int tries = 3; // of a chunk, and of a block
// The slowest parts on the market; the ROM erases and counts before it answers.
constexpr double eraseSecondsPerMegabyte = 40, digestSecondsPerMegabyte = 8;
constexpr auto least = 3000ms;
constexpr auto blockPatience = 10s; // one block may unpack to a whole chunk

std::chrono::milliseconds patience(quint64 bytes, double secondsPerMegabyte)
{
    return least + std::chrono::milliseconds(qint64(double(bytes) / 1e6 * secondsPerMegabyte * 1000));
}

// The highest level, and all the memory that zlib takes for it: at 921 600 baud the line takes several times longer
// than the packing.
QByteArray deflated(QByteArrayView bytes)
{
    z_stream stream{};
    if (::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        throw Fault("internal.defect", {}, u"deflate"_s);
    QByteArray out(qsizetype(::deflateBound(&stream, uLong(bytes.size()))), Qt::Uninitialized);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
    stream.avail_in = uInt(bytes.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = uInt(out.size());
    const int ended = ::deflate(&stream, Z_FINISH);
    out.truncate(qsizetype(stream.total_out));
    ::deflateEnd(&stream);
    if (ended != Z_STREAM_END)
        throw Fault("internal.defect", {}, u"deflate"_s);
    return out;
}

} // namespace

void FlashWriter::begin(quint64 at, quint64 size, qsizetype sent, bool deflated, const Task &task)
{
    const auto block = quint32(blockBytes());
    const quint32 blocks = (quint32(sent) + block - 1) / block;
    const esp::Command command = deflated ? esp::DeflateBegin : esp::FlashBegin;
    // Deflated, the size is rounded up to what is erased at once, or to smaller blocks; else it is told as it is.
    const quint32 unit = std::min(block, eraseUnit);
    const quint32 told = deflated ? (quint32(size) + unit - 1) / unit * unit : quint32(size);
    EspRequest request = EspRequest::words(command, {told, blocks, block, quint32(at)});
    if (m_options.encryptionWord)
        request.data.append(4, '\0');
    m_client.demand(request, 0, u"erase its flash memory"_s, task, patience(size, eraseSecondsPerMegabyte));
}

FlashWriter::Outcome FlashWriter::attempt(quint64 at, QByteArrayView raw, QByteArrayView sent, bool deflated,
                                          const Task &task, qint64 done)
{
    begin(at, quint64(raw.size()), sent.size(), deflated, task);
    const qsizetype size = blockBytes();
    quint32 sequence = 0;
    for (qsizetype offset = 0; offset < sent.size(); offset += size, ++sequence) {
        QByteArray bytes = sent.sliced(offset, std::min(size, sent.size() - offset)).toByteArray();
        if (!deflated) // the last one is filled up
            bytes.append(size - bytes.size(), '\xff');
        const EspRequest request = EspRequest::block(deflated ? esp::DeflateData : esp::FlashData, bytes, sequence);
        for (int attempt = 1;; ++attempt) {
            const qint64 before = m_client.wireBytes();
            const auto reply = m_client.ask(request, task, blockPatience);
            m_dataBytes += m_client.wireBytes() - before;
            if (!reply) {
                task.say(u"No answer to block %1 at 0x%2"_s.arg(sequence).arg(at, 0, 16));
                return Outcome::Again;
            }
            if (reply->ok)
                break;
            task.say(
                u"Block %1 at 0x%2 was refused: %3"_s.arg(sequence).arg(at, 0, 16).arg(esp::errorText(reply->error)));
            const bool unread = reply->error == esp::BadFormat || reply->error == esp::BadChecksum;
            // A packet larger than the chip's buffer comes back as one it does not know.
            if (reply->error == esp::BadFormat && !m_blockProven && m_block + 1 < m_options.blockBytes.size())
                return Outcome::SmallerBlocks;
            if (!unread && reply->error >= esp::DeflateFailed && reply->error <= esp::DeflateParameter)
                return Outcome::Again; // a byte changed on the line that the checksum did not show
            if (!unread || attempt == tries)
                throw EspRefusal(u"write its flash memory at 0x%1"_s.arg(at, 8, 16, QChar(u'0')), *reply);
        }
        m_blockProven = true;
        if (task.progress)
            task.progress->setDone(done + raw.size() * std::min(offset + size, sent.size()) / sent.size());
    }
    return Outcome::Done;
}

// While one chunk is on the line, the next is packed.
void FlashWriter::write(quint64 at, QByteArrayView bytes, const Task &task, qint64 done)
{
    const auto chunk = [](quint64 from, QByteArrayView rest) {
        const quint64 boundary = (from / chunkBytes + 1) * chunkBytes;
        return rest.first(qsizetype(std::min(quint64(rest.size()), boundary - from)));
    };
    const auto pack = [this](QByteArrayView raw) {
        return std::async(std::launch::async,
                          [raw, wanted = m_options.mayDeflate] { return wanted ? deflated(raw) : QByteArray(); });
    };
    auto coming = pack(chunk(at, bytes));
    while (!bytes.isEmpty()) {
        task.check(u"Writing"_s);
        const QByteArrayView raw = chunk(at, bytes);
        bytes = bytes.sliced(raw.size());
        const QByteArray packed = coming.get();
        if (!bytes.isEmpty())
            coming = pack(chunk(at + quint64(raw.size()), bytes));
        const bool smaller = m_options.mayDeflate && packed.size() < raw.size();
        for (int attempt = 1;;) {
            const Outcome outcome = this->attempt(at, raw, smaller ? QByteArrayView(packed) : raw, smaller, task, done);
            if (outcome == Outcome::Done)
                break;
            if (outcome == Outcome::SmallerBlocks) {
                ++m_block;
                task.say(u"Going on with blocks of %1 bytes"_s.arg(blockBytes()));
                continue;
            }
            // Nor is a packet that is too large for the chip's buffer answered by every chip.
            if (!m_blockProven && m_block + 1 < m_options.blockBytes.size()) {
                ++m_block;
                task.say(u"Trying blocks of %1 bytes"_s.arg(blockBytes()));
            }
            if (attempt++ == tries || !esp::synchronise(m_client, task))
                m_client.noAnswer(u"writing at 0x%1"_s.arg(at, 0, 16));
        }
        at += quint64(raw.size());
        done += raw.size();
    }
}

void FlashWriter::verify(quint64 at, QByteArrayView bytes, const Task &task)
{
    const QByteArray answer =
        m_client.demand(EspRequest::words(esp::FlashMd5, {quint32(at), quint32(bytes.size()), 0, 0}), 32,
                        u"compare its flash memory"_s, task, patience(quint64(bytes.size()), digestSecondsPerMegabyte));
    QCryptographicHash hash(QCryptographicHash::Md5);
    hash.addData(bytes);
    if (answer.toLower() != hash.result().toHex())
        throw Fault(
            "memory.verify", {addressText(at)},
            u"MD5 %1, wanted %2"_s.arg(QString::fromLatin1(answer), QString::fromLatin1(hash.result().toHex())));
}

// FLASH_BEGIN alone erases; the blocks it announces never come.
void FlashWriter::erase(quint64 at, quint64 size, const Task &task, qint64 done)
{
    const quint64 end = at + size;
    while (at < end) {
        task.check(u"Erasing"_s);
        const quint64 some = std::min(end - at, (at / chunkBytes + 1) * chunkBytes - at);
        begin(at, some, qsizetype(some), false, task);
        at += some;
        done += qint64(some);
        if (task.progress)
            task.progress->setDone(done);
    }
}

} // namespace slipway
