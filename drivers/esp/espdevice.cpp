#include "drivers/esp/espdevice.h"

#include "core/base/progress.h"
#include "core/base/text.h"
#include "drivers/esp/espcheck.h"
#include "drivers/esp/espentry.h"
#include "drivers/esp/flashwriter.h"

#include <algorithm>
#include <chrono>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

QString onOff(bool on)
{
    return on ? u"on"_s : u"off"_s;
}

} // namespace

EspDevice::EspDevice(std::unique_ptr<EspClient> client, Setup setup)
    : m_setup(std::move(setup)), m_client(std::move(client))
{}

quint32 EspDevice::tableAt() const
{
    return m_setup.board && m_setup.board->partitionTableAt ? *m_setup.board->partitionTableAt
                                                            : m_setup.quirks.partitionTableAt();
}

void EspDevice::begin(const Task &task)
{
    const EspAdapter *adapter = m_setup.adapter ? &*m_setup.adapter : nullptr;
    esp::enterLoader(*m_client, m_setup.quirks, adapter, task);
    m_state = esp::identify(*m_client, m_setup.quirks, task);
    if (m_setup.board && m_setup.board->chip != m_state.chip->name)
        throw Fault("esp.other-chip", {m_client->link().info().port, m_state.chip->title, m_setup.board->name,
                                       m_setup.quirks.byName(m_setup.board->chip)->title});
    if (adapter && adapter->native && !m_state.secureDownload)
        esp::quietWatchdogs(*m_client, *m_state.chip, task);
    esp::readFuses(*m_client, m_state, task);
    esp::attachFlash(*m_client, m_state, m_setup.board ? m_setup.board->flashBytes : 0, task);
    if (m_setup.baud > 0 && m_setup.baud != m_client->link().info().baud)
        esp::changeRate(*m_client, m_setup.baud, task);
}

DeviceFacts EspDevice::facts(const Task &task)
{
    task.check(u"Asking the chip"_s);
    DeviceFacts facts;
    facts.driver = u"esp"_s;
    facts.port = m_client->link().info().port;
    facts.line = m_client->link().info().line;
    facts.board = m_setup.board ? m_setup.board->name : QString();
    facts.hardwareId = m_state.mac.isEmpty() ? QString() : hex(m_state.mac, u'-');
    facts.bootLoader = m_state.secureDownload ? u"ROM, secure download mode"_s : u"ROM"_s;
    facts.locked = m_state.bootsOnlySigned() || m_state.flashEncryption || m_state.secureDownload;
    facts.more.insert(u"chip"_s, m_state.chip->title);
    if (m_state.revision >= 0)
        facts.more.insert(u"revision"_s, m_state.revisionText());
    facts.more.insert(u"flash"_s, humanSize(m_state.flashBytes));
    if (m_state.flashId != 0)
        facts.more.insert(u"flash-id"_s, u"%1"_s.arg(m_state.flashId, 6, 16, QChar(u'0')));
    facts.more.insert(u"secure-boot"_s, m_state.secureBootV1 ? u"version 1"_s
                                        : m_state.secureBoot ? u"version 2"_s
                                                             : u"off"_s);
    facts.more.insert(u"flash-encryption"_s, onOff(m_state.flashEncryption));
    facts.more.insert(u"secure-download"_s, onOff(m_state.secureDownload));
    facts.more.insert(u"jtag"_s, onOff(!m_state.jtagOff));
    if (!m_state.keyPurposes.isEmpty())
        facts.more.insert(u"keys"_s, m_state.keyPurposes.join(u", "_s));
    if (m_state.secureVersion > 0)
        facts.more.insert(u"security-version"_s, QString::number(m_state.secureVersion));
    return facts;
}

QList<MemoryRegion> EspDevice::regions(const Task &)
{
    return {{u"flash"_s, 0, quint64(m_state.reachable()), esp::sectorSize, !m_state.secureDownload, true}};
}

// The table in the flash memory counts where none is to be written; one that cannot be read or is none counts nothing.
QList<MemorySegment> EspDevice::checked(const QList<MemorySegment> &segments, const Task &task)
{
    std::optional<EspPartitions> present;
    const bool brings = std::any_of(segments.begin(), segments.end(), [this](const MemorySegment &segment) {
        return segment.at <= tableAt() && segment.end() > tableAt();
    });
    if (!brings && !m_state.secureDownload && !m_state.flashEncryption && !segments.isEmpty()) {
        constexpr qint64 row = 64;
        QByteArray table = readSome(tableAt(), row, task, false);
        if (EspPartitions::looksLike(table)) {
            while (table.size() < EspPartitions::TableSize && table.last(32) != QByteArray(32, '\xff'))
                table += readSome(tableAt() + quint64(table.size()), row, task, false);
            try {
                present = EspPartitions::parse(table);
            } catch (const Fault &fault) {
                task.say(u"The partition table of the chip is not used: "_s + fault.sentence());
            }
        }
    }
    return esp::checkWrite(m_state, tableAt(), segments, present);
}

void EspDevice::check(const QList<MemorySegment> &segments, const Task &task)
{
    const auto all = checked(segments, task);
    if (m_state.secureDownload || m_state.flashEncryption) {
        for (const MemorySegment &segment : all) {
            if (segment.at % esp::sectorSize != 0)
                throw Fault("esp.alignment", {addressText(segment.at)});
        }
    }
}

