// Past 400 lines: the capabilities of one device, which share its pages, its identity and its way to try again.
#include "drivers/stm32/stm32device.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "drivers/link/seriallink.h"

#include <QtEndian>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;
using stm32::Command;
using Outcome = Stm32Client::Outcome;

namespace {

constexpr int attempts = 5;
constexpr qsizetype pagesAtOnce = 128; // so that a stop does not wait for long
const QString readout = u"readout"_s;
const QString writing = u"write"_s;
const QString flashArea = u"flash"_s;

// The slowest in the data sheets: 0.04 s for a small page, 4 s for a sector of 128 KB at the lowest supply.
std::chrono::milliseconds patienceFor(const QList<Stm32Page> &pages)
{
    std::chrono::milliseconds out = 3s;
    for (const Stm32Page &page : pages)
        out += page.size >= 16 * 1024 ? 5s : 100ms;
    return out;
}
constexpr auto massErasePatience = 60s; // 2 MB of STM32F4 take up to 32 s

bool worthTrying(const Fault &fault)
{
    return fault.is("stm32.silent") || fault.is("stm32.bad-reply");
}

quint64 sizeOf(const QList<MemorySegment> &segments)
{
    quint64 sum = 0;
    for (const MemorySegment &segment : segments)
        sum += quint64(segment.bytes.size());
    return sum;
}

bool lies(const Stm32Area &area, quint64 at)
{
    return at >= area.at && at < area.end();
}

} // namespace

Stm32Device::Stm32Device(std::unique_ptr<Stm32Client> client, stm32::Loader loader, Stm32Product product,
                         Stm32Board board)
    : m_client(std::move(client)), m_loader(std::move(loader)), m_product(std::move(product)), m_board(std::move(board))
{}

bool Stm32Device::play(ByteLink &link, const QList<Stm32SignalStep> &steps, const Task &task)
{
    for (const Stm32SignalStep &step : steps) {
        if (!link.setSignals(step.dtr, step.rts))
            return false;
        const Deadline held = Deadline::in(step.hold);
        while (!link.read(held, task.stop).isEmpty()) {
        }
    }
    link.discardInput();
    return true;
}

Outcome Stm32Device::trying(const Task &task, const std::function<Outcome()> &call)
{
    for (int i = 1;; ++i) {
        try {
            return call();
        } catch (const Fault &fault) {
            if (i == attempts || !worthTrying(fault))
                throw;
            task.say(u"Once more: "_s + QString::fromUtf8(fault.what()));
        }
        m_client->synchronise(task);
    }
}

void Stm32Device::readBlock(quint32 at, qsizetype count, QByteArray &to, const Task &task)
{
    for (int i = 1;; ++i) {
        const Outcome outcome = trying(task, [&] { return m_client->read(at, count, to, task); });
        if (outcome == Outcome::Done)
            return;
        if (outcome == Outcome::Denied)
            throw Fault("memory.protected", {u"its readout protection is on"_s});
        if (i == attempts)
            throw Fault("stm32.refused", {u"read memory at %1"_s.arg(addressText(at))});
    }
}

Outcome Stm32Device::readSignature(quint32 at, quint32 size, QByteArray &to, const Task &task)
{
    // As part of a block, or in whole words, as the buses of some families want it.
    const Stm32Area &block = m_product.signature.block;
    Stm32Area area{at & ~3U, ((at & 3U) + size + 3) & ~3U};
    if (at >= block.at && quint64(at) + size <= block.end())
        area = block;
    QByteArray bytes;
    const Outcome outcome = trying(task, [&] { return m_client->read(area.at, area.size, bytes, task); });
    to = bytes.mid(at - area.at, size);
    return outcome;
}

