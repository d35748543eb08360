#include "drivers/dfu/dfusememory.h"

#include "core/base/fault.h"
#include "core/base/progress.h"

#include <QtEndian>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

enum Command : char { SetAddress = 0x21, Erase = 0x41, ReadUnprotect = '\x92' };
constexpr quint16 firstBlock = 2; // blocks 0 and 1 are commands
constexpr quint32 lastBlock = 0xffff;
constexpr qint64 largestRead = qint64(1) << 30;
const QString readProtection = u"read protection"_s;

QByteArray commandBytes(Command command, quint64 address)
{
    QByteArray bytes(5, command);
    qToLittleEndian(quint32(address), bytes.data() + 1);
    return bytes;
}

} // namespace

const QList<DfuseMemory::Bank> &DfuseMemory::banks(const Task &task)
{
    if (!m_banks.isEmpty())
        return m_banks;
    DfuClient &client = m_session.client(task);
    const QString serial = client.link().device().serial;
    QList<Bank> out;
    for (const DfuInterface::Alternate &alternate : client.interface().alternates) {
        QString map = alternate.name;
        for (const DfuQuirks::Map &other : client.quirks().maps) {
            if (other.alternate == alternate.number && other.serial.match(serial).hasMatch())
                map = other.map;
        }
        if (!map.startsWith(u'@'))
            continue; // nothing at addresses
        const Bank bank{alternate.number, DfuseLayout::parse(map)};
        for (const Bank &earlier : std::as_const(out)) {
            for (const DfuseLayout::Run &run : bank.layout.runs) {
                for (const DfuseLayout::Run &other : earlier.layout.runs) {
                    if (run.at < other.end() && other.at < run.end())
                        throw Fault("dfu.layout", {map, u"it overlaps \"%1\""_s.arg(earlier.layout.name)});
                }
            }
        }
        out << bank;
    }
    m_banks = out;
    return m_banks;
}

QList<MemoryRegion> DfuseMemory::regions(const Task &task)
{
    QList<MemoryRegion> out;
    for (const Bank &bank : banks(task))
        out += bank.layout.regions();
    return out;
}

const DfuseMemory::Bank &DfuseMemory::bankAt(quint64 address, const Task &task)
{
    for (const Bank &bank : banks(task)) {
        if (bank.layout.runAt(address))
            return bank;
    }
    throw Fault("memory.outside", {addressText(address), addressText(address + 1)});
}

void DfuseMemory::check(const QList<MemorySegment> &segments, const Task &task)
{
    checkAgainst(regions(task), tidy(segments));
}

// Segments as pieces of one memory each; in flash filled up with blank bytes to what can be programmed at once, which
// joins pieces that share such a unit.
QList<DfuseMemory::Piece> DfuseMemory::cut(const QList<MemorySegment> &segments, const Task &task)
{
    const auto unit = quint64(m_session.client(task).quirks().writeAlign);
    const char erased = m_session.client(task).quirks().erased;
    QList<Piece> out;
    for (const MemorySegment &segment : tidy(segments)) {
        for (quint64 at = segment.at; at < segment.end();) {
            const Bank &bank = bankAt(at, task);
            // To the end of this bank's runs that touch.
            quint64 end = at;
            bool erasable = false;
            while (const DfuseLayout::Run *run = bank.layout.runAt(end)) {
                if (end > at && run->erasable != erasable)
                    break;
                erasable = run->erasable;
                end = run->end();
                if (end >= segment.end())
                    break;
            }
            end = std::min(end, segment.end());
            Piece piece{&bank, at, segment.bytes.mid(qsizetype(at - segment.at), qsizetype(end - at))};
            if (erasable) {
                piece.bytes.prepend(QByteArray(qsizetype(piece.at % unit), erased));
                piece.at -= piece.at % unit;
                const auto odd = qsizetype(quint64(piece.bytes.size()) % unit);
                if (odd)
                    piece.bytes.append(QByteArray(qsizetype(unit) - odd, erased));
            }
            Piece *last = out.isEmpty() ? nullptr : &out.last();
            const quint64 lastEnd = last ? last->at + quint64(last->bytes.size()) : 0;
            if (last && last->bank == &bank && erasable && piece.at < lastEnd) {
                // They share a unit: the later one's bytes over the earlier one's filling.
                const auto offset = qsizetype(at - last->at);
                last->bytes.replace(offset, last->bytes.size() - offset, piece.bytes.mid(qsizetype(at - piece.at)));
            } else {
                out << piece;
            }
            at = end;
        }
    }
    return out;
}

