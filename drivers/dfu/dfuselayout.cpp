#include "drivers/dfu/dfuselayout.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QRegularExpression>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longest = 512; // a string descriptor has at most 126 characters
constexpr int mostSectors = 1 << 20;
constexpr quint64 addresses = quint64(1) << 32;

} // namespace

DfuseLayout DfuseLayout::parse(const QString &text)
{
    const auto wrong = [&text](const QString &what) { throw Fault("dfu.layout", {oneLine(text, 140), what}); };
    static const QRegularExpression address(u"^\\s*0[xX]([0-9a-fA-F]{1,8})\\s*$"_s);
    static const QRegularExpression sectors(
        u"^\\s*([0-9]{1,7})\\s*\\*\\s*([0-9]{1,7})\\s*([ BKM]?)\\s*([a-gA-G])\\s*$"_s);
    if (text.size() > longest || !text.startsWith(u'@'))
        wrong(u"it is no memory map"_s);
    const QStringList parts = text.mid(1).split(u'/');
    if (parts.size() < 3 || parts.size() % 2 == 0)
        wrong(u"an address or its sectors are missing"_s);
    DfuseLayout out;
    out.name = oneLine(parts[0].trimmed(), 60);
    for (qsizetype i = 1; i < parts.size(); i += 2) {
        const QRegularExpressionMatch base = address.match(parts[i]);
        if (!base.hasMatch())
            wrong(u"\"%1\" is no address"_s.arg(parts[i].trimmed()));
        quint64 at = base.captured(1).toULongLong(nullptr, 16);
        for (const QString &word : parts[i + 1].split(u',')) {
            const QRegularExpressionMatch match = sectors.match(word);
            if (!match.hasMatch())
                wrong(u"\"%1\" is no run of sectors"_s.arg(word.trimmed()));
            Run run;
            run.at = at;
            run.count = match.captured(1).toInt();
            run.sectorSize = match.captured(2).toULongLong();
            if (match.captured(3) == "K"_L1)
                run.sectorSize *= 1024;
            else if (match.captured(3) == "M"_L1)
                run.sectorSize *= 1024 * 1024;
            const int rights = match.captured(4)[0].toLower().unicode() & 7;
            run.readable = rights & 1;
            run.erasable = rights & 2;
            run.writable = rights & 4;
            if (run.count == 0 || run.sectorSize == 0 || run.count > mostSectors)
                wrong(u"\"%1\" has no size"_s.arg(word.trimmed()));
            if (run.sectorSize > addresses || run.end() > addresses)
                wrong(u"\"%1\" runs past the last address"_s.arg(word.trimmed()));
            for (const Run &other : std::as_const(out.runs)) {
                if (run.at < other.end() && other.at < run.end())
                    wrong(u"two runs overlap at "_s + addressText(run.at));
            }
            at = run.end();
            out.runs << run;
        }
    }
    return out;
}

QList<MemoryRegion> DfuseLayout::regions() const
{
    QList<MemoryRegion> out;
    for (const Run &run : runs) {
        out.append({name, run.at, run.end() - run.at, run.erasable ? run.sectorSize : 0, run.readable, run.writable});
    }
    return out;
}

const DfuseLayout::Run *DfuseLayout::runAt(quint64 address) const
{
    const auto it = std::find_if(runs.begin(), runs.end(),
                                 [address](const Run &run) { return address >= run.at && address < run.end(); });
    return it != runs.end() ? &*it : nullptr;
}

} // namespace slipway
