#include "drivers/dfu/quirks.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/quirksfile.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"dfu", "dfu.quirks", "dfu.board-unknown"};

DfuQuirks board(const QString &name, const QuirksNode &node)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"usb"_s, u"form"_s, u"force-plain"_s, u"poll-ms"_s,
               u"write-align"_s, u"erased"_s, u"erase-seconds"_s, u"return-seconds"_s, u"resets-after"_s,
               u"transfer-size"_s, u"maps"_s});
    static const QRegularExpression id(u"^[0-9a-f]{4}:([0-9a-f]{4}|\\*)$"_s);
    DfuQuirks out;
    out.name = name;
    out.description = node.text(u"description"_s);
    out.source = node.text(u"source"_s);
    out.date = node.text(u"date"_s);
    for (const QJsonValue &value : node.list(u"usb"_s)) {
        if (!id.match(value.toString()).hasMatch())
            node.wrong(u"usb"_s, u"must be ids such as 0483:df11."_s);
        out.ids << value.toString();
    }
    if (out.ids.isEmpty())
        node.wrong(u"usb"_s, u"must be a list of ids."_s);
    const QString form = node.text(u"form"_s);
    if (form != "dfuse"_L1 && form != "plain"_L1)
        node.wrong(u"form"_s, u"must be \"dfuse\" or \"plain\"."_s);
    out.dfuse = form == "dfuse"_L1;
    out.forcePlain = node.flag(u"force-plain"_s, false);
    if (node.has(u"poll-ms"_s))
        out.poll = std::chrono::milliseconds(node.number(u"poll-ms"_s, 0, 60'000));
    out.writeAlign = int(node.number(u"write-align"_s, 1, 256, out.writeAlign));
    out.erased = char(node.number(u"erased"_s, 0, 255, 0xff));
    out.eraseTime = std::chrono::seconds(int(node.number(u"erase-seconds"_s, 1, 600, 40)));
    out.returnTime = std::chrono::seconds(int(node.number(u"return-seconds"_s, 1, 600, 15)));
    out.resetsAfter = node.pattern(u"resets-after"_s, QString());
    out.transferSize = int(node.number(u"transfer-size"_s, 1, 65535, 0));
    for (const QuirksNode &entry : node.children(u"maps"_s)) {
        entry.only({u"serial"_s, u"alternate"_s, u"map"_s});
        out.maps.append({entry.pattern(u"serial"_s, QString()), int(entry.number(u"alternate"_s, 0, 255, 0)),
                         entry.text(u"map"_s)});
    }
    return out;
}

} // namespace

bool DfuQuirks::isFor(const UsbDevice &device) const
{
    return ids.contains(device.id()) || ids.contains(device.id().left(5) + u'*');
}

DfuBoards DfuBoards::parse(const QByteArray &json, const QString &file)
{
    const QuirksNode root = readQuirks(quirksForm, json, file, {u"boards"_s});
    DfuBoards out;
    const QuirksNode boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name));
    return out;
}

DfuBoards DfuBoards::load()
{
    DfuBoards out;
    if (const auto own = ownQuirks(quirksForm)) {
        out = parse(own->json, own->file);
    }
    const QuirksText shipped = shippedQuirks(quirksForm);
    addShipped(out.m_boards, parse(shipped.json, shipped.file).m_boards);
    return out;
}

QStringList DfuBoards::names() const
{
    return boardNames(m_boards);
}

const DfuQuirks &DfuBoards::find(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

DfuQuirks DfuBoards::forDevice(const UsbDevice &device) const
{
    const auto it = std::find_if(m_boards.begin(), m_boards.end(),
                                 [&device](const DfuQuirks &board) { return board.isFor(device); });
    return it != m_boards.end() ? *it : DfuQuirks{};
}

} // namespace slipway