void DfuseMemory::setAddress(quint64 at, const Task &task)
{
    m_session.client(task).download(0, commandBytes(SetAddress, at), u"go to "_s + addressText(at), task);
}

void DfuseMemory::eraseSectors(const QList<Piece> &pieces, const Task &task)
{
    DfuClient &client = m_session.client(task);
    std::set<quint64> seen;
    for (const Piece &piece : pieces) {
        client.select(piece.bank->alternate, task);
        const quint64 end = piece.at + quint64(piece.bytes.size());
        for (quint64 at = piece.at; at < end;) {
            const DfuseLayout::Run *run = piece.bank->layout.runAt(at);
            if (!run)
                throw Fault("memory.outside", {addressText(piece.at), addressText(end)});
            if (!run->erasable) {
                at = run->end();
                continue;
            }
            const quint64 sector = at - (at - run->at) % run->sectorSize;
            if (seen.insert(sector).second)
                client.download(0, commandBytes(Erase, sector), u"erase "_s + addressText(sector), task);
            at = sector + run->sectorSize;
        }
    }
}

// Compares what a piece's memory holds with what it is to hold, sector by sector. Looking at a sector ends at the first
// block that differs; a block's number says where it is, so each costs one request and no poll time-out.
void DfuseMemory::look(const Piece &piece, QList<Part> &parts, const Task &task)
{
    DfuClient &client = m_session.client(task);
    client.select(piece.bank->alternate, task);
    const auto step = quint64(client.transferSize()), end = piece.at + quint64(piece.bytes.size());
    const char erased = client.quirks().erased;
    for (Part &part : parts)
        part.same = part.blank = true;
    auto first = parts.begin(); // the first part that the block reaches
    std::optional<quint64> base;
    for (quint64 at = piece.at; at < end; at += step) {
        const quint64 stop = std::min(at + step, end);
        const int length = int(stop - at);
        while (first->piece.at + quint64(first->piece.bytes.size()) <= at)
            ++first;
        const auto last = std::find_if(first, parts.end(), [stop](const Part &part) { return part.piece.at >= stop; });
        if (std::none_of(first, last, [](const Part &part) { return part.same || part.blank; }))
            continue;
        if (!base || (at - *base) / step > lastBlock - firstBlock || stop - at < step || !client.wholeTransfers()) {
            client.toIdle(task);
            setAddress(at, task);
            client.toIdle(task); // reading starts there only
            base = at;
        }
        const QString what = u"read at "_s + addressText(at);
        const QByteArray there = client.upload(quint16(firstBlock + (at - *base) / step), length, what, task);
        if (there.size() != length)
            throw Fault("dfu.short", {what, QString::number(there.size()), QString::number(length)});
        for (auto part = first; part != last; ++part) {
            const quint64 from = std::max(at, part->piece.at);
            const quint64 to = std::min(stop, part->piece.at + quint64(part->piece.bytes.size()));
            const auto held = QByteArrayView(there).sliced(qsizetype(from - at), qsizetype(to - from));
            part->same =
                part->same &&
                held == QByteArrayView(part->piece.bytes).sliced(qsizetype(from - part->piece.at), held.size());
            part->blank =
                part->blank && std::all_of(held.begin(), held.end(), [erased](char c) { return c == erased; });
        }
    }
    client.toIdle(task);
}

