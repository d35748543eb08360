// Past 400 lines: the capabilities of one chip, which share its banks and its protection.
#include "drivers/probe/probememory.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "drivers/probe/tclword.h"

#include <algorithm>
#include <numeric>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;
constexpr qsizetype window = 1024; // pieces begin at multiples of that
constexpr qsizetype unit = 64;     // no flash programs more at once
constexpr qsizetype firstPiece = 4096, smallestPiece = window, largestPiece = 64 * 1024;
constexpr qsizetype sectorsAtOnce = 16; // so that a stop does not wait for long
constexpr double pieceTime = 1;         // seconds, about
const QString readout = u"readout"_s;
const QString flashArea = u"flash"_s;

// The slowest in data sheets: 0.04 s for a small page, 4 s for a sector of 128 KB at the lowest supply.
std::chrono::milliseconds patienceFor(quint64 bytes, qsizetype sectors)
{
    return 60s + std::chrono::milliseconds(bytes / 32) + sectors * 200ms;
}

// How much to send next, for a stop to be heeded within about a second.
qsizetype nextPiece(qsizetype size, double seconds)
{
    // Not more than four times as much: short ones say little.
    const auto most = std::clamp(size * 4, firstPiece, largestPiece);
    const double fits = double(size) * pieceTime / std::max(seconds, 0.001);
    const auto wanted = qsizetype(std::clamp(fits, double(smallestPiece), double(most)));
    return wanted - wanted % window;
}

class Stopwatch
{
public:
    double seconds() const { return std::chrono::duration<double>(Deadline::Clock::now() - m_begun).count(); }

private:
    Deadline::Clock::time_point m_begun = Deadline::Clock::now();
};

QString protectionText(int level)
{
    return u"its readout protection is on (level %1)"_s.arg(level);
}

} // namespace

const QList<ProbeMemory::Bank> &ProbeMemory::banks(const Task &task)
{
    if (!m_banks.isEmpty())
        return m_banks;
    OpenOcdClient &client = m_session.client(task);
    const QString what = u"list its flash"_s;
    const QByteArray list =
        "set o {}; foreach b [flash list] {append o \"[dict get $b name] [dict get $b base] [dict get $b size]\\n\"}; "
        "set o";
    const auto count = openocd::parseBanks(client.demand(list, what, patience, task));
    if (!count)
        throw Fault("probe.bad-answer", {what});
    QList<Bank> out;
    for (int number = 0; number < count->size(); ++number) {
        const QByteArray ask = "flash info " + QByteArray::number(number) + " sectors";
        auto reply = client.ask(ask, what, patience, task);
        if (!reply.ok && reply.log.contains("not halted")) { // some are looked for by a helper in RAM
            m_session.halt(false, task);
            reply = client.ask(ask, what, patience, task);
        }
        if (!reply.ok) {
            if (number > 0) { // a second bank that this part does not have
                task.say(u"Flash bank %1 is left out: %2"_s.arg(number).arg(reply.why()));
                continue;
            }
            throw Fault("probe.flash", {reply.why()}, oneLine(QString::fromUtf8(reply.log), 1000));
        }
        const auto sectors = openocd::parseSectors(reply.text);
        if (!sectors)
            throw Fault("probe.bad-answer", {what}, oneLine(QString::fromUtf8(reply.text), 300));
        Bank bank{number, count->at(number).name, count->at(number).at, 0, *sectors, true};
        bank.size = sectors->last().offset + sectors->last().size;
        bank.writable = !bank.name.contains("otp"_L1); // what is written there stays for good
        out << bank;
    }
    if (out.isEmpty())
        throw Fault("probe.flash", {u"the board's script names none"_s});
    m_banks = out;
    return m_banks;
}

const ProbeMemory::Bank *ProbeMemory::bankAt(quint64 at, const Task &task)
{
    for (const Bank &bank : banks(task)) {
        if (at >= bank.at && at < bank.end())
            return &bank;
    }
    return nullptr;
}

bool ProbeMemory::inRam(quint64 at) const
{
    const ProbeBoard &board = m_session.board();
    return board.ramSize && at >= board.ramAt && at < quint64(board.ramAt) + board.ramSize;
}

qint64 ProbeMemory::flashSize(const Task &task)
{
    qint64 sum = 0;
    for (const Bank &bank : banks(task))
        sum += bank.writable ? qint64(bank.size) : 0;
    return sum;
}

