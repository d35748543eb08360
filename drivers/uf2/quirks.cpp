#include "drivers/uf2/quirks.h"

#include "core/base/fault.h"
#include "core/device/quirksfile.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"uf2", "uf2.quirks", "uf2.board-unknown"};

Uf2Quirks board(const QString &name, const QuirksNode &node)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"board-id"_s, u"usb"_s, u"families"_s, u"memory"_s, u"unit"_s,
               u"absolute-block"_s, u"serial"_s, u"silent-application"_s, u"return-seconds"_s, u"leave-seconds"_s});
    static const QRegularExpression id(u"^[0-9a-f]{4}:[0-9a-f]{4}$"_s);
    Uf2Quirks out;
    out.name = name;
    out.description = node.text(u"description"_s);
    out.source = node.text(u"source"_s);
    out.date = node.text(u"date"_s);
    out.boardId = node.pattern(u"board-id"_s);
    for (const QString &text : node.texts(u"usb"_s)) {
        if (!id.match(text).hasMatch())
            node.wrong(u"usb"_s, u"must be ids such as 2e8a:0003."_s);
        out.ids << text;
    }
    out.families = node.addresses(u"families"_s);
    if (out.families.isEmpty())
        node.wrong(u"families"_s, u"must be a list of ids such as \"0xe48bff56\"."_s);
    for (const QuirksNode &entry : node.children(u"memory"_s)) {
        entry.only({u"name"_s, u"at"_s, u"size"_s, u"erase"_s});
        MemoryRegion region;
        region.name = entry.text(u"name"_s);
        region.at = entry.address(u"at"_s);
        region.size = entry.address(u"size"_s);
        region.eraseUnit = quint64(entry.number(u"erase"_s, 0, 1 << 20, 0));
        out.memory << region;
    }
    out.unit = quint32(node.number(u"unit"_s, 256, 65536, 256));
    if (out.unit % 256 != 0)
        node.wrong(u"unit"_s, u"must be a multiple of 256."_s);
    if (node.has(u"absolute-block"_s))
        out.absoluteAt = node.address(u"absolute-block"_s);
    if (node.has(u"serial"_s) && node.text(u"serial"_s) != "unique"_L1)
        node.wrong(u"serial"_s, u"must be \"unique\"."_s);
    out.serialUnique = node.has(u"serial"_s);
    out.silentApplication = node.flag(u"silent-application"_s, false);
    out.returnTime = std::chrono::seconds(int(node.number(u"return-seconds"_s, 1, 600, 15)));
    out.leaveTime = std::chrono::seconds(int(node.number(u"leave-seconds"_s, 1, 600, 10)));
    return out;
}

} // namespace

Uf2Boards Uf2Boards::parse(const QByteArray &json, const QString &file)
{
    const QuirksNode root = readQuirks(quirksForm, json, file, {u"boards"_s});
    Uf2Boards out;
    const QuirksNode boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name));
    return out;
}

Uf2Boards Uf2Boards::load()
{
    Uf2Boards out;
    if (const auto own = ownQuirks(quirksForm))
        out = parse(own->json, own->file);
    const QuirksText shipped = shippedQuirks(quirksForm);
    addShipped(out.m_boards, parse(shipped.json, shipped.file).m_boards);
    return out;
}

QStringList Uf2Boards::names() const
{
    return boardNames(m_boards);
}

const Uf2Quirks &Uf2Boards::find(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

const Uf2Quirks *Uf2Boards::forBoardId(const QString &boardId) const
{
    const auto it = std::find_if(m_boards.begin(), m_boards.end(), [&boardId](const Uf2Quirks &board) {
        return board.boardId.match(boardId).hasMatch();
    });
    return it != m_boards.end() ? &*it : nullptr;
}

const Uf2Quirks *Uf2Boards::forUsbId(const QString &id) const
{
    const auto it = std::find_if(m_boards.begin(), m_boards.end(),
                                 [&id](const Uf2Quirks &board) { return board.ids.contains(id); });
    return it != m_boards.end() ? &*it : nullptr;
}

const Uf2Quirks *Uf2Boards::forFamily(quint32 family) const
{
    const auto it = std::find_if(m_boards.begin(), m_boards.end(),
                                 [family](const Uf2Quirks &board) { return board.families.contains(family); });
    return it != m_boards.end() ? &*it : nullptr;
}

} // namespace slipway
