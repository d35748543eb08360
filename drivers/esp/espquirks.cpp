#include "drivers/esp/espquirks.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/quirksfile.h"

#include <algorithm>
#include <utility>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"esp", "esp.quirks", "esp.board-unknown"};

QList<int> numbers(const QuirksNode &node, const QString &name, int least, int most)
{
    QList<int> out;
    for (const QJsonValue &value : node.list(name))
        out << int(node.number(name, value, least, most));
    return out;
}

// [["0x60008850", 18, 3], ...]; nothing where it is not there.
EspField field(const QuirksNode &node, const QString &name)
{
    EspField out;
    for (const QJsonValue &value : node.list(name)) {
        const QJsonArray piece = value.toArray();
        if (piece.size() != 3)
            node.wrong(name, u"must be a list of [address, shift, bits]."_s);
        const int shift = int(node.number(name, piece[1], 0, 31));
        out << EspBits{node.address(name, piece[0]), shift, int(node.number(name, piece[2], 1, 32 - shift))};
    }
    return out;
}

EspChip chipFrom(const QString &name, const QuirksNode &node)
{
    node.only({u"title"_s,
               u"image-id"_s,
               u"magic"_s,
               u"boot-loader-at"_s,
               u"encryption-word"_s,
               u"spi"_s,
               u"mac"_s,
               u"major"_s,
               u"major-counts-ones"_s,
               u"minor"_s,
               u"secure-boot"_s,
               u"secure-boot-v1"_s,
               u"secure-boot-since"_s,
               u"flash-encryption"_s,
               u"secure-version"_s,
               u"jtag-off"_s,
               u"key-purposes"_s,
               u"key-blocks"_s,
               u"digest-blocks"_s,
               u"watchdogs"_s});
    EspChip out;
    out.name = name;
    out.title = node.text(u"title"_s);
    out.imageId = quint16(node.number(u"image-id"_s, 0, 0xffff));
    if (node.has(u"magic"_s))
        out.magic = node.address(u"magic"_s);
    out.bootLoaderAt = node.address(u"boot-loader-at"_s);
    out.encryptionWord = node.flag(u"encryption-word"_s, false);
    const QuirksNode spi = node.child(u"spi"_s);
    spi.only({u"base"_s, u"user"_s, u"user1"_s, u"user2"_s, u"miso-bits"_s, u"word0"_s});
    out.spi = {spi.address(u"base"_s),  spi.address(u"user"_s),      spi.address(u"user1"_s),
               spi.address(u"user2"_s), spi.address(u"miso-bits"_s), spi.address(u"word0"_s)};
    const QList<quint32> mac = node.addresses(u"mac"_s);
    if (mac.size() != 2)
        node.wrong(u"mac"_s, u"must be two addresses."_s);
    out.macLow = mac[0];
    out.macHigh = mac[1];
    out.major = field(node, u"major"_s);
    out.minor = field(node, u"minor"_s);
    out.majorCountsOnes = node.flag(u"major-counts-ones"_s, false);
    out.secureBoot = field(node, u"secure-boot"_s);
    out.secureBootV1 = field(node, u"secure-boot-v1"_s);
    out.secureBootSince = int(node.number(u"secure-boot-since"_s, 0, 9999, 0));
    out.flashEncryption = field(node, u"flash-encryption"_s);
    if (out.secureBoot.isEmpty() || out.flashEncryption.isEmpty())
        node.wrong(u"secure-boot"_s, u"and flash-encryption must be there: nothing is written without asking them."_s);
    out.secureVersion = field(node, u"secure-version"_s);
    out.jtagOff = field(node, u"jtag-off"_s);
    out.keyPurposes = field(node, u"key-purposes"_s);
    out.keyBlocks = node.addresses(u"key-blocks"_s);
    if (out.keyBlocks.size() != out.keyPurposes.size())
        node.wrong(u"key-blocks"_s, u"must be as many as key-purposes."_s);
    out.digestBlocks = node.addresses(u"digest-blocks"_s);
    if (node.has(u"watchdogs"_s)) {
        const QuirksNode dogs = node.child(u"watchdogs"_s);
        dogs.only({u"protect"_s, u"key"_s, u"config"_s, u"super-protect"_s, u"super-key"_s, u"super-config"_s,
                   u"super-feed"_s});
        out.watchdogs = EspChip::Watchdogs{dogs.address(u"protect"_s),   dogs.address(u"key"_s),
                                           dogs.address(u"config"_s),    dogs.address(u"super-protect"_s),
                                           dogs.address(u"super-key"_s), dogs.address(u"super-config"_s),
                                           dogs.address(u"super-feed"_s)};
    }
    return out;
}