QList<MemoryRegion> ProbeMemory::regions(const Task &task)
{
    QList<MemoryRegion> out;
    for (const Bank &bank : banks(task)) {
        const quint64 first = bank.sectors.first().size;
        const bool uniform = std::all_of(bank.sectors.begin(), bank.sectors.end(),
                                         [first](const openocd::Sector &sector) { return sector.size == first; });
        out.append(
            {out.isEmpty() ? flashArea : bank.name, bank.at, bank.size, uniform ? first : 0, true, bank.writable});
    }
    const ProbeBoard &board = m_session.board();
    if (board.ramSize)
        out.append({u"RAM"_s, board.ramAt, board.ramSize, 0, true, true});
    return out;
}

void ProbeMemory::check(const QList<MemorySegment> &segments, const Task &task)
{
    checkAgainst(regions(task), tidy(segments));
    if (const int level = protectionLevel(task).value_or(0); level > 1)
        throw Fault("probe.locked-forever");
}

std::optional<int> ProbeMemory::protectionLevel(const Task &task)
{
    m_session.client(task); // which board it is
    const auto &protection = m_session.board().protection;
    if (!protection)
        return {};
    const auto value = m_session.words(protection->level.at, 1, task);
    if (!value)
        throw Fault("probe.read", {addressText(protection->level.at)});
    const quint32 level = value->first() & protection->level.mask;
    return level == protection->open ? 0 : protection->forever && level == *protection->forever ? 2 : 1;
}

void ProbeMemory::open(bool eraseAllowed, const Task &task)
{
    const int level = protectionLevel(task).value_or(0);
    if (level > 1)
        throw Fault("probe.locked-forever");
    if (level == 1 && !eraseAllowed)
        throw Fault("memory.protected", {protectionText(level)});
    m_session.leaveHalted();
    m_session.halt(true, task);
    if (level == 1)
        unlock(task);
}

void ProbeMemory::takeEffect(bool load, const Task &task)
{
    const auto &protection = *m_session.board().protection;
    if (load) {
        // It restarts the chip under OpenOCD's feet: what it says then does not count.
        m_session.client(task).ask(protection.driver.toLatin1() + " option_load 0", u"load its option bytes"_s,
                                   patience, task);
    }
    m_session.halt(true, task);
}

void ProbeMemory::unlock(const Task &task)
{
    const auto &protection = *m_session.board().protection;
    if (task.progress)
        task.progress->setNote(u"taking the protection off, which erases everything"_s);
    m_session.client(task).demand(protection.driver.toLatin1() + " unlock 0", u"take its readout protection off"_s, 60s,
                                  task);
    takeEffect(protection.load, task);
    m_banks.clear();
    if (protectionLevel(task).value_or(0) != 0)
        throw Fault("memory.protected", {u"its readout protection stays on; switch it off and on once"_s});
}

void ProbeMemory::eraseSectors(const Bank &bank, qsizetype first, qsizetype last, const Task &task)
{
    const auto all = last - first + 1 == bank.sectors.size();
    while (first <= last) {
        task.check(u"Erasing"_s);
        const qsizetype end = all ? last : std::min(last, first + sectorsAtOnce - 1);
        quint64 bytes = 0;
        for (qsizetype i = first; i <= end; ++i)
            bytes += bank.sectors[i].size;
        const quint64 at = bank.at + bank.sectors[first].offset;
        const auto reply =
            m_session.client(task).ask("flash erase_sector " + QByteArray::number(bank.number) + ' ' +
                                           QByteArray::number(first) + ' ' + QByteArray::number(end),
                                       u"erase at "_s + addressText(at), patienceFor(bytes, end - first + 1), task);
        if (!reply.ok) {
            if (reply.log.contains("protected"))
                throw Fault("memory.protected", {u"its write protection is on"_s}, reply.why());
            throw Fault("probe.erase", {addressText(at), reply.why()}, oneLine(QString::fromUtf8(reply.log), 1000));
        }
        first = end + 1;
    }
}

void ProbeMemory::eraseRange(quint64 at, quint64 size, const Task &task)
{
    for (const Bank &bank : banks(task)) {
        qsizetype first = -1, last = -1;
        for (qsizetype i = 0; i < bank.sectors.size(); ++i) {
            const quint64 from = bank.at + bank.sectors[i].offset;
            if (from < at + size && from + bank.sectors[i].size > at) {
                first = first < 0 ? i : first;
                last = i;
            }
        }
        if (first >= 0)
            eraseSectors(bank, first, last, task);
    }
}