const Stm32Device::FlashSize &Stm32Device::flashSize(const Task &task)
{
    const Stm32Signature &signature = m_product.signature;
    for (int i = 1; !m_flashSize; ++i) {
        FlashSize out{m_product.mostFlash, false};
        QByteArray bytes;
        const Outcome outcome =
            signature.flashSize ? readSignature(signature.flashSize, 2, bytes, task) : Outcome::Address;
        if (outcome == Outcome::Denied)
            throw Fault("memory.protected", {u"its readout protection is on"_s});
        if (outcome == Outcome::Done) {
            const auto value = quint16(qFromLittleEndian<quint16>(bytes.constData()) & signature.sizeMask);
            const bool code = signature.sizeCodes.contains(value);
            if (code || (value != 0 && value != signature.sizeMask))
                out = {qint64(code ? signature.sizeCodes.value(value) : value) * 1024, true};
        }
        if (out.bytes <= m_product.mostFlash && !m_product.pages(out.bytes).isEmpty())
            m_flashSize = out;
        else if (i == 2) // what is read carries no checksum; twice the same is no accident
            throw Fault("stm32.flash-size", {humanSize(out.bytes), m_product.name, humanSize(m_product.mostFlash)});
    }
    return *m_flashSize;
}

QByteArray Stm32Device::uniqueId(const Task &task)
{
    const Stm32Signature &signature = m_product.signature;
    if (!signature.uniqueId)
        return {};
    // It goes on record: two readings have to agree.
    QByteArray before, now;
    for (int i = 0; i < attempts && (i == 0 || now != before); ++i) {
        before = now;
        QByteArray bytes;
        if (readSignature(signature.uniqueId, signature.words[2] + 4, bytes, task) != Outcome::Done)
            return {};
        now.clear();
        for (const quint32 word : signature.words)
            now += bytes.mid(word, 4);
    }
    // A chip that was never given one, or another maker's.
    return now == before && now != QByteArray(12, '\xff') && now != QByteArray(12, '\0') ? now : QByteArray();
}

DeviceFacts Stm32Device::facts(const Task &task)
{
    DeviceFacts facts;
    facts.driver = u"stm32"_s;
    facts.port = m_client->link().info().port;
    facts.line = m_client->link().info().line;
    facts.board = m_board.name;
    facts.bootLoader = u"STM32 system boot loader %1.%2"_s.arg(m_loader.version >> 4).arg(m_loader.version & 15);
    facts.more.insert(u"product"_s, u"%1 (%2)"_s.arg(m_product.name, Stm32Product::idText(m_product.id)));
    facts.locked = readoutProtected(task);
    if (!*facts.locked) {
        const FlashSize &size = flashSize(task);
        facts.hardwareId = hex(uniqueId(task), u'-');
        facts.more.insert(u"flash"_s, size.told ? humanSize(size.bytes) : u"at most "_s + humanSize(size.bytes));
    }
    return facts;
}

QList<Stm32Page> Stm32Device::pages(const Task &task)
{
    return m_product.pages(flashSize(task).bytes);
}

QList<MemoryRegion> Stm32Device::regions(const Task &task)
{
    return regionsOf(readoutProtected(task) ? m_product.mostFlash : flashSize(task).bytes);
}

QList<MemoryRegion> Stm32Device::regionsOf(qint64 size) const
{
    QList<MemoryRegion> out{{u"flash"_s, Stm32Product::flashAt, quint64(size), m_product.uniformPage(), true, true}};
    if (m_product.ram.size)
        out.append({u"RAM"_s, m_product.ram.at, m_product.ram.size, 0, true, true});
    if (m_product.system.size)
        out.append({u"system memory"_s, m_product.system.at, m_product.system.size, 0, true, false});
    // Written wrongly, they lock the chip for good.
    if (m_product.optionBytes.size)
        out.append({u"option bytes"_s, m_product.optionBytes.at, m_product.optionBytes.size, 0, true, false});
    return out;
}

void Stm32Device::check(const QList<MemorySegment> &segments, const Task &task)
{
    const QList<MemorySegment> wanted = tidy(segments);
    // A chip that tells its size is open. One that does not is asked for what can be said all the same.
    bool locked = false;
    qint64 size = m_product.mostFlash;
    try {
        size = flashSize(task).bytes;
    } catch (const Fault &fault) {
        if (!fault.is("memory.protected"))
            throw;
        locked = true;
    }
    checkAgainst(regionsOf(size), wanted);
    const QString why = misfit(m_product, size, wanted);
    if (!why.isEmpty())
        throw Fault("stm32.other-chip", {m_product.name, why});
    if (locked)
        throw Fault("memory.protected", {u"its readout protection is on"_s});
}