EspBoard boardFrom(const QString &name, const QuirksNode &node)
{
    node.only(
        {u"description"_s, u"source"_s, u"date"_s, u"chip"_s, u"flash-bytes"_s, u"partition-table-at"_s, u"baud"_s});
    EspBoard out;
    out.name = name;
    out.description = node.text(u"description"_s);
    out.source = node.text(u"source"_s);
    out.date = node.text(u"date"_s);
    out.chip = node.text(u"chip"_s);
    out.flashBytes = node.number(u"flash-bytes"_s, 0x10000, 0x10000000, 0);
    if (node.has(u"partition-table-at"_s))
        out.partitionTableAt = node.address(u"partition-table-at"_s);
    out.baud = int(node.number(u"baud"_s, 1200, 12'000'000, 0));
    return out;
}

} // namespace

EspQuirks EspQuirks::parse(const QByteArray &json, const QString &file)
{
    const QuirksNode root =
        readQuirks(quirksForm, json, file,
                   {u"date"_s, u"source"_s, u"chips"_s, u"flash"_s, u"resets"_s, u"adapters"_s, u"boards"_s});
    EspQuirks out;
    if (root.has(u"chips"_s)) {
        const QuirksNode chips = root.child(u"chips"_s);
        for (const QString &name : chips.keys())
            out.m_chips << chipFrom(name, chips.child(name));
    }
    if (root.has(u"flash"_s)) {
        const QuirksNode flash = root.child(u"flash"_s);
        flash.only({u"baud"_s, u"block-bytes"_s, u"partition-table-at"_s});
        out.m_baud = int(flash.number(u"baud"_s, 115200, 12'000'000));
        out.m_blockBytes = numbers(flash, u"block-bytes"_s, 256, 0x4000);
        if (out.m_blockBytes.isEmpty())
            flash.wrong(u"block-bytes"_s, u"must have a size."_s);
        out.m_partitionTableAt = flash.address(u"partition-table-at"_s);
    }
    if (root.has(u"resets"_s)) {
        const QuirksNode resets = root.child(u"resets"_s);
        for (const QString &name : resets.keys()) {
            for (const QuirksNode &step : resets.children(name)) {
                step.only({u"dtr"_s, u"rts"_s, u"ms"_s});
                out.m_sequences[name] << EspResetStep{step.flag(u"dtr"_s, false), step.flag(u"rts"_s, false),
                                                      int(step.number(u"ms"_s, 0, 10000))};
            }
        }
    }
    for (const QuirksNode &node : root.children(u"adapters"_s)) {
        node.only({u"usb"_s, u"native"_s, u"enter"_s, u"run"_s, u"why"_s});
        EspAdapter adapter{node.text(u"usb"_s), node.flag(u"native"_s, false), node.texts(u"enter"_s),
                           node.text(u"run"_s), node.text(u"why"_s)};
        for (const QString &name : adapter.enter + QStringList{adapter.run}) {
            if (!out.m_sequences.contains(name))
                node.wrong(u"enter"_s, u"names no sequence of \"resets\": %1."_s.arg(name));
        }
        out.m_adapters << adapter;
    }
    const QuirksNode boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << boardFrom(name, boards.child(name));
    return out;
}

EspQuirks EspQuirks::load()
{
    const QuirksText shipped = shippedQuirks(quirksForm);
    EspQuirks out = parse(shipped.json, shipped.file);
    QString where = shipped.file;
    if (const auto own = ownQuirks(quirksForm)) {
        QList<EspBoard> boards = parse(own->json, own->file).m_boards;
        addShipped(boards, out.m_boards);
        out.m_boards = boards;
        where = own->file;
    }
    for (const EspBoard &board : std::as_const(out.m_boards)) {
        if (!out.byName(board.chip))
            throw Fault("esp.quirks",
                        {where, u"boards."_s + board.name, u"names no chip that is known: %1."_s.arg(board.chip)});
    }
    return out;
}

const EspChip *EspQuirks::byImageId(quint32 id) const
{
    for (const EspChip &chip : m_chips) {
        if (chip.imageId == id)
            return &chip;
    }
    return nullptr;
}

const EspChip *EspQuirks::byMagic(quint32 magic) const
{
    for (const EspChip &chip : m_chips) {
        if (chip.magic == magic)
            return &chip;
    }
    return nullptr;
}

const EspChip *EspQuirks::byName(const QString &name) const
{
    for (const EspChip &chip : m_chips) {
        if (chip.name == name)
            return &chip;
    }
    return nullptr;
}

QStringList EspQuirks::names() const
{
    return boardNames(m_boards);
}

const EspBoard &EspQuirks::find(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

const EspAdapter *EspQuirks::adapter(const QString &vendor, const QString &product) const
{
    const QString usb = vendor + u':' + product;
    for (const EspAdapter &adapter : m_adapters) {
        if (adapter.usb == usb)
            return &adapter;
    }
    return nullptr;
}

const QList<EspResetStep> &EspQuirks::sequence(const QString &name) const
{
    static const QList<EspResetStep> none;
    const auto found = m_sequences.constFind(name);
    return found == m_sequences.constEnd() ? none : *found;
}

} // namespace slipway
