#include "drivers/uf2/uf2device.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/uf2.h"
#include "core/device/hardwareid.h"
#include "drivers/uf2/drivefile.h"

#include <algorithm>
#include <chrono>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr auto fileName = "FIRMWARE.UF2";

QList<AddressedBytes> pieces(const QList<MemorySegment> &segments)
{
    QList<AddressedBytes> out;
    for (const MemorySegment &segment : segments)
        out.append({segment.at, segment.bytes});
    return out;
}

// The first address at which the memory holds other bytes, or does not tell; nothing: the same.
std::optional<quint64> difference(const QList<MemorySegment> &memory, const QList<MemorySegment> &wanted)
{
    for (const MemorySegment &segment : wanted) {
        const auto holder = std::find_if(memory.begin(), memory.end(), [&segment](const MemorySegment &held) {
            return held.at <= segment.at && segment.end() <= held.end();
        });
        if (holder == memory.end())
            return segment.at;
        const QByteArrayView held =
            QByteArrayView(holder->bytes).sliced(qsizetype(segment.at - holder->at), segment.bytes.size());
        const auto [a, b] = std::mismatch(segment.bytes.begin(), segment.bytes.end(), held.begin());
        if (a != segment.bytes.end())
            return segment.at + quint64(a - segment.bytes.begin());
    }
    return std::nullopt;
}

} // namespace

Uf2Device::Uf2Device(QString port, Uf2Drive drive, const Uf2Boards &boards, const Uf2Quirks *named, const Task &task)
    : m_port(std::move(port)), m_drive(std::move(drive))
{
    const Uf2Drive::Found found = m_drive.find(task);
    const Uf2Quirks *known = boards.forBoardId(found.info.boardId);
    if (named && known && named->families != known->families)
        throw Fault("uf2.other-device", {u"usb:"_s + m_drive.path(), found.info.boardId, named->name});
    if (named)
        known = named;
    // Board-IDs are anybody's choice. A boot loader that shows its memory shows whose firmware that is.
    if (!known) {
        if (const auto bytes = m_drive.current(found, task)) {
            try {
                const Uf2File file = Uf2File::parse(*bytes);
                if (file.parts.size() == 1 && file.parts.first().family)
                    known = boards.forFamily(*file.parts.first().family);
            } catch (const Fault &fault) {
                task.say(fault.text());
            }
        }
    }
    if (!known)
        throw Fault("uf2.family", {found.info.boardId, boards.names().join(u", "_s)});
    m_quirks = *known;
}

DeviceFacts Uf2Device::facts(const Task &task)
{
    const Uf2Drive::Found found = m_drive.find(task);
    DeviceFacts facts;
    facts.driver = u"uf2"_s;
    facts.port = m_port;
    facts.line = u"USB "_s + found.device.path;
    facts.board = m_quirks.name;
    facts.bootLoader = found.info.loader;
    if (m_quirks.serialUnique)
        facts.hardwareId = found.device.serial.toLower();
    facts.more = found.info.more;
    facts.more[u"model"_s] = found.info.model;
    facts.more[u"board-id"_s] = found.info.boardId;
    facts.more[u"usb-id"_s] = found.device.id();
    facts.more[u"usb-serial"_s] = found.device.serial;
    facts.more[u"drive"_s] = found.node;
    facts.more[u"mounted"_s] = found.folder;
    QStringList families;
    for (const quint32 family : std::as_const(m_quirks.families))
        families << uf2FamilyName(family);
    facts.more[u"families"_s] = families.join(u", "_s);
    return facts;
}

QList<MemoryRegion> Uf2Device::regions(const Task &)
{
    return m_quirks.memory;
}

QList<quint32> Uf2Device::families(const Task &)
{
    return m_quirks.families;
}

void Uf2Device::check(const QList<MemorySegment> &segments, const Task &)
{
    if (!m_quirks.memory.isEmpty())
        checkAgainst(m_quirks.memory, segments);
}

