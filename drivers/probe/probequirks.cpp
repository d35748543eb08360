#include "drivers/probe/probequirks.h"

#include "core/base/text.h"
#include "core/device/quirksfile.h"
#include "drivers/probe/tclword.h"

#include <QRegularExpression>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"probe", "probe.quirks", "probe.board-unknown"};

// A script of OpenOCD, never one from elsewhere.
QString scriptOf(const QuirksNode &node, const QString &name, const QString &folder)
{
    const QString value = node.text(name);
    if (!value.startsWith(folder + u'/') || !value.endsWith(".cfg"_L1) || !isTclWord(value))
        node.wrong(name, u"must be a file of OpenOCD's, such as %1/NAME.cfg."_s.arg(folder));
    return value;
}

QString plainWord(const QuirksNode &node, const QString &name, const QString &value)
{
    static const QRegularExpression plain(u"^[a-z0-9_]*$"_s);
    if (!plain.match(value).hasMatch())
        node.wrong(name, u"must be a word of letters, digits and _."_s);
    return value;
}

quint32 addressOr(const QuirksNode &node, const QString &name, quint32 fallback)
{
    return node.has(name) ? node.address(name) : fallback;
}

ProbeKind readKind(const QString &name, const QuirksNode &node)
{
    node.only(
        {u"description"_s, u"source"_s, u"date"_s, u"usb"_s, u"product"_s, u"script"_s, u"transport"_s, u"by-place"_s});
    static const QRegularExpression id(u"^[0-9a-f]{4}:([0-9a-f]{4}|\\*)$"_s);
    ProbeKind out;
    out.name = name;
    out.description = node.text(u"description"_s);
    out.source = node.text(u"source"_s);
    out.date = node.text(u"date"_s);
    for (const QJsonValue &value : node.list(u"usb"_s)) {
        if (!id.match(value.toString()).hasMatch())
            node.wrong(u"usb"_s, u"must be ids such as 0483:374b."_s);
        out.ids << value.toString();
    }
    out.product = node.text(u"product"_s, {});
    if (out.ids.isEmpty() && out.product.isEmpty())
        node.wrong(u"usb"_s, u"must be a list of ids."_s);
    out.script = scriptOf(node, u"script"_s, u"interface"_s);
    out.transport = plainWord(node, u"transport"_s, node.text(u"transport"_s, {}));
    out.byPlace = node.flag(u"by-place"_s, false);
    return out;
}

ProbeBoard::Protection readProtection(const QuirksNode &node)
{
    node.only({u"at"_s, u"mask"_s, u"open"_s, u"forever"_s, u"driver"_s, u"load"_s});
    ProbeBoard::Protection out;
    out.level = {addressOr(node, u"at"_s, 0), addressOr(node, u"mask"_s, 0xffffffff)};
    if (out.level.at == 0 || out.level.at % 4)
        node.wrong(u"at"_s, u"must be the address of a word."_s);
    out.open = addressOr(node, u"open"_s, 0);
    if (node.has(u"forever"_s))
        out.forever = addressOr(node, u"forever"_s, 0);
    out.driver = plainWord(node, u"driver"_s, node.text(u"driver"_s));
    out.load = node.flag(u"load"_s, false);
    return out;
}