void ProbeMemory::writeFlash(const QList<MemorySegment> &segments, const Task &task)
{
    // What shares a unit goes in one piece, filled up with blank bytes.
    const char erased = m_session.board().erased;
    QList<MemorySegment> runs;
    for (const MemorySegment &segment : segments) {
        const auto before = qsizetype(segment.at % unit);
        MemorySegment run{segment.at - quint64(before), QByteArray(before, erased) + segment.bytes};
        run.bytes += QByteArray((unit - run.bytes.size() % unit) % unit, erased);
        if (!runs.isEmpty() && run.at < runs.last().end()) {
            MemorySegment &last = runs.last();
            last.bytes.truncate(qsizetype(segment.at - last.at));
            last.bytes += run.bytes.mid(before);
        } else {
            runs << run;
        }
    }
    const qint64 total = std::accumulate(runs.begin(), runs.end(), qint64(0),
                                         [](qint64 sum, const MemorySegment &run) { return sum + run.bytes.size(); });
    const qint64 payload =
        std::accumulate(segments.begin(), segments.end(), qint64(0),
                        [](qint64 sum, const MemorySegment &segment) { return sum + segment.bytes.size(); });
    qint64 done = 0;
    qsizetype piece = firstPiece;
    const auto put = [&](quint64 at, const QByteArray &bytes) {
        task.check(u"Writing"_s);
        if (bytes.count(erased) != bytes.size()) { // blank it is already
            const Bank *bank = bankAt(at, task);
            OpenOcdClient &client = m_session.client(task);
            client.program().share(bytes);
            const Stopwatch watch;
            const auto reply =
                client.ask("flash write_bank " + QByteArray::number(bank->number) + ' ' + OpenOcdProgram::sharedPath() +
                               ' ' + tclNumber(at - bank->at),
                           u"write at "_s + addressText(at), patienceFor(quint64(bytes.size()) * 128, 1), task);
            if (!reply.ok) {
                if (reply.log.contains("protected"))
                    throw Fault("memory.protected", {u"its write protection is on"_s}, reply.why());
                throw Fault("probe.write", {addressText(at), reply.why()}, oneLine(QString::fromUtf8(reply.log), 1000));
            }
            piece = nextPiece(bytes.size(), watch.seconds());
        }
        done += bytes.size();
        if (task.progress)
            task.progress->setDone(total ? done * payload / total : 0);
    };
    // The vector table goes in last: a unit that was cut off must not start half a program.
    std::optional<MemorySegment> head;
    for (const MemorySegment &run : std::as_const(runs)) {
        quint64 at = run.at;
        while (at < run.end()) {
            const Bank *bank = bankAt(at, task);
            const auto offset = qsizetype(at - run.at);
            qsizetype size = std::max(smallestPiece, piece) - qsizetype((at - bank->at) % window);
            if (at == bank->at && !head)
                size = window;
            size = std::min({size, run.bytes.size() - offset, qsizetype(bank->end() - at)});
            const QByteArray bytes = run.bytes.mid(offset, size);
            if (at == bank->at && !head)
                head = MemorySegment{at, bytes};
            else
                put(at, bytes);
            at += quint64(size);
        }
    }
    if (head)
        put(head->at, head->bytes);
}

void ProbeMemory::writeRam(const MemorySegment &segment, const Task &task)
{
    for (qsizetype offset = 0; offset < segment.bytes.size(); offset += firstPiece) {
        const quint64 at = segment.at + quint64(offset);
        OpenOcdClient &client = m_session.client(task);
        client.program().share(segment.bytes.mid(offset, firstPiece));
        client.demand(QByteArray("load_image ") + OpenOcdProgram::sharedPath() + ' ' + tclNumber(at) + " bin",
                      u"write at "_s + addressText(at), patience, task);
    }
}

Memory::WriteResult ProbeMemory::write(const QList<MemorySegment> &segments, const WriteOptions &options,
                                       const Task &task)
{
    check(segments, task);
    const QList<MemorySegment> wanted = tidy(segments);
    const Stopwatch watch;
    WriteResult out;
    QList<MemorySegment> flash, ram;
    for (const MemorySegment &segment : wanted) {
        out.bytes += segment.bytes.size();
        (inRam(segment.at) ? ram : flash).append(segment);
    }
    const qint64 rounds = options.verify ? 2 : 1;
    if (task.progress) {
        task.progress->setTotal(out.bytes * rounds);
        task.progress->setDone(0);
        task.progress->setNote(u"erasing"_s);
    }
    open(options.eraseAll, task);
    if (options.eraseAll) {
        for (const Bank &bank : banks(task)) {
            if (bank.writable)
                eraseSectors(bank, 0, bank.sectors.size() - 1, task);
        }
    } else {
        // A sector once, however many pieces lie in it.
        quint64 to = 0;
        for (const MemorySegment &segment : std::as_const(flash)) {
            const Bank *bank = bankAt(segment.at, task);
            quint64 begin = segment.at, end = segment.end();
            for (const openocd::Sector &sector : bank->sectors) {
                const quint64 at = bank->at + sector.offset;
                if (at <= begin && at + sector.size > begin)
                    begin = at;
            }
            begin = std::max(begin, to);
            if (begin >= end)
                continue;
            eraseRange(begin, end - begin, task);
            to = end;
            // To the end of the sector that it ends in.
            if (const Bank *last = bankAt(end - 1, task)) {
                for (const openocd::Sector &sector : last->sectors) {
                    const quint64 at = last->at + sector.offset;
                    if (at < end && at + sector.size >= end)
                        to = at + sector.size;
                }
            }
        }
    }
    if (task.progress)
        task.progress->setNote(QString());
    writeFlash(flash, task);
    for (const MemorySegment &segment : std::as_const(ram))
        writeRam(segment, task);
    out.wireBytes = out.bytes;
    if (options.verify) {
        out.how = verify(wanted, out.bytes, task);
        out.verified = true;
    }
    out.seconds = watch.seconds();
    if (task.progress)
        task.progress->finish();
    return out;
}

