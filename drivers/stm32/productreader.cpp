// Stm32Products::load() and parse(): quirks.json, told apart from other files by its first members. What is missing, of
// the wrong form or not known is said with the path to it.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/quirksfile.h"
#include "drivers/stm32/products.h"

#include <algorithm>
#include <limits>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"stm32", "stm32.quirks", "stm32.board-unknown"};

constexpr qint64 mostFlash = 64 * 1024; // KiB
constexpr qsizetype mostPages = 65536;

Stm32Area area(const QuirksNode &node)
{
    node.only({u"at"_s, u"size"_s});
    Stm32Area out;
    out.at = node.address(u"at"_s);
    out.size = quint32(node.number(u"size"_s, 1, qint64(std::numeric_limits<quint32>::max()) - out.at));
    return out;
}

Stm32Signature signature(const QuirksNode &node)
{
    node.only({u"flash-size"_s, u"unique-id"_s, u"words"_s, u"block"_s, u"size-mask"_s, u"size-codes"_s});
    Stm32Signature out;
    out.flashSize = node.address(u"flash-size"_s);
    if (node.has(u"unique-id"_s))
        out.uniqueId = node.address(u"unique-id"_s);
    if (node.has(u"words"_s)) {
        const QJsonArray words = node.list(u"words"_s);
        if (words.size() != 3)
            node.wrong(u"words"_s, u"must be three offsets."_s);
        for (qsizetype i = 0; i < 3; ++i)
            out.words[size_t(i)] = quint32(node.number(u"words"_s, words[i], 0, 252));
    }
    if (node.has(u"block"_s)) {
        out.block = area(node.child(u"block"_s));
        if (out.block.size > 256)
            node.wrong(u"block"_s, u"must be at most 256 bytes."_s);
    }
    if (node.has(u"size-mask"_s))
        out.sizeMask = quint16(node.number(u"size-mask"_s, 1, 0xffff));
    if (node.has(u"size-codes"_s)) {
        const QuirksNode codes = node.child(u"size-codes"_s);
        for (const QString &key : codes.keys()) {
            bool ok = false;
            const quint16 code = key.toUShort(&ok);
            if (!ok)
                codes.wrong(key, u"is no number."_s);
            out.sizeCodes.insert(code, int(codes.number(key, 1, mostFlash)));
        }
    }
    return out;
}

Stm32WriteProtection writeProtection(const QuirksNode &node)
{
    node.only({u"at"_s, u"mask"_s, u"open"_s, u"sector-bytes"_s, u"most"_s});
    Stm32WriteProtection out;
    out.at = node.address(u"at"_s);
    out.mask = node.bytes(u"mask"_s, 64);
    out.open = node.bytes(u"open"_s, 64);
    if (out.mask.size() != out.open.size() || out.mask.size() % 4 != 0)
        node.wrong(u"open"_s, u"must be as long as \"mask\", in whole words."_s);
    out.sectorBytes = quint32(node.number(u"sector-bytes"_s, 0, 1 << 20));
    out.most = int(node.number(u"most"_s, 1, 256));
    return out;
}

// What a family and a product may both say; the product has the last word.
void common(const QuirksNode &node, Stm32Product &out)
{
    if (node.has(u"write-unit"_s)) {
        out.writeUnit = quint32(node.number(u"write-unit"_s, 4, 256));
        if ((out.writeUnit & (out.writeUnit - 1)) != 0)
            node.wrong(u"write-unit"_s, u"must be a power of two."_s);
    }
    if (node.has(u"mass-erase"_s))
        out.massErase = node.flag(u"mass-erase"_s, false);
    if (node.has(u"option-bytes"_s))
        out.optionBytes = area(node.child(u"option-bytes"_s));
    if (node.has(u"signature"_s))
        out.signature = signature(node.child(u"signature"_s));
    if (node.has(u"write-protection"_s))
        out.writeProtection = writeProtection(node.child(u"write-protection"_s));
    else if (node.value(u"write-protection"_s).isNull())
        out.writeProtection = {};
}

const QStringList &commonMembers()
{
    static const QStringList names{u"write-unit"_s, u"mass-erase"_s, u"option-bytes"_s, u"signature"_s,
                                   u"write-protection"_s};
    return names;
}