double Stm32Device::lineLimit(bool verified) const
{
    // A block costs a command, an address, a count and a checksum besides its bytes; with parity a byte has 11 bits.
    const auto *serial = dynamic_cast<const SerialLink *>(&m_client->link());
    const double bits = serial && serial->isPseudoTerminal() ? 10 : 11;
    const double bytes = m_client->link().info().baud / bits;
    const double once = bytes * stm32::largestBlock / (stm32::largestBlock + 12);
    return verified ? once / 2 : once;
}

void Stm32Device::writeBlock(const Stm32Block &block, bool flash, const Task &task)
{
    for (int i = 1;; ++i) {
        QString trouble;
        try {
            switch (m_client->write(block.at, block.bytes, task)) {
            case Outcome::Done:
                return;
            case Outcome::Denied:
                throw Fault("memory.protected", {u"its readout protection is on"_s});
            case Outcome::Address:
                trouble = u"refused the address"_s;
                break;
            case Outcome::Data:
                trouble = u"refused the bytes"_s;
                break;
            }
        } catch (const Fault &fault) {
            if (i == attempts || !worthTrying(fault))
                throw;
            trouble = QString::fromUtf8(fault.what());
            m_client->synchronise(task);
        }
        task.say(u"Writing at %1 once more: %2"_s.arg(addressText(block.at), trouble));
        // Flash takes a second programming badly: see what the first one did.
        QByteArray there;
        readBlock(block.at, block.bytes.size(), there, task);
        if (there == block.bytes)
            return;
        if (flash && !Stm32Block{block.at, there}.isBlank())
            throw Fault("memory.verify", {addressText(block.at)}, u"half written: "_s + trouble);
        if (i == attempts)
            throw Fault("stm32.refused", {u"write at %1"_s.arg(addressText(block.at))}, trouble);
    }
}

Memory::WriteResult Stm32Device::write(const QList<MemorySegment> &segments, const WriteOptions &options,
                                       const Task &task)
{
    check(segments, task);
    const QList<MemorySegment> wanted = tidy(segments);
    const auto tell = [&options](WriteStage stage) {
        if (options.stage)
            options.stage(stage);
    };
    tell(WriteStage::Checking);
    const auto begun = Deadline::Clock::now();
    const qint64 wireBefore = m_client->wireBytes();
    WriteResult out;
    out.bytes = qint64(sizeOf(wanted));
    out.lineLimit = lineLimit(options.verify);
    const qint64 rounds = options.verify ? 2 : 1;
    if (task.progress) {
        task.progress->setTotal(out.bytes * rounds);
        task.progress->setDone(0);
        task.progress->setLineLimit(lineLimit(false));
        task.progress->setNote(u"erasing"_s);
    }

    QList<MemorySegment> flash, ram;
    for (const MemorySegment &segment : wanted)
        (lies(m_product.ram, segment.at) ? ram : flash).append(segment);
    const QList<Stm32Page> all = pages(task), touched = touchedPages(all, flash);
    tell(WriteStage::Erasing);
    const bool everything = options.eraseAll || touched.size() == all.size();
    if (!everything || !massErase(task))
        erasePages(everything ? all : touched, task);

    if (task.progress)
        task.progress->setNote(QString());
    tell(WriteStage::Writing);
    QList<Stm32Block> blocks = planBlocks(flash, m_product.writeUnit);
    // The vector table goes in last: a unit that was cut off must not start half a program.
    if (!blocks.isEmpty() && blocks.first().at == Stm32Product::flashAt)
        blocks.append(blocks.takeFirst());
    qint64 done = 0;
    const auto put = [&](const Stm32Block &block, bool isFlash) {
        task.check(u"Writing"_s);
        if (!isFlash || !block.isBlank()) // blank it is already
            writeBlock(block, isFlash, task);
        done += block.payload;
        if (task.progress)
            task.progress->setDone(done);
    };
    for (const Stm32Block &block : std::as_const(blocks))
        put(block, true);
    for (MemorySegment segment : std::as_const(ram)) {
        // In whole words, with what is around kept.
        QByteArray word;
        if (const quint64 over = segment.at % 4) {
            readBlock(quint32(segment.at - over), 4, word, task);
            segment = {segment.at - over, word.first(qsizetype(over)) + segment.bytes};
        }
        if (const quint64 over = segment.end() % 4) {
            readBlock(quint32(segment.end() - over), 4, word, task);
            segment.bytes += word.sliced(qsizetype(over));
        }
        const QList<Stm32Block> pieces = planBlocks({segment}, 4);
        for (const Stm32Block &block : pieces)
            put(block, false);
    }

    if (options.verify) {
        tell(WriteStage::Verifying);
        try {
            verify(wanted, out.bytes, task);
        } catch (const Fault &fault) {
            // Loaders say nothing when they write into protected sectors (AN3155 section 3.6).
            if (fault.is("memory.verify") && writeProtected(task).value_or(false))
                throw Fault("memory.protected", {u"its write protection is on"_s}, QString::fromUtf8(fault.what()));
            throw;
        }
        out.verified = true;
        out.how = u"read back"_s;
    }
    out.wireBytes = m_client->wireBytes() - wireBefore;
    out.seconds = std::chrono::duration<double>(Deadline::Clock::now() - begun).count();
    if (task.progress)
        task.progress->finish();
    return out;
}