// Erases what has to be, and returns what is left to be written. A sector that comes blank, or that holds the same
// already, is spared: erasing one takes a hundred times as long as looking at its first block.
QList<DfuseMemory::Piece> DfuseMemory::prepare(const QList<Piece> &pieces, const std::function<void()> &erases,
                                               const Task &task)
{
    DfuClient &client = m_session.client(task);
    std::map<quint64, QList<Part>> sectors; // by address; parts that cannot be erased by their own
    std::set<quint64> fixed;
    for (const Piece &piece : pieces) {
        QList<Part> parts;
        QList<quint64> whose;
        const quint64 end = piece.at + quint64(piece.bytes.size());
        for (quint64 at = piece.at; at < end;) {
            const DfuseLayout::Run *run = piece.bank->layout.runAt(at);
            if (!run)
                throw Fault("memory.outside", {addressText(piece.at), addressText(end)});
            const quint64 sector = run->erasable ? at - (at - run->at) % run->sectorSize : at;
            const quint64 stop = std::min(end, run->erasable ? sector + run->sectorSize : run->end());
            parts.append(
                Part{{piece.bank, at, piece.bytes.mid(qsizetype(at - piece.at), qsizetype(stop - at))}, {}, {}});
            whose.append(sector);
            if (!run->erasable)
                fixed.insert(sector);
            at = stop;
        }
        const DfuseLayout::Run *first = piece.bank->layout.runAt(piece.at);
        if (client.interface().canUpload && first && first->erasable && first->readable)
            look(piece, parts, task);
        for (qsizetype i = 0; i < parts.size(); ++i)
            sectors[whose[i]].append(parts[i]);
    }
    QList<Piece> out;
    m_spared = false;
    for (const auto &[sector, parts] : sectors) {
        const bool spare = std::all_of(parts.begin(), parts.end(), [](const Part &p) { return p.same || p.blank; });
        if (!spare && !fixed.contains(sector)) {
            erases();
            client.select(parts.first().piece.bank->alternate, task);
            client.download(0, commandBytes(Erase, sector), u"erase "_s + addressText(sector), task);
        }
        for (const Part &part : parts) {
            if (spare && part.same)
                continue;
            m_spared = m_spared || (spare && !fixed.contains(sector));
            Piece *last = out.isEmpty() ? nullptr : &out.last();
            if (last && last->bank == part.piece.bank && last->at + quint64(last->bytes.size()) == part.piece.at &&
                !fixed.contains(sector))
                last->bytes += part.piece.bytes;
            else
                out << part.piece;
        }
    }
    return out;
}

void DfuseMemory::writePiece(const Piece &piece, qint64 &done, qint64 &wire, const Task &task)
{
    DfuClient &client = m_session.client(task);
    const int size = client.transferSize();
    const QString what = u"write at "_s;
    quint32 block = firstBlock;
    client.select(piece.bank->alternate, task);
    for (qsizetype i = 0; i < piece.bytes.size(); i += size) {
        const QByteArray bytes = piece.bytes.mid(i, size);
        const quint64 at = piece.at + quint64(i);
        // A device places a block by its number times the transfer size, which some take from the block itself: a
        // short one, or one that is cut to what USB here can carry, only goes right behind the address.
        if (i == 0 || block > lastBlock || bytes.size() < size || !client.wholeTransfers()) {
            setAddress(at, task);
            block = firstBlock;
        }
        client.download(quint16(block++), bytes, what + addressText(at), task);
        wire += bytes.size();
        done += bytes.size();
        if (task.progress)
            task.progress->setDone(done);
    }
}

void DfuseMemory::writePieces(const QList<Piece> &pieces, qint64 done, qint64 &wire, const Task &task)
{
    for (const Piece &piece : pieces) {
        const QString &name = piece.bank->layout.name;
        const QRegularExpression resets = m_session.client(task).quirks().resetsAfter;
        const bool restarts = !resets.pattern().isEmpty() && resets.match(name).hasMatch();
        try {
            writePiece(piece, done, wire, task);
        } catch (const Fault &fault) {
            // Option bytes: taken over, and the chip restarts at once.
            if (!restarts || !fault.is("link.gone"))
                throw;
            m_session.awaitReturn(u"writing \"%1\""_s.arg(name), task);
        }
    }
}