Memory::WriteResult Uf2Device::write(const QList<MemorySegment> &given, const WriteOptions &options, const Task &task)
{
    const auto begin = std::chrono::steady_clock::now();
    const QList<MemorySegment> segments = tidy(given);
    if (segments.isEmpty())
        throw Fault("firmware.empty");
    if (options.eraseAll)
        throw Fault("device.lacks", {u"erase all of its memory through a UF2 drive"_s});
    check(segments, task);
    const quint32 family = options.family.value_or(m_quirks.families.first());
    const QByteArray file = writeUf2(pieces(segments), {family, m_quirks.unit, '\xff', m_quirks.absoluteAt});

    const Uf2Drive::Found found = m_drive.find(task);
    WriteResult result;
    for (const MemorySegment &segment : segments)
        result.bytes += segment.bytes.size();
    result.wireBytes = file.size();
    m_left = false;
    task.say(u"%1 blocks for %2 go to %3, past the page cache."_s.arg(file.size() / Uf2File::blockSize)
                 .arg(uf2FamilyName(family), found.folder));
    const DriveWrite written = writeDriveFile(found.folder, QLatin1String(fileName), file, task);
    const QString port = u"usb:"_s + m_drive.path();
    if (written.goneAt && !written.last && !m_drive.isGone(found.device, task))
        throw Fault("uf2.write", {port, QString::number(written.done), qt_error_string(written.goneAt)});
    if (written.goneAt && !written.last)
        throw Fault("uf2.vanished", {port, humanSize(written.done), humanSize(file.size())},
                    u"errno %1"_s.arg(written.goneAt));
    if (written.goneAt)
        task.say(u"The drive went away with the last block: what comes back tells whether that was right."_s);
    UsbDevice now;
    const Uf2Drive::Next next = m_drive.awaitNext(found.device, m_quirks, written.goneAt != 0, now, task);
    takeNext(next, now, options.verify, segments, result, task);
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return result;
}

void Uf2Device::takeNext(Uf2Drive::Next next, const UsbDevice &now, bool verify, const QList<MemorySegment> &segments,
                         WriteResult &result, const Task &task)
{
    const QString port = u"usb:"_s + m_drive.path();
    switch (next) {
    case Uf2Drive::Next::Application:
        m_left = true;
        result.verified = true;
        result.how = u"its boot loader, which took every block and started %1 (not read back)"_s.arg(
            now.description().section(u", "_s, 1));
        return;
    case Uf2Drive::Next::Away:
        if (!m_quirks.silentApplication)
            throw Fault("uf2.no-return", {port, humanSpan(double(m_quirks.returnTime.count()))});
        m_left = true;
        result.verified = true;
        result.how = u"its boot loader, which took every block and left (not read back, and not seen again)"_s;
        return;
    case Uf2Drive::Next::Stayed:
    case Uf2Drive::Next::Loader:
        break;
    }
    const bool stayed = next == Uf2Drive::Next::Stayed;
    QList<MemorySegment> held;
    try {
        held = contents(m_drive.find(task), task.at(nullptr));
    } catch (const Fault &fault) {
        if (fault.blame() == Blame::Person)
            throw;
        // Nothing to look at: that it did not start the firmware is all there is to say.
        throw Fault(stayed ? "uf2.not-taken" : "uf2.loader-again", {port}, fault.text());
    }
    if (const auto at = difference(held, segments)) {
        if (stayed)
            throw Fault("uf2.not-taken", {port}, u"differs at "_s + addressText(*at));
        throw Fault("memory.verify", {addressText(*at)}, u"CURRENT.UF2"_s);
    }
    task.say(u"The boot loader stays; its CURRENT.UF2 shows the firmware."_s);
    result.verified = verify;
    result.how = verify ? u"CURRENT.UF2, read back from its boot loader, which did not start it"_s : QString();
}

QList<MemorySegment> Uf2Device::contents(const Uf2Drive::Found &found, const Task &task) const
{
    const auto bytes = m_drive.current(found, task);
    if (!bytes)
        throw Fault("device.lacks", {u"show its memory: its boot loader has no CURRENT.UF2"_s});
    QList<MemorySegment> out;
    const Uf2File file = Uf2File::parse(*bytes);
    for (const Uf2File::Part &part : file.parts) {
        for (const AddressedBytes &piece : part.segments)
            out.append({piece.at, piece.bytes});
    }
    return tidy(out);
}

QByteArray Uf2Device::read(quint64 at, qint64 size, const Task &task)
{
    const QList<MemorySegment> held = contents(m_drive.find(task), task);
    for (const MemorySegment &segment : held) {
        if (segment.at <= at && quint64(size) <= segment.end() - std::min(at, segment.end()))
            return segment.bytes.mid(qsizetype(at - segment.at), size);
    }
    throw Fault("memory.outside", {addressText(at), addressText(at + quint64(size))});
}

void Uf2Device::erase(quint64, quint64, const Task &)
{
    throw Fault("device.lacks", {u"erase memory through a UF2 drive"_s});
}

void Uf2Device::eraseAll(const Task &)
{
    throw Fault("device.lacks", {u"erase memory through a UF2 drive"_s});
}

void Uf2Device::start(std::optional<quint64>, const Task &task)
{
    if (!m_left)
        task.say(u"A UF2 boot loader starts firmware by itself, or not at all."_s);
}

} // namespace slipway