void Stm32Device::verify(const QList<MemorySegment> &segments, qint64 doneBefore, const Task &task)
{
    if (task.progress)
        task.progress->setNote(u"reading back"_s);
    qint64 done = doneBefore;
    QByteArray there;
    for (const MemorySegment &segment : segments) {
        for (quint64 at = segment.at; at < segment.end();) {
            task.check(u"Reading back"_s);
            const auto offset = qsizetype(at - segment.at);
            const qsizetype count = std::min<qsizetype>(stm32::largestBlock, segment.bytes.size() - offset);
            readBlock(quint32(at), count, there, task);
            const QByteArrayView wanted = QByteArrayView(segment.bytes).sliced(offset, count);
            for (int i = 1; i < attempts && there != wanted; ++i) // what is read carries no checksum: look again
                readBlock(quint32(at), count, there, task);
            const auto differs = std::mismatch(wanted.cbegin(), wanted.cend(), there.cbegin());
            if (differs.first != wanted.cend())
                throw Fault("memory.verify", {addressText(at + quint64(differs.first - wanted.cbegin()))});
            at += quint64(count);
            done += count;
            if (task.progress)
                task.progress->setDone(done);
        }
    }
}

QByteArray Stm32Device::read(quint64 at, qint64 size, const Task &task)
{
    // Limits first: nothing is allocated by a number alone.
    const quint64 count = size > 0 ? quint64(size) : 0, end = at + count;
    const QList<MemoryRegion> known = regionsOf(flashSize(task).bytes);
    for (quint64 from = at; from != end;) {
        const auto region = std::find_if(known.cbegin(), known.cend(), [from](const MemoryRegion &candidate) {
            return from >= candidate.at && from < candidate.end();
        });
        if (region == known.cend() || end < at)
            throw Fault("memory.outside", {addressText(at), addressText(end)});
        from = std::min(end, region->end());
    }
    if (task.progress) {
        task.progress->setTotal(std::max<qint64>(0, size));
        task.progress->setDone(0);
        task.progress->setLineLimit(lineLimit(false));
    }
    QByteArray out, piece;
    while (out.size() < size) {
        task.check(u"Reading"_s);
        readBlock(quint32(at) + quint32(out.size()), std::min<qint64>(stm32::largestBlock, size - out.size()), piece,
                  task);
        out += piece;
        if (task.progress)
            task.progress->setDone(out.size());
    }
    return out;
}