Memory::WriteResult DfuseMemory::write(const QList<MemorySegment> &segments, const WriteOptions &options,
                                       const Task &task)
{
    const auto begin = std::chrono::steady_clock::now();
    check(segments, task);
    WriteResult out;
    for (const MemorySegment &segment : segments)
        out.bytes += segment.bytes.size();
    if (out.bytes == 0)
        throw Fault("firmware.empty");
    const auto tell = [&options](WriteStage stage) {
        if (options.stage)
            options.stage(stage);
    };
    tell(WriteStage::Checking);
    const QList<Piece> pieces = cut(segments, task);
    qint64 total = 0, done = 0;
    for (const Piece &piece : pieces)
        total += piece.bytes.size();
    if (task.progress)
        task.progress->setTotal(options.verify ? 2 * total : total);

    QList<Piece> left = pieces;
    if (options.eraseAll) {
        tell(WriteStage::Erasing);
        eraseAll(task);
    } else {
        left = prepare(
            pieces, [&tell] { tell(WriteStage::Erasing); }, task);
    }
    tell(WriteStage::Writing);
    const auto sum = [](qint64 before, const Piece &piece) { return before + piece.bytes.size(); };
    try {
        writePieces(left, total - std::accumulate(left.begin(), left.end(), qint64(0), sum), out.wireBytes, task);
    } catch (const Fault &fault) {
        // Flash with error correction that was written with blank bytes looks blank, and cannot be written again.
        if (options.eraseAll || !m_spared || !fault.is("dfu.refused"))
            throw;
        task.say(fault.sentence() + u" It is erased, and written again."_s);
        eraseSectors(pieces, task);
        writePieces(pieces, 0, out.wireBytes, task);
    }
    done = total;

    bool readable = true;
    for (const Piece &piece : pieces) {
        const DfuseLayout::Run *run = piece.bank->layout.runAt(piece.at);
        readable = readable && run && run->readable;
    }
    if (options.verify && readable) {
        tell(WriteStage::Verifying);
        for (const Piece &piece : pieces) {
            const QByteArray found = readPiece(*piece.bank, piece.at, piece.bytes.size(), done, task);
            const auto [mine, theirs] =
                std::mismatch(piece.bytes.begin(), piece.bytes.end(), found.begin(), found.end());
            if (mine != piece.bytes.end())
                throw Fault("memory.verify", {addressText(piece.at + quint64(mine - piece.bytes.begin()))});
            done += found.size();
            out.wireBytes += found.size();
        }
        out.verified = true;
        out.how = u"read back"_s;
    }
    m_session.client(task).toIdle(task);
    out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return out;
}

QByteArray DfuseMemory::readPiece(const Bank &bank, quint64 at, qint64 size, qint64 before, const Task &task)
{
    DfuClient &client = m_session.client(task);
    if (!client.interface().canUpload)
        throw Fault("device.lacks", {u"be read back"_s});
    client.select(bank.alternate, task);
    const int step = client.transferSize();
    QByteArray out;
    quint32 block = firstBlock;
    while (out.size() < size) {
        const quint64 from = at + quint64(out.size());
        const auto length = int(std::min<qint64>(step, size - out.size()));
        if (out.isEmpty() || block > lastBlock || length < step || !client.wholeTransfers()) {
            client.toIdle(task);
            setAddress(from, task);
            client.toIdle(task); // reading starts there only
            block = firstBlock;
        }
        const QString what = u"read at "_s + addressText(from);
        const QByteArray bytes = client.upload(quint16(block++), length, what, task);
        if (bytes.size() != length)
            throw Fault("dfu.short", {what, QString::number(bytes.size()), QString::number(length)});
        out += bytes;
        if (task.progress)
            task.progress->setDone(before + out.size());
    }
    client.toIdle(task);
    return out;
}

QByteArray DfuseMemory::read(quint64 at, qint64 size, const Task &task)
{
    if (size <= 0 || size > largestRead)
        throw Fault("memory.outside", {addressText(at), addressText(at + quint64(std::max<qint64>(size, 0)))});
    if (task.progress)
        task.progress->setTotal(size);
    QByteArray out;
    const quint64 end = at + quint64(size);
    for (const Bank &bank : banks(task)) { // all of it exists and can be read, before anything is asked
        for (const DfuseLayout::Run &run : bank.layout.runs) {
            if (!run.readable && run.at < end && at < run.end())
                throw Fault("device.lacks", {u"give back \"%1\""_s.arg(bank.layout.name)});
        }
    }
    while (out.size() < size) {
        const quint64 from = at + quint64(out.size());
        const Bank &bank = bankAt(from, task);
        quint64 stop = from;
        while (const DfuseLayout::Run *run = stop < end ? bank.layout.runAt(stop) : nullptr)
            stop = run->end();
        out += readPiece(bank, from, qint64(std::min(stop, end) - from), out.size(), task);
    }
    return out;
}

void DfuseMemory::erase(quint64 at, quint64 size, const Task &task)
{
    QList<Piece> pieces;
    const quint64 end = at + size;
    while (at < end) {
        const Bank &bank = bankAt(at, task);
        const DfuseLayout::Run *run = bank.layout.runAt(at);
        if (!run->erasable)
            throw Fault("device.lacks", {u"erase \"%1\""_s.arg(bank.layout.name)});
        const quint64 stop = std::min(end, run->end());
        pieces.append({&bank, at, QByteArray(qsizetype(stop - at), '\0')});
        at = stop;
    }
    eraseSectors(pieces, task);
    m_session.client(task).toIdle(task);
}

