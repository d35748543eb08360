#include "drivers/esp/espquirks.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <utility>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestFile = 1024 * 1024;

// One object of the file with the path to it, so that messages say where. Members that nobody asked for are mistakes.
class Node
{
public:
    Node(const QJsonObject &object, const QString &file, const QString &path)
        : m_object(object), m_file(file), m_path(path)
    {}

    [[noreturn]] void wrong(const QString &member, const QString &sentence) const
    {
        throw Fault("esp.quirks", {m_file, path(member), sentence});
    }
    void only(const QStringList &known) const
    {
        for (const QString &key : m_object.keys()) {
            if (!known.contains(key))
                wrong(key, u"is not known."_s + didYouMean(key, known));
        }
    }
    bool has(const QString &name) const { return m_object.contains(name); }
    QStringList keys() const { return m_object.keys(); }
    QString text(const QString &name) const
    {
        if (!m_object.value(name).isString() || m_object.value(name).toString().isEmpty())
            wrong(name, u"must be a text."_s);
        return m_object.value(name).toString();
    }
    bool flag(const QString &name) const
    {
        const QJsonValue value = m_object.value(name);
        if (!value.isUndefined() && !value.isBool())
            wrong(name, u"must be true or false."_s);
        return value.toBool();
    }
    qint64 number(const QString &name, qint64 least, qint64 most) const
    {
        return whole(name, m_object.value(name), least, most);
    }
    qint64 number(const QString &name, qint64 least, qint64 most, qint64 fallback) const
    {
        return has(name) ? number(name, least, most) : fallback;
    }
    quint32 address(const QString &name) const { return hexadecimal(name, m_object.value(name)); }
    QList<quint32> addresses(const QString &name) const
    {
        QList<quint32> out;
        for (const QJsonValue &value : list(name))
            out << hexadecimal(name, value);
        return out;
    }
    QStringList texts(const QString &name) const
    {
        QStringList out;
        for (const QJsonValue &value : list(name)) {
            if (!value.isString())
                wrong(name, u"must be a list of texts."_s);
            out << value.toString();
        }
        return out;
    }
    QList<int> numbers(const QString &name, int least, int most) const
    {
        QList<int> out;
        for (const QJsonValue &value : list(name))
            out << int(whole(name, value, least, most));
        return out;
    }
    // [["0x60008850", 18, 3], ...]; nothing where it is not there.
    EspField field(const QString &name) const
    {
        EspField out;
        for (const QJsonValue &value : list(name)) {
            const QJsonArray piece = value.toArray();
            if (piece.size() != 3)
                wrong(name, u"must be a list of [address, shift, bits]."_s);
            const int shift = int(whole(name, piece[1], 0, 31));
            out << EspBits{hexadecimal(name, piece[0]), shift, int(whole(name, piece[2], 1, 32 - shift))};
        }
        return out;
    }
    Node child(const QString &name) const
    {
        if (!m_object.value(name).isObject())
            wrong(name, u"must be an object."_s);
        return {m_object.value(name).toObject(), m_file, path(name)};
    }
    QList<Node> children(const QString &name) const
    {
        QList<Node> out;
        for (const QJsonValue &value : list(name)) {
            if (!value.isObject())
                wrong(name, u"must be a list of objects."_s);
            out << Node(value.toObject(), m_file, path(u"%1[%2]"_s.arg(name).arg(out.size())));
        }
        return out;
    }

private:
    QString path(const QString &name) const { return m_path.isEmpty() ? name : m_path + u'.' + name; }
    QJsonArray list(const QString &name) const
    {
        const QJsonValue value = m_object.value(name);
        if (!value.isUndefined() && !value.isArray())
            wrong(name, u"must be a list."_s);
        return value.toArray();
    }
    qint64 whole(const QString &name, const QJsonValue &value, qint64 least, qint64 most) const
    {
        const double number = value.toDouble(-1);
        if (!value.isDouble() || number < double(least) || number > double(most) || number != double(qint64(number)))
            wrong(name, u"must be a whole number from %1 to %2."_s.arg(least).arg(most));
        return qint64(number);
    }
    quint32 hexadecimal(const QString &name, const QJsonValue &value) const
    {
        bool ok = false;
        const QString text = value.toString();
        const quint32 number = text.startsWith(u"0x"_s) ? text.mid(2).toUInt(&ok, 16) : 0;
        if (!ok)
            wrong(name, u"must be an address as \"0x60008844\"."_s);
        return number;
    }

    QJsonObject m_object;
    QString m_file, m_path;
};