void Stm32Device::erasePages(const QList<Stm32Page> &pages, const Task &task)
{
    if (pages.isEmpty())
        return;
    const bool extended = m_loader.knows(Command::ExtendedErase);
    if (!extended && !m_loader.knows(Command::Erase))
        throw Fault("device.lacks", {u"erase its flash"_s});
    if (!extended && pages.last().number > 0xff)
        throw Fault("device.lacks", {u"erase page %1 alone"_s.arg(pages.last().number)},
                    u"page numbers have 8 bits here"_s);
    for (qsizetype at = 0; at < pages.size(); at += pagesAtOnce) {
        task.check(u"Erasing"_s);
        const QList<Stm32Page> some = pages.mid(at, pagesAtOnce);
        QList<quint16> numbers;
        for (const Stm32Page &page : some)
            numbers << page.number;
        const auto once = [&] { return m_client->erase(numbers, extended, patienceFor(some), task); };
        Outcome outcome = trying(task, once);
        if (outcome == Outcome::Data) // or its checksum was damaged on the way
            outcome = trying(task, once);
        if (outcome == Outcome::Denied)
            throw Fault("memory.protected", {u"its readout protection is on"_s});
        if (outcome != Outcome::Done)
            throw Fault("stm32.erase", {addressText(some.first().at)});
    }
}

bool Stm32Device::massErase(const Task &task)
{
    const bool extended = m_loader.knows(Command::ExtendedErase);
    if (!m_product.massErase || (!extended && !m_loader.knows(Command::Erase)))
        return false;
    const Outcome outcome = trying(task, [&] { return m_client->eraseAll(extended, massErasePatience, task); });
    if (outcome == Outcome::Denied)
        throw Fault("memory.protected", {u"its readout protection is on"_s});
    return outcome == Outcome::Done; // some loaders refuse only this form
}

void Stm32Device::erase(quint64 at, quint64 size, const Task &task)
{
    if (size == 0)
        return;
    const QList<Stm32Page> all = pages(task);
    const quint64 end = quint64(all.last().at) + all.last().size;
    if (at < Stm32Product::flashAt || at >= end || size > end - at)
        throw Fault("memory.outside", {addressText(at), addressText(at + size)});
    QList<Stm32Page> some;
    for (const Stm32Page &page : all) {
        if (quint64(page.at) + page.size > at && page.at < at + size)
            some << page;
    }
    erasePages(some, task);
}

void Stm32Device::restarted(const QString &what, const Task &task)
{
    // The chip restarts by itself once it has said ACK (AN3155 sections 3.10 to 3.12); with BOOT0 still high it comes
    // back in its loader.
    m_flashSize.reset();
    Stm32Device::play(m_client->link(), m_board.enter, task);
    try {
        m_client->synchronise(task.within(20s));
    } catch (const Fault &fault) {
        if (!fault.is("stm32.no-answer"))
            throw;
        throw Fault("stm32.no-return", {what}, QString::fromUtf8(fault.what()));
    }
}

void Stm32Device::eraseAll(const Task &task)
{
    if (readoutProtected(task)) {
        // Taking the protection off erases everything, which is what is wanted.
        const QString what = stm32::toText(Command::ReadoutUnprotect);
        if (m_client->protection(Command::ReadoutUnprotect, massErasePatience, task) != Outcome::Done)
            throw Fault("stm32.refused", {what});
        restarted(what, task);
        if (readoutProtected(task))
            throw Fault("memory.protected", {u"its readout protection stays on"_s});
    }
    if (writeProtected(task).value_or(false)) {
        const QString what = stm32::toText(Command::WriteUnprotect);
        if (m_client->protection(Command::WriteUnprotect, massErasePatience, task) != Outcome::Done)
            throw Fault("stm32.refused", {what});
        restarted(what, task);
    }
    if (!massErase(task))
        erasePages(pages(task), task);
}

void Stm32Device::start(std::optional<quint64> at, const Task &task)
{
    const quint64 where = at.value_or(Stm32Product::flashAt);
    // The loader takes the stack from the first word and the entry from the second (AN3155 section 3.5); nonsense
    // there hangs the chip.
    QByteArray head;
    if (where % 4 == 0 && where <= 0xfffffff8)
        readBlock(quint32(where), 8, head, task);
    if (head.size() != 8 || qFromLittleEndian<quint32>(head.constData()) == 0xffffffff ||
        qFromLittleEndian<quint32>(head.constData() + 4) % 2 == 0 ||
        qFromLittleEndian<quint32>(head.constData() + 4) == 0xffffffff)
        throw Fault("stm32.no-application", {addressText(where)});
    switch (trying(task, [&] { return m_client->go(quint32(where), task); })) {
    case Outcome::Done:
        return;
    case Outcome::Denied:
        throw Fault("memory.protected", {u"its readout protection is on"_s});
    default:
        throw Fault("stm32.refused", {u"start the program at %1"_s.arg(addressText(where))});
    }
}

