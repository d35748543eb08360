#include "drivers/probe/probequirks.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "drivers/probe/tclword.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestFile = 1024 * 1024;

// One object of the file with the path to it. Members that nobody asked for are mistakes.
class Node
{
public:
    Node(const QJsonValue &value, QString file, QString path)
        : m_object(value.toObject()), m_file(std::move(file)), m_path(std::move(path))
    {
        if (!value.isObject())
            throw Fault("probe.quirks", {m_file, m_path, u"must be an object."_s});
    }
    [[noreturn]] void wrong(const QString &member, const QString &sentence) const
    {
        throw Fault("probe.quirks", {m_file, m_path.isEmpty() ? member : m_path + u'.' + member, sentence});
    }
    void only(const QStringList &known) const
    {
        for (const QString &key : m_object.keys()) {
            if (!known.contains(key))
                wrong(key, u"is not known."_s + didYouMean(key, known));
        }
    }
    bool has(const QString &name) const { return m_object.contains(name); }
    QString text(const QString &name, bool required = false) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined() && !required)
            return {};
        if (!value.isString() || value.toString().isEmpty())
            wrong(name, u"must be a text."_s);
        return value.toString();
    }
    // A script of OpenOCD, never one from elsewhere.
    QString script(const QString &name, const QString &folder) const
    {
        const QString value = text(name, true);
        if (!value.startsWith(folder + u'/') || !value.endsWith(".cfg"_L1) || !isTclWord(value))
            wrong(name, u"must be a file of OpenOCD's, such as %1/NAME.cfg."_s.arg(folder));
        return value;
    }
    QString word(const QString &name, bool required) const
    {
        const QString value = text(name, required);
        static const QRegularExpression plain(u"^[a-z0-9_]*$"_s);
        if (!plain.match(value).hasMatch())
            wrong(name, u"must be a word of letters, digits and _."_s);
        return value;
    }
    quint32 address(const QString &name, quint32 fallback) const
    {
        const QString given = text(name);
        if (given.isEmpty())
            return fallback;
        const auto value = parseAddress(given);
        if (!value || *value > 0xffffffff)
            wrong(name, u"must be a number such as \"0x40022020\"."_s);
        return quint32(*value);
    }
    int number(const QString &name, int least, int most, int fallback) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined())
            return fallback;
        const double number = value.toDouble(-1);
        if (!value.isDouble() || number < least || number > most || number != int(number))
            wrong(name, u"must be a whole number from %1 to %2."_s.arg(least).arg(most));
        return int(number);
    }
    bool flag(const QString &name, bool fallback) const
    {
        const QJsonValue value = m_object.value(name);
        if (!value.isUndefined() && !value.isBool())
            wrong(name, u"must be true or false."_s);
        return value.toBool(fallback);
    }
    QJsonArray list(const QString &name) const
    {
        const QJsonValue value = m_object.value(name);
        if (!value.isUndefined() && !value.isArray())
            wrong(name, u"must be a list."_s);
        return value.toArray();
    }
    Node child(const QString &name) const
    {
        return {m_object.value(name), m_file, m_path.isEmpty() ? name : m_path + u'.' + name};
    }
    QStringList keys() const { return m_object.keys(); }

private:
    QJsonObject m_object;
    QString m_file, m_path;
};

ProbeKind readKind(const QString &name, const Node &node)
{
    node.only(
        {u"description"_s, u"source"_s, u"date"_s, u"usb"_s, u"product"_s, u"script"_s, u"transport"_s, u"by-place"_s});
    static const QRegularExpression id(u"^[0-9a-f]{4}:([0-9a-f]{4}|\\*)$"_s);
    ProbeKind out;
    out.name = name;
    out.description = node.text(u"description"_s, true);
    out.source = node.text(u"source"_s, true);
    out.date = node.text(u"date"_s, true);
    for (const QJsonValue &value : node.list(u"usb"_s)) {
        if (!id.match(value.toString()).hasMatch())
            node.wrong(u"usb"_s, u"must be ids such as 0483:374b."_s);
        out.ids << value.toString();
    }
    out.product = node.text(u"product"_s);
    if (out.ids.isEmpty() && out.product.isEmpty())
        node.wrong(u"usb"_s, u"must be a list of ids."_s);
    out.script = node.script(u"script"_s, u"interface"_s);
    out.transport = node.word(u"transport"_s, false);
    out.byPlace = node.flag(u"by-place"_s, false);
    return out;
}

ProbeBoard::Protection readProtection(const Node &node)
{
    node.only({u"at"_s, u"mask"_s, u"open"_s, u"forever"_s, u"driver"_s, u"load"_s});
    ProbeBoard::Protection out;
    out.level = {node.address(u"at"_s, 0), node.address(u"mask"_s, 0xffffffff)};
    if (out.level.at == 0 || out.level.at % 4)
        node.wrong(u"at"_s, u"must be the address of a word."_s);
    out.open = node.address(u"open"_s, 0);
    if (node.has(u"forever"_s))
        out.forever = node.address(u"forever"_s, 0);
    out.driver = node.word(u"driver"_s, true);
    out.load = node.flag(u"load"_s, false);
    return out;
}