EspChip chipFrom(const QString &name, const Node &node)
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
    out.encryptionWord = node.flag(u"encryption-word"_s);
    const Node spi = node.child(u"spi"_s);
    spi.only({u"base"_s, u"user"_s, u"user1"_s, u"user2"_s, u"miso-bits"_s, u"word0"_s});
    out.spi = {spi.address(u"base"_s),  spi.address(u"user"_s),      spi.address(u"user1"_s),
               spi.address(u"user2"_s), spi.address(u"miso-bits"_s), spi.address(u"word0"_s)};
    const QList<quint32> mac = node.addresses(u"mac"_s);
    if (mac.size() != 2)
        node.wrong(u"mac"_s, u"must be two addresses."_s);
    out.macLow = mac[0];
    out.macHigh = mac[1];
    out.major = node.field(u"major"_s);
    out.minor = node.field(u"minor"_s);
    out.majorCountsOnes = node.flag(u"major-counts-ones"_s);
    out.secureBoot = node.field(u"secure-boot"_s);
    out.secureBootV1 = node.field(u"secure-boot-v1"_s);
    out.secureBootSince = int(node.number(u"secure-boot-since"_s, 0, 9999, 0));
    out.flashEncryption = node.field(u"flash-encryption"_s);
    if (out.secureBoot.isEmpty() || out.flashEncryption.isEmpty())
        node.wrong(u"secure-boot"_s, u"and flash-encryption must be there: nothing is written without asking them."_s);
    out.secureVersion = node.field(u"secure-version"_s);
    out.jtagOff = node.field(u"jtag-off"_s);
    out.keyPurposes = node.field(u"key-purposes"_s);
    out.keyBlocks = node.addresses(u"key-blocks"_s);
    if (out.keyBlocks.size() != out.keyPurposes.size())
        node.wrong(u"key-blocks"_s, u"must be as many as key-purposes."_s);
    out.digestBlocks = node.addresses(u"digest-blocks"_s);
    if (node.has(u"watchdogs"_s)) {
        const Node dogs = node.child(u"watchdogs"_s);
        dogs.only({u"protect"_s, u"key"_s, u"config"_s, u"super-protect"_s, u"super-key"_s, u"super-config"_s,
                   u"super-feed"_s});
        out.watchdogs = EspChip::Watchdogs{dogs.address(u"protect"_s),   dogs.address(u"key"_s),
                                           dogs.address(u"config"_s),    dogs.address(u"super-protect"_s),
                                           dogs.address(u"super-key"_s), dogs.address(u"super-config"_s),
                                           dogs.address(u"super-feed"_s)};
    }
    return out;
}

EspBoard boardFrom(const QString &name, const Node &node)
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
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault("esp.quirks",
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    const Node root(document.object(), file, QString());
    root.only({u"slipway-quirks"_s, u"driver"_s, u"date"_s, u"source"_s, u"chips"_s, u"flash"_s, u"resets"_s,
               u"adapters"_s, u"boards"_s});
    if (root.number(u"slipway-quirks"_s, 0, 1000) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.text(u"driver"_s) != u"esp"_s)
        root.wrong(u"driver"_s, u"must be \"esp\"."_s);
    EspQuirks out;
    if (root.has(u"chips"_s)) {
        const Node chips = root.child(u"chips"_s);
        for (const QString &name : chips.keys())
            out.m_chips << chipFrom(name, chips.child(name));
    }
    if (root.has(u"flash"_s)) {
        const Node flash = root.child(u"flash"_s);
        flash.only({u"baud"_s, u"block-bytes"_s, u"partition-table-at"_s});
        out.m_baud = int(flash.number(u"baud"_s, 115200, 12'000'000));
        out.m_blockBytes = flash.numbers(u"block-bytes"_s, 256, 0x4000);
        if (out.m_blockBytes.isEmpty())
            flash.wrong(u"block-bytes"_s, u"must have a size."_s);
        out.m_partitionTableAt = flash.address(u"partition-table-at"_s);
    }
    if (root.has(u"resets"_s)) {
        const Node resets = root.child(u"resets"_s);
        for (const QString &name : resets.keys()) {
            for (const Node &step : resets.children(name)) {
                step.only({u"dtr"_s, u"rts"_s, u"ms"_s});
                out.m_sequences[name] << EspResetStep{step.flag(u"dtr"_s), step.flag(u"rts"_s),
                                                      int(step.number(u"ms"_s, 0, 10000))};
            }
        }
    }
    for (const Node &node : root.children(u"adapters"_s)) {
        node.only({u"usb"_s, u"native"_s, u"enter"_s, u"run"_s, u"why"_s});
        EspAdapter adapter{node.text(u"usb"_s), node.flag(u"native"_s), node.texts(u"enter"_s), node.text(u"run"_s),
                           node.text(u"why"_s)};
        for (const QString &name : adapter.enter + QStringList{adapter.run}) {
            if (!out.m_sequences.contains(name))
                node.wrong(u"enter"_s, u"names no sequence of \"resets\": %1."_s.arg(name));
        }
        out.m_adapters << adapter;
    }
    const Node boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << boardFrom(name, boards.child(name));
    return out;
}

EspQuirks EspQuirks::load()
{
    QFile builtIn(u":/slipway/esp/quirks.json"_s);
    if (!builtIn.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    EspQuirks out = parse(builtIn.readAll(), u"quirks.json"_s);
    QList<EspBoard> boards;
    const QString own = qEnvironmentVariable("SLIPWAY_ESP_QUIRKS");
    if (!own.isEmpty())
        boards = parse(readFile(own, longestFile, u"A file of quirks"_s), own).m_boards;
    for (const EspBoard &shipped : std::as_const(out.m_boards)) {
        if (std::none_of(boards.begin(), boards.end(), [&](const EspBoard &b) { return b.name == shipped.name; }))
            boards << shipped;
    }
    out.m_boards = boards;
    for (const EspBoard &board : std::as_const(out.m_boards)) {
        if (!out.byName(board.chip))
            throw Fault("esp.quirks", {own.isEmpty() ? u"quirks.json"_s : own, u"boards."_s + board.name,
                                       u"names no chip that is known: %1."_s.arg(board.chip)});
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

QStringList EspQuirks::boardNames() const
{
    QStringList out;
    for (const EspBoard &board : m_boards)
        out << board.name;
    return out;
}

const EspBoard &EspQuirks::board(const QString &name) const
{
    for (const EspBoard &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("esp.board-unknown", {oneLine(name, 60), didYouMean(name, boardNames()), boardNames().join(u", "_s)});
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