Stm32Product readProduct(const QString &id, const QuirksNode &node, const QMap<QString, Stm32Product> &families,
                         const QuirksNode &parent)
{
    node.only(QStringList{u"name"_s, u"family"_s, u"flash"_s, u"ram"_s, u"sram-kib"_s, u"system"_s} + commonMembers());
    const QString family = node.text(u"family"_s);
    if (!families.contains(family))
        node.wrong(u"family"_s, u"is none of the families."_s + didYouMean(family, families.keys()));
    Stm32Product out = families.value(family);
    bool ok = false;
    out.id = id.startsWith(u"0x") ? id.mid(2).toUShort(&ok, 16) : quint16(0);
    if (!ok)
        parent.wrong(id, u"must be an id such as \"0x410\"."_s);
    out.name = node.text(u"name"_s);
    out.family = family;
    common(node, out);

    const QuirksNode flash = node.child(u"flash"_s);
    flash.only({u"most-kib"_s, u"pages"_s});
    out.mostFlash = flash.number(u"most-kib"_s, 1, mostFlash) * 1024;
    const QJsonArray layout = flash.list(u"pages"_s);
    for (qsizetype i = 0; i < layout.size(); ++i) {
        const QJsonArray entry = layout[i].toArray();
        if (entry.size() != 2)
            flash.wrong(u"pages"_s, u"must be a list of count and size."_s);
        const int count = int(flash.number(u"pages"_s, entry[0], 0, mostPages));
        const auto size = quint32(flash.number(u"pages"_s, entry[1], 64, 1 << 20));
        if (count == 0 && i != layout.size() - 1)
            flash.wrong(u"pages"_s, u"may have a count of 0 only in the end."_s);
        if (size % out.writeUnit != 0 || out.mostFlash / size > mostPages)
            flash.wrong(u"pages"_s, u"do not fit the flash."_s);
        out.pageLayout.append({count, size});
    }
    if (out.pages(out.mostFlash).isEmpty())
        flash.wrong(u"pages"_s, u"do not come to \"most-kib\"."_s);
    if (node.has(u"ram"_s))
        out.ram = area(node.child(u"ram"_s));
    if (node.has(u"sram-kib"_s))
        out.sram = quint32(node.number(u"sram-kib"_s, 1, 64 * 1024) * 1024);
    if (node.has(u"system"_s))
        out.system = area(node.child(u"system"_s));
    return out;
}

QList<Stm32SignalStep> signalSteps(const QuirksNode &node, const QString &name)
{
    QList<Stm32SignalStep> out;
    for (const QuirksNode &step : node.children(name)) {
        if (!step.value(u"dtr"_s).isBool() || !step.value(u"rts"_s).isBool())
            node.wrong(name, u"must be steps with \"dtr\", \"rts\" and \"hold\"."_s);
        const auto hold = parseDurationMs(step.value(u"hold"_s).toString());
        if (!hold || *hold < 0 || *hold > 10'000)
            node.wrong(name, u"must hold each step from 0ms to 10s."_s);
        out.append({step.flag(u"dtr"_s, false), step.flag(u"rts"_s, false), std::chrono::milliseconds(*hold)});
    }
    if (out.size() > 32)
        node.wrong(name, u"has more than 32 steps."_s);
    return out;
}

Stm32Board readBoard(const QString &name, const QuirksNode &node)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"enter"_s, u"leave"_s, u"products"_s, u"baud"_s});
    Stm32Board out;
    out.name = name;
    out.description = node.text(u"description"_s);
    out.source = node.text(u"source"_s);
    out.date = node.text(u"date"_s);
    out.enter = signalSteps(node, u"enter"_s);
    out.leave = signalSteps(node, u"leave"_s);
    if (node.has(u"baud"_s))
        out.baud = int(node.number(u"baud"_s, 1200, 1'000'000));
    if (node.has(u"products"_s)) {
        const QJsonArray ids = node.list(u"products"_s);
        for (const QJsonValue &value : ids) {
            bool ok = false;
            const quint16 id = value.toString().mid(2).toUShort(&ok, 16);
            if (!ok || !value.toString().startsWith(u"0x"))
                node.wrong(u"products"_s, u"must be ids such as \"0x410\"."_s);
            out.products << id;
        }
    }
    return out;
}

} // namespace

Stm32Products Stm32Products::load()
{
    Stm32Products out;
    if (const auto own = ownQuirks(quirksForm))
        out = parse(own->json, own->file);
    const QuirksText text = shippedQuirks(quirksForm);
    const Stm32Products shipped = parse(text.json, text.file);
    for (const Stm32Product &product : shipped.m_products) {
        if (std::none_of(out.m_products.cbegin(), out.m_products.cend(),
                         [&](const Stm32Product &known) { return known.id == product.id; }))
            out.m_products << product;
    }
    addShipped(out.m_boards, shipped.m_boards);
    return out;
}

const Stm32Board &Stm32Products::board(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

Stm32Products Stm32Products::parse(const QByteArray &json, const QString &file)
{
    const QuirksNode root =
        readQuirks(quirksForm, json, file, {u"date"_s, u"source"_s, u"families"_s, u"products"_s, u"boards"_s});

    Stm32Products out;
    QMap<QString, Stm32Product> families;
    if (root.has(u"families"_s)) {
        const QuirksNode all = root.child(u"families"_s);
        for (const QString &name : all.keys()) {
            const QuirksNode node = all.child(name);
            node.only(QStringList{u"source"_s} + commonMembers());
            Stm32Product family;
            family.source = node.text(u"source"_s);
            common(node, family);
            families.insert(name, family);
        }
    }
    if (root.has(u"products"_s)) {
        const QuirksNode all = root.child(u"products"_s);
        for (const QString &id : all.keys())
            out.m_products << readProduct(id, all.child(id), families, all);
    }
    if (root.has(u"boards"_s)) {
        const QuirksNode all = root.child(u"boards"_s);
        for (const QString &name : all.keys())
            out.m_boards << readBoard(name, all.child(name));
    }
    return out;
}

} // namespace slipway