bool Stm32Device::readoutProtected(const Task &task)
{
    // Nothing says it but the refusal of commands that need the flash (AN3155 section 3, note on the table).
    QByteArray word;
    return trying(task, [&] { return m_client->read(Stm32Product::flashAt, 4, word, task); }) == Outcome::Denied;
}

std::optional<bool> Stm32Device::writeProtected(const Task &task)
{
    const Stm32WriteProtection &known = m_product.writeProtection;
    if (known.mask.isEmpty())
        return {};
    QByteArray there;
    if (trying(task, [&] { return m_client->read(known.at, known.mask.size(), there, task); }) != Outcome::Done)
        return {};
    for (qsizetype i = 0; i < known.mask.size(); ++i) {
        if ((there[i] & known.mask[i]) != (known.open[i] & known.mask[i]))
            return true;
    }
    return false;
}

void Stm32Device::checkLockName(const QString &name) const
{
    QStringList known{readout};
    if (!m_product.writeProtection.mask.isEmpty())
        known << writing;
    if (!known.contains(name))
        throw Fault("lock.unknown-name", {oneLine(name, 60), known.join(u", "_s)});
}

QStringList Stm32Device::locks(const Task &)
{
    return m_product.writeProtection.mask.isEmpty() ? QStringList{readout} : QStringList{readout, writing};
}

bool Stm32Device::isLocked(const QString &name, const Task &task)
{
    checkLockName(name);
    const bool readoutOn = readoutProtected(task);
    if (name == readout)
        return readoutOn;
    // Behind readout protection nobody sees the other one.
    if (readoutOn)
        throw Fault("memory.protected", {u"its readout protection is on"_s});
    return writeProtected(task).value_or(false);
}

void Stm32Device::lock(const QString &name, const Task &task)
{
    if (isLocked(name, task))
        return;
    // Sent once: a second time could meet a chip that restarts.
    Outcome outcome = Outcome::Denied;
    const Command command = name == readout ? Command::ReadoutProtect : Command::WriteProtect;
    if (name == readout) {
        outcome = m_client->protection(command, massErasePatience, task);
    } else {
        const Stm32WriteProtection &known = m_product.writeProtection;
        const QList<Stm32Page> all = pages(task);
        const qint64 sectors =
            known.sectorBytes ? (flashSize(task).bytes + known.sectorBytes - 1) / known.sectorBytes : all.size();
        QList<quint16> numbers;
        for (int i = 0; i < std::min<qint64>(sectors, known.most); ++i)
            numbers << quint16(i);
        outcome = m_client->writeProtect(numbers, task);
    }
    if (outcome != Outcome::Done)
        throw Fault("stm32.refused", {stm32::toText(command)});
    restarted(stm32::toText(command), task);
    if (!isLocked(name, task))
        throw Fault("stm32.lock-open", {name});
}

QStringList Stm32Device::areas(const Task &)
{
    return {flashArea};
}

void Stm32Device::erase(const QString &area, const Task &task)
{
    if (area != flashArea)
        throw Fault("device.lacks", {u"erase an area \"%1\""_s.arg(oneLine(area, 60))});
    eraseAll(task);
}

bool Stm32Device::isBlank(const QString &area, const Task &task)
{
    if (area != flashArea)
        throw Fault("device.lacks", {u"read an area \"%1\""_s.arg(oneLine(area, 60))});
    QByteArray piece;
    const qint64 size = flashSize(task).bytes;
    if (task.progress)
        task.progress->setTotal(size);
    for (qint64 done = 0; done < size; done += stm32::largestBlock) {
        task.check(u"Reading"_s);
        readBlock(quint32(Stm32Product::flashAt + done), stm32::largestBlock, piece, task);
        if (!Stm32Block{0, piece}.isBlank())
            return false;
        if (task.progress)
            task.progress->setDone(done + stm32::largestBlock);
    }
    return true;
}

void Stm32Device::reset(const Task &task)
{
    if (m_board.leave.isEmpty() || !play(m_client->link(), m_board.leave, task))
        start({}, task);
}

} // namespace slipway