QString ProbeMemory::verify(const QList<MemorySegment> &segments, qint64 doneBefore, const Task &task)
{
    if (task.progress)
        task.progress->setNote(u"comparing"_s);
    qint64 done = doneBefore;
    bool byDevice = m_session.board().workArea;
    qsizetype piece = largestPiece;
    for (const MemorySegment &segment : segments) {
        for (qsizetype offset = 0; offset < segment.bytes.size();) {
            task.check(u"Comparing"_s);
            const quint64 at = segment.at + quint64(offset);
            const QByteArray bytes = segment.bytes.mid(offset, piece);
            bool same = false;
            const Stopwatch watch;
            if (byDevice) {
                // A helper in the chip's RAM computes a CRC-32; where there is no room for it, or it is refused,
                // OpenOCD reads everything.
                OpenOcdClient &client = m_session.client(task);
                client.program().share(bytes);
                const auto reply = client.ask(QByteArray("verify_image ") + OpenOcdProgram::sharedPath() + ' ' +
                                                  tclNumber(at) + " bin",
                                              u"compare at "_s + addressText(at), 60s, task);
                byDevice = reply.ok && !reply.log.contains("working area") && !reply.log.contains("crc algorithm");
                same = reply.ok;
            }
            if (!same) {
                const QByteArray there = readPiece(at, bytes.size(), task);
                const auto differs = std::mismatch(bytes.cbegin(), bytes.cend(), there.cbegin());
                if (differs.first != bytes.cend())
                    throw Fault("memory.verify", {addressText(at + quint64(differs.first - bytes.cbegin()))});
            }
            piece = nextPiece(bytes.size(), watch.seconds());
            offset += bytes.size();
            done += bytes.size();
            if (task.progress)
                task.progress->setDone(done);
        }
    }
    return byDevice ? u"CRC-32 by the device"_s : u"read back"_s;
}

QByteArray ProbeMemory::readPiece(quint64 at, qsizetype size, const Task &task)
{
    OpenOcdClient &client = m_session.client(task);
    client.program().share({});
    const QString what = u"read at "_s + addressText(at);
    const auto reply = client.ask(QByteArray("dump_image ") + OpenOcdProgram::sharedPath() + ' ' + tclNumber(at) + ' ' +
                                      QByteArray::number(size),
                                  what, patienceFor(quint64(size) * 8, 1), task);
    const QByteArray bytes = client.program().shared(size);
    if (reply.ok && bytes.size() == size)
        return bytes;
    if (reply.ok)
        throw Fault("probe.bad-answer", {what}, u"%1 of %2 bytes"_s.arg(bytes.size()).arg(size));
    if (const int level = protectionLevel(task).value_or(0); level > 0)
        throw Fault("memory.protected", {protectionText(level)});
    throw Fault("probe.read", {addressText(at)}, oneLine(QString::fromUtf8(reply.log), 1000));
}

QByteArray ProbeMemory::read(quint64 at, qint64 size, const Task &task)
{
    const quint64 count = size > 0 ? quint64(size) : 0;
    if (at > 0xffffffff || count > 0x100000000 - at)
        throw Fault("memory.outside", {addressText(at), addressText(at + count)});
    if (task.progress) {
        task.progress->setTotal(qint64(count));
        task.progress->setDone(0);
    }
    QByteArray out;
    qsizetype piece = firstPiece;
    while (quint64(out.size()) < count) {
        task.check(u"Reading"_s);
        const auto next = qsizetype(std::min<quint64>(quint64(piece), count - quint64(out.size())));
        const Stopwatch watch;
        out += readPiece(at + quint64(out.size()), next, task);
        piece = nextPiece(next, watch.seconds());
        if (task.progress)
            task.progress->setDone(out.size());
    }
    return out;
}