// An erase takes whole sectors: what stands before a piece in its first one is read and written again, unless all of
// it is erased anyway.
QList<MemorySegment> EspDevice::wholeSectors(const QList<MemorySegment> &segments, bool blank, const Task &task)
{
    QList<MemorySegment> out;
    for (const MemorySegment &segment : segments) {
        const bool shared = !out.isEmpty() && esp::sectorEnd(out.last().end()) > segment.at;
        const quint64 from = shared ? out.last().end() : esp::sectorBegin(segment.at);
        if (!shared)
            out << MemorySegment{from, {}};
        const auto gap = qint64(segment.at - from);
        if (gap > 0)
            out.last().bytes += blank ? QByteArray(gap, '\xff') : readSome(from, gap, task, false);
        out.last().bytes += segment.bytes;
    }
    for (MemorySegment &piece : out)
        piece.bytes.append((4 - piece.bytes.size() % 4) % 4, '\xff'); // the ROM writes words
    return out;
}

Memory::WriteResult EspDevice::write(const QList<MemorySegment> &segments, const WriteOptions &options,
                                     const Task &task)
{
    check(segments, task);
    if (options.eraseAll)
        esp::checkErase(m_state, 0, quint64(m_state.reachable()));
    const auto tell = [&options](WriteStage stage) {
        if (options.stage)
            options.stage(stage);
    };
    tell(WriteStage::Checking);
    const auto began = std::chrono::steady_clock::now();
    const qint64 wireBefore = m_client->wireBytes();
    const QList<MemorySegment> pieces = wholeSectors(tidy(segments), options.eraseAll, task);
    WriteResult result;
    for (const MemorySegment &segment : segments)
        result.bytes += segment.bytes.size();
    tell(WriteStage::Erasing); // each chunk is erased before it is written
    if (options.eraseAll)
        eraseAll(task.at(nullptr));

    qint64 total = 0, done = 0;
    for (const MemorySegment &piece : pieces)
        total += piece.bytes.size();
    if (task.progress)
        task.progress->setTotal(total);
    FlashWriter writer(*m_client,
                       {m_state.chip->encryptionWord, !m_state.secureDownload && !options.secret,
                        m_state.secureDownload ? m_setup.quirks.blockBytes().last(1) : m_setup.quirks.blockBytes()});
    for (const MemorySegment &piece : pieces) {
        writer.write(piece.at, piece.bytes, task, done);
        done += piece.bytes.size();
    }
    // Encrypted, the digest would be of other bytes than were sent only where the chip encrypts; it does not here.
    if (options.verify && !m_state.secureDownload) {
        tell(WriteStage::Verifying);
        for (const MemorySegment &piece : pieces)
            writer.verify(piece.at, piece.bytes, task);
        result.verified = !pieces.isEmpty();
        result.how = result.verified ? u"MD5 by the chip"_s : QString();
    }
    if (task.progress)
        task.progress->finish();
    result.wireBytes = m_client->wireBytes() - wireBefore;
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const double line = m_client->link().info().bytesPerSecond();
    if (line > 0 && writer.dataBytes() > 0)
        result.lineLimit = line * double(total) / double(writer.dataBytes());
    return result;
}

QByteArray EspDevice::readSome(quint64 at, qint64 size, const Task &task, bool counted)
{
    if (m_state.secureDownload)
        throw Fault("esp.secure-download", {u"read its flash memory"_s});
    QByteArray out;
    while (out.size() < size) {
        const qint64 some = std::min<qint64>(esp::longestRead, size - out.size());
        // The answer has 64 bytes whatever is asked for.
        const QByteArray data =
            m_client->demand(EspRequest::words(esp::ReadFlashSlow, {quint32(at) + quint32(out.size()), quint32(some)}),
                             esp::longestRead, u"read its flash memory"_s, task);
        out += data.first(some);
        if (counted && task.progress)
            task.progress->setDone(out.size());
    }
    return out;
}

QByteArray EspDevice::read(quint64 at, qint64 size, const Task &task)
{
    const auto end = quint64(m_state.reachable());
    if (size < 0 || at > end || quint64(size) > end - at)
        throw Fault("memory.outside", {addressText(at), addressText(at + quint64(std::max<qint64>(0, size)))});
    if (task.progress)
        task.progress->setTotal(size);
    QByteArray out = readSome(at, size, task, true);
    if (task.progress)
        task.progress->finish();
    return out;
}

void EspDevice::erase(quint64 at, quint64 size, const Task &task)
{
    esp::checkErase(m_state, at, size);
    const quint64 from = esp::sectorBegin(at), end = esp::sectorEnd(at + size);
    if (task.progress)
        task.progress->setTotal(qint64(end - from));
    FlashWriter(*m_client, {m_state.chip->encryptionWord, false, {1024}}).erase(from, end - from, task, 0);
    if (task.progress)
        task.progress->finish();
}

void EspDevice::eraseAll(const Task &task)
{
    erase(0, quint64(m_state.reachable()), task);
}

void EspDevice::start(std::optional<quint64> at, const Task &task)
{
    if (at)
        throw Fault("device.lacks", {u"start at an address; it starts from its boot loader"_s});
    if (!esp::runByLines(*m_client, m_setup.quirks, m_setup.adapter ? &*m_setup.adapter : nullptr, task))
        esp::runByLoader(*m_client, m_state.chip->encryptionWord, task);
}

// What answers afterwards is the loader again, at its first rate.
void EspDevice::reset(const Task &task)
{
    if (m_client->link().info().baud > 0 && m_setup.baud > 0)
        m_client->link().setBaud(esp::romBaud);
    begin(task);
}

} // namespace slipway