void DfuseMemory::eraseAll(const Task &task)
{
    for (const Bank &bank : banks(task)) {
        const auto &runs = bank.layout.runs;
        if (!std::any_of(runs.begin(), runs.end(), [](const DfuseLayout::Run &run) { return run.erasable; }))
            continue;
        DfuClient &client = m_session.client(task);
        client.select(bank.alternate, task);
        client.download(0, QByteArray(1, Erase), u"erase everything"_s, task);
        client.toIdle(task);
        return;
    }
    throw Fault("device.lacks", {u"be erased"_s});
}

void DfuseMemory::start(std::optional<quint64> at, const Task &task)
{
    DfuClient &client = m_session.client(task);
    const QString what = u"start what it holds"_s;
    const QList<MemoryRegion> all = regions(task);
    if (!at && all.isEmpty())
        throw Fault("device.lacks", {what});
    const quint64 address = at.value_or(all.isEmpty() ? 0 : all.first().at);
    client.select(bankAt(address, task).alternate, task);
    setAddress(address, task);
    try {
        client.send(firstBlock, {}, what, task);
        const DfuClient::Status now = client.status(what, task);
        if (now.status != 0 || now.state == DfuClient::Error)
            client.refused(what, now, task);
        client.sitOut(task);
    } catch (const Fault &fault) {
        if (!fault.is("link.gone") && !fault.is("dfu.no-answer")) // some go before they answer
            throw;
    }
    m_session.close();
}

QStringList DfuseMemory::areas(const Task &task)
{
    QStringList out;
    for (const Bank &bank : banks(task)) {
        const auto &runs = bank.layout.runs;
        if (std::any_of(runs.begin(), runs.end(), [](const DfuseLayout::Run &run) { return run.erasable; }))
            out << bank.layout.name;
    }
    return out << readProtection;
}

void DfuseMemory::erase(const QString &area, const Task &task)
{
    if (area == readProtection)
        return removeProtection(task);
    for (const Bank &bank : banks(task)) {
        if (bank.layout.name != area)
            continue;
        for (const DfuseLayout::Run &run : bank.layout.runs) {
            if (run.erasable)
                erase(run.at, run.end() - run.at, task);
        }
        return;
    }
    throw Fault("dfu.area", {area, areas(task).join(u", "_s)});
}

bool DfuseMemory::isBlank(const QString &area, const Task &task)
{
    if (area == readProtection)
        return !isLocked(readProtection, task);
    for (const Bank &bank : banks(task)) {
        if (bank.layout.name != area)
            continue;
        const char erased = m_session.client(task).quirks().erased;
        for (const DfuseLayout::Run &run : bank.layout.runs) {
            if (!run.erasable)
                continue;
            const QByteArray bytes = read(run.at, qint64(run.end() - run.at), task);
            if (bytes.count(erased) != bytes.size())
                return false;
        }
        return true;
    }
    throw Fault("dfu.area", {area, areas(task).join(u", "_s)});
}

void DfuseMemory::removeProtection(const Task &task)
{
    DfuClient &client = m_session.client(task);
    const QString what = u"take its read protection off"_s;
    client.select(client.interface().alternates.first().number, task);
    try {
        client.send(0, QByteArray(1, ReadUnprotect), what, task);
        const DfuClient::Status now = client.status(what, task); // this starts it
        if (now.status != 0 || now.state == DfuClient::Error)
            client.refused(what, now, task);
        client.sitOut(task);
    } catch (const Fault &fault) {
        if (!fault.is("link.gone"))
            throw;
    }
    m_session.awaitReturn(what, task);
    m_session.client(task);
}

QStringList DfuseMemory::locks(const Task &)
{
    return {readProtection};
}

bool DfuseMemory::isLocked(const QString &name, const Task &task)
{
    if (name != readProtection)
        throw Fault("lock.unknown-name", {name, readProtection});
    for (const MemoryRegion &region : regions(task)) {
        if (!region.readable || !region.writable)
            continue;
        try {
            (void)readPiece(bankAt(region.at, task), region.at, 4, 0, task);
            return false;
        } catch (const Fault &fault) {
            if (!fault.is("memory.protected"))
                throw;
            return true;
        }
    }
    throw Fault("lock.unknown", {name});
}

void DfuseMemory::lock(const QString &name, const Task &)
{
    if (name != readProtection)
        throw Fault("lock.unknown-name", {name, readProtection});
    throw Fault("device.lacks", {u"set its read protection over USB"_s});
}

} // namespace slipway