// like: what it takes over from.
ProbeBoard readBoard(const QString &name, const QuirksNode &node, ProbeBoard out, bool isLike)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"like"_s, u"script"_s, u"speed-khz"_s, u"work-area"_s,
               u"core"_s, u"identity"_s, u"ids"_s, u"unique-id"_s, u"unique-words"_s, u"ram"_s, u"erased"_s,
               u"protection"_s});
    out.name = name;
    out.description = node.text(u"description"_s);
    out.source = node.text(u"source"_s);
    out.date = node.text(u"date"_s);
    if (!isLike || node.has(u"script"_s))
        out.script = scriptOf(node, u"script"_s, u"target"_s);
    out.speed = int(node.number(u"speed-khz"_s, 1, 100'000, out.speed));
    out.workArea = node.flag(u"work-area"_s, out.workArea);
    out.core = addressOr(node, u"core"_s, isLike ? 0 : out.core); // a product is not told from its chip
    if (node.has(u"identity"_s)) {
        const QuirksNode identity = node.child(u"identity"_s);
        identity.only({u"at"_s, u"mask"_s});
        out.identity = {addressOr(identity, u"at"_s, 0), addressOr(identity, u"mask"_s, 0xffffffff)};
    }
    if (node.has(u"ids"_s)) {
        out.ids.clear();
        const QuirksNode ids = node.child(u"ids"_s);
        for (const QString &key : ids.keys()) {
            const auto value = parseAddress(key);
            if (!value || *value > 0xffffffff)
                ids.wrong(key, u"must be a number such as \"0x410\"."_s);
            out.ids.insert(quint32(*value), ids.text(key));
        }
    }
    out.uniqueId = addressOr(node, u"unique-id"_s, out.uniqueId);
    if (node.has(u"unique-words"_s)) {
        out.uniqueWords.clear();
        for (const QJsonValue &value : node.list(u"unique-words"_s))
            out.uniqueWords << quint32(value.toInt());
        if (out.uniqueWords.size() > 8 || out.uniqueWords.isEmpty() ||
            std::any_of(out.uniqueWords.begin(), out.uniqueWords.end(), [](quint32 at) { return at > 256 || at % 4; }))
            node.wrong(u"unique-words"_s, u"must be offsets of words."_s);
    }
    if (node.has(u"ram"_s)) {
        const QuirksNode ram = node.child(u"ram"_s);
        ram.only({u"at"_s, u"kib"_s});
        out.ramAt = addressOr(ram, u"at"_s, 0);
        out.ramSize = quint32(ram.number(u"kib"_s, 1, 65536, 1)) * 1024;
    }
    out.erased = char(node.number(u"erased"_s, 0, 255, quint8(out.erased)));
    if (node.has(u"protection"_s))
        out.protection = readProtection(node.child(u"protection"_s));
    return out;
}

} // namespace

bool ProbeKind::isFor(const UsbDevice &device) const
{
    const bool id = ids.isEmpty() || ids.contains(device.id()) || ids.contains(device.id().left(5) + u'*');
    return id && (product.isEmpty() || device.product.contains(product, Qt::CaseInsensitive) ||
                  std::any_of(device.settings.begin(), device.settings.end(), [this](const UsbSetting &setting) {
                      return setting.name.contains(product, Qt::CaseInsensitive);
                  }));
}

ProbeQuirks ProbeQuirks::parse(const QByteArray &json, const QString &file, const ProbeQuirks &others)
{
    const QuirksNode root = readQuirks(quirksForm, json, file, {u"probes"_s, u"boards"_s});
    ProbeQuirks out;
    if (root.has(u"probes"_s)) {
        const QuirksNode probes = root.child(u"probes"_s);
        for (const QString &name : probes.keys())
            out.m_kinds << readKind(name, probes.child(name));
    }
    if (root.has(u"boards"_s)) {
        const QuirksNode boards = root.child(u"boards"_s);
        const QStringList names = boards.keys();
        // Those that are like others come after them; of those there is one generation.
        for (const bool likes : {false, true}) {
            for (const QString &name : names) {
                const QuirksNode node = boards.child(name);
                const QString like = node.text(u"like"_s, {});
                if (like.isEmpty() == likes)
                    continue;
                ProbeBoard from;
                if (likes) {
                    const auto is = [&like](const ProbeBoard &board) { return board.name == like; };
                    const auto own = std::find_if(out.m_boards.begin(), out.m_boards.end(), is);
                    const auto other = std::find_if(others.m_boards.begin(), others.m_boards.end(), is);
                    if (own == out.m_boards.end() && other == others.m_boards.end())
                        node.wrong(u"like"_s,
                                   u"names no board."_s + didYouMean(like, out.boardNames() + others.boardNames()));
                    from = own != out.m_boards.end() ? *own : *other;
                }
                out.m_boards << readBoard(name, node, from, likes);
            }
        }
    }
    return out;
}

ProbeQuirks ProbeQuirks::load()
{
    const QuirksText shipped = shippedQuirks(quirksForm);
    const ProbeQuirks builtIn = parse(shipped.json, shipped.file);
    ProbeQuirks out;
    if (const auto own = ownQuirks(quirksForm))
        out = parse(own->json, own->file, builtIn);
    out.m_kinds += builtIn.m_kinds; // the first that fits counts
    addShipped(out.m_boards, builtIn.m_boards);
    return out;
}

QStringList ProbeQuirks::boardNames() const
{
    return slipway::boardNames(m_boards);
}

const ProbeBoard &ProbeQuirks::board(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

const ProbeKind *ProbeQuirks::kindOf(const UsbDevice &device) const
{
    for (const ProbeKind &kind : m_kinds) {
        if (kind.isFor(device))
            return &kind;
    }
    return nullptr;
}

} // namespace slipway