// like: what it takes over from.
ProbeBoard readBoard(const QString &name, const Node &node, ProbeBoard out, bool isLike)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"like"_s, u"script"_s, u"speed-khz"_s, u"work-area"_s,
               u"core"_s, u"identity"_s, u"ids"_s, u"unique-id"_s, u"unique-words"_s, u"ram"_s, u"erased"_s,
               u"protection"_s});
    out.name = name;
    out.description = node.text(u"description"_s, true);
    out.source = node.text(u"source"_s, true);
    out.date = node.text(u"date"_s, true);
    if (!isLike || node.has(u"script"_s))
        out.script = node.script(u"script"_s, u"target"_s);
    out.speed = node.number(u"speed-khz"_s, 1, 100'000, out.speed);
    out.workArea = node.flag(u"work-area"_s, out.workArea);
    out.core = node.address(u"core"_s, isLike ? 0 : out.core); // a product is not told from its chip
    if (node.has(u"identity"_s)) {
        const Node identity = node.child(u"identity"_s);
        identity.only({u"at"_s, u"mask"_s});
        out.identity = {identity.address(u"at"_s, 0), identity.address(u"mask"_s, 0xffffffff)};
    }
    if (node.has(u"ids"_s)) {
        out.ids.clear();
        const Node ids = node.child(u"ids"_s);
        for (const QString &key : ids.keys()) {
            const auto value = parseAddress(key);
            if (!value || *value > 0xffffffff)
                ids.wrong(key, u"must be a number such as \"0x410\"."_s);
            out.ids.insert(quint32(*value), ids.text(key, true));
        }
    }
    out.uniqueId = node.address(u"unique-id"_s, out.uniqueId);
    if (node.has(u"unique-words"_s)) {
        out.uniqueWords.clear();
        for (const QJsonValue &value : node.list(u"unique-words"_s))
            out.uniqueWords << quint32(value.toInt());
        if (out.uniqueWords.size() > 8 || out.uniqueWords.isEmpty() ||
            std::any_of(out.uniqueWords.begin(), out.uniqueWords.end(), [](quint32 at) { return at > 256 || at % 4; }))
            node.wrong(u"unique-words"_s, u"must be offsets of words."_s);
    }
    if (node.has(u"ram"_s)) {
        const Node ram = node.child(u"ram"_s);
        ram.only({u"at"_s, u"kib"_s});
        out.ramAt = ram.address(u"at"_s, 0);
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
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault("probe.quirks",
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    const Node root(document.object(), file, QString());
    root.only({u"slipway-quirks"_s, u"driver"_s, u"probes"_s, u"boards"_s});
    if (root.number(u"slipway-quirks"_s, 0, 1000, 0) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.text(u"driver"_s, true) != "probe"_L1)
        root.wrong(u"driver"_s, u"must be \"probe\"."_s);
    ProbeQuirks out;
    if (root.has(u"probes"_s)) {
        const Node probes = root.child(u"probes"_s);
        for (const QString &name : probes.keys())
            out.m_kinds << readKind(name, probes.child(name));
    }
    if (root.has(u"boards"_s)) {
        const Node boards = root.child(u"boards"_s);
        const QStringList names = boards.keys();
        // Those that are like others come after them; of those there is one generation.
        for (const bool likes : {false, true}) {
            for (const QString &name : names) {
                const Node node = boards.child(name);
                const QString like = node.text(u"like"_s);
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
    QFile file(u":/slipway/probe/quirks.json"_s);
    if (!file.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    const ProbeQuirks builtIn = parse(file.readAll(), u"quirks.json"_s);
    ProbeQuirks out;
    const QString own = qEnvironmentVariable("SLIPWAY_PROBE_QUIRKS");
    if (!own.isEmpty())
        out = parse(readFile(own, longestFile, u"A file of quirks"_s), own, builtIn);
    out.m_kinds += builtIn.m_kinds; // the first that fits counts
    for (const ProbeBoard &board : builtIn.m_boards) {
        if (!out.boardNames().contains(board.name))
            out.m_boards << board;
    }
    return out;
}

QStringList ProbeQuirks::boardNames() const
{
    QStringList out;
    for (const ProbeBoard &board : m_boards)
        out << board.name;
    return out;
}

const ProbeBoard &ProbeQuirks::board(const QString &name) const
{
    for (const ProbeBoard &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("probe.board-unknown", {oneLine(name, 60), didYouMean(name, boardNames()), boardNames().join(u", "_s)});
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