void ProbeMemory::erase(quint64 at, quint64 size, const Task &task)
{
    if (size == 0)
        return;
    if (size > 0xffffffff || at > 0xffffffff)
        throw Fault("memory.outside", {addressText(at), addressText(at + size)});
    for (quint64 from = at; from < at + size;) {
        const Bank *bank = bankAt(from, task);
        if (!bank)
            throw Fault("memory.outside", {addressText(at), addressText(at + size)});
        if (!bank->writable)
            throw Fault("memory.read-only", {bank->name, addressText(from)});
        from = bank->end();
    }
    open(false, task);
    eraseRange(at, size, task);
}

void ProbeMemory::eraseAll(const Task &task)
{
    open(true, task);
    for (const Bank &bank : banks(task)) {
        if (bank.writable)
            eraseSectors(bank, 0, bank.sectors.size() - 1, task);
    }
}

void ProbeMemory::start(std::optional<quint64> at, const Task &task)
{
    const quint64 where = at.value_or(banks(task).first().at);
    if (where > 0xfffffff8 || where % 4)
        throw Fault("probe.no-application", {addressText(where)});
    // Under readout protection nobody may look; the chip starts all the same.
    const auto vectors = m_session.words(quint32(where), 2, task);
    if (vectors) {
        const bool flash = m_session.board().core != 0 || m_session.board().script.contains("stm32"_L1);
        const quint32 entry = vectors->at(1);
        if (flash && (entry % 2 == 0 || entry == 0xffffffff))
            throw Fault("probe.no-application", {addressText(where)});
    }
    if (!at || where == banks(task).first().at) {
        m_session.run(task);
        return;
    }
    if (!vectors)
        throw Fault("probe.read", {addressText(where)});
    m_session.halt(true, task);
    m_session.client(task).demand("reg sp " + tclNumber(vectors->at(0)) + "; write_memory 0xe000ed08 32 " +
                                      tclNumber(where) + "; resume " + tclNumber(vectors->at(1) & ~1U),
                                  u"start the program at "_s + addressText(where), patience, task);
}

QStringList ProbeMemory::areas(const Task &)
{
    return {flashArea};
}

void ProbeMemory::erase(const QString &area, const Task &task)
{
    if (area != flashArea)
        throw Fault("device.lacks", {u"erase an area \"%1\""_s.arg(oneLine(area, 60))});
    eraseAll(task);
}

bool ProbeMemory::isBlank(const QString &area, const Task &task)
{
    if (area != flashArea)
        throw Fault("device.lacks", {u"read an area \"%1\""_s.arg(oneLine(area, 60))});
    if (task.progress)
        task.progress->setTotal(flashSize(task));
    qint64 done = 0;
    const char erased = m_session.board().erased;
    for (const Bank &bank : banks(task)) {
        for (quint64 at = bank.at; bank.writable && at < bank.end(); at += quint64(firstPiece)) {
            task.check(u"Reading"_s);
            const QByteArray piece = readPiece(at, qsizetype(std::min<quint64>(firstPiece, bank.end() - at)), task);
            if (piece.count(erased) != piece.size())
                return false;
            done += piece.size();
            if (task.progress)
                task.progress->setDone(done);
        }
    }
    return true;
}

void ProbeMemory::checkLockName(const QString &name) const
{
    if (!m_session.board().protection)
        throw Fault("device.lacks", {u"be locked: the board's data does not say how"_s});
    if (name != readout)
        throw Fault("lock.unknown-name", {oneLine(name, 60), readout});
}

QStringList ProbeMemory::locks(const Task &task)
{
    m_session.client(task);
    return m_session.board().protection ? QStringList{readout} : QStringList();
}

bool ProbeMemory::isLocked(const QString &name, const Task &task)
{
    m_session.client(task);
    checkLockName(name);
    return protectionLevel(task).value_or(0) > 0;
}

void ProbeMemory::lock(const QString &name, const Task &task)
{
    if (isLocked(name, task))
        return;
    const auto &protection = *m_session.board().protection;
    m_session.halt(true, task);
    m_session.client(task).demand(protection.driver.toLatin1() + " lock 0", u"turn its readout protection on"_s,
                                  patience, task);
    takeEffect(protection.load, task);
    if (!isLocked(name, task))
        throw Fault("probe.lock-open", {name});
    m_session.run(task);
}

} // namespace slipway
