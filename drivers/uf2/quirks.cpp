#include "drivers/uf2/quirks.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

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
            throw Fault("uf2.quirks", {m_file, m_path, u"must be an object."_s});
    }
    [[noreturn]] void wrong(const QString &member, const QString &sentence) const
    {
        throw Fault("uf2.quirks", {m_file, m_path.isEmpty() ? member : m_path + u'.' + member, sentence});
    }
    void only(const QStringList &known) const
    {
        for (const QString &key : m_object.keys()) {
            if (!known.contains(key))
                wrong(key, u"is not known."_s + didYouMean(key, known));
        }
    }
    QString text(const QString &name, bool required = false) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined() && !required)
            return {};
        if (!value.isString() || value.toString().isEmpty())
            wrong(name, u"must be a text."_s);
        return value.toString();
    }
    std::optional<int> number(const QString &name, int least, int most) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined())
            return std::nullopt;
        const double number = value.toDouble(-1);
        if (!value.isDouble() || number < least || number > most || number != int(number))
            wrong(name, u"must be a whole number from %1 to %2."_s.arg(least).arg(most));
        return int(number);
    }
    bool flag(const QString &name) const
    {
        const QJsonValue value = m_object.value(name);
        if (!value.isUndefined() && !value.isBool())
            wrong(name, u"must be true or false."_s);
        return value.toBool();
    }
    QRegularExpression pattern(const QString &name) const
    {
        const QRegularExpression expression(text(name));
        if (!expression.isValid())
            wrong(name, u"is no regular expression: %1."_s.arg(expression.errorString()));
        return expression;
    }
    quint64 address(const QString &name) const
    {
        const auto value = parseAddress(text(name, true));
        if (!value || *value > quint64(1) << 32)
            wrong(name, u"must be an address such as \"0x10000000\"."_s);
        return *value;
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
    Node child(const QString &name, const QJsonValue &value) const { return {value, m_file, m_path + u'.' + name}; }
    QStringList keys() const { return m_object.keys(); }

private:
    QJsonObject m_object;
    QString m_file, m_path;
};

Uf2Quirks board(const QString &name, const Node &node)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"board-id"_s, u"usb"_s, u"families"_s, u"memory"_s, u"unit"_s,
               u"absolute-block"_s, u"serial"_s, u"silent-application"_s, u"return-seconds"_s, u"leave-seconds"_s});
    static const QRegularExpression id(u"^[0-9a-f]{4}:[0-9a-f]{4}$"_s);
    Uf2Quirks out;
    out.name = name;
    out.description = node.text(u"description"_s, true);
    out.source = node.text(u"source"_s, true);
    out.date = node.text(u"date"_s, true);
    if (node.text(u"board-id"_s, true).isEmpty())
        node.wrong(u"board-id"_s, u"must be a pattern."_s);
    out.boardId = node.pattern(u"board-id"_s);
    for (const QJsonValue &value : node.list(u"usb"_s)) {
        if (!id.match(value.toString()).hasMatch())
            node.wrong(u"usb"_s, u"must be ids such as 2e8a:0003."_s);
        out.ids << value.toString();
    }
    for (const QJsonValue &value : node.list(u"families"_s)) {
        const auto family = parseAddress(value.toString());
        if (!family || *family > 0xffffffff)
            node.wrong(u"families"_s, u"must be ids such as \"0xe48bff56\"."_s);
        out.families << quint32(*family);
    }
    if (out.families.isEmpty())
        node.wrong(u"families"_s, u"must be a list of ids."_s);
    for (const QJsonValue &value : node.list(u"memory"_s)) {
        const Node entry = node.child(u"memory"_s, value);
        entry.only({u"name"_s, u"at"_s, u"size"_s, u"erase"_s});
        MemoryRegion region;
        region.name = entry.text(u"name"_s, true);
        region.at = entry.address(u"at"_s);
        region.size = entry.address(u"size"_s);
        region.eraseUnit = quint64(entry.number(u"erase"_s, 0, 1 << 20).value_or(0));
        out.memory << region;
    }
    out.unit = quint32(node.number(u"unit"_s, 256, 65536).value_or(256));
    if (out.unit % 256 != 0)
        node.wrong(u"unit"_s, u"must be a multiple of 256."_s);
    if (!node.text(u"absolute-block"_s).isEmpty())
        out.absoluteAt = quint32(node.address(u"absolute-block"_s));
    const QString serial = node.text(u"serial"_s);
    if (!serial.isEmpty() && serial != "unique"_L1)
        node.wrong(u"serial"_s, u"must be \"unique\"."_s);
    out.serialUnique = !serial.isEmpty();
    out.silentApplication = node.flag(u"silent-application"_s);
    out.returnTime = std::chrono::seconds(node.number(u"return-seconds"_s, 1, 600).value_or(15));
    out.leaveTime = std::chrono::seconds(node.number(u"leave-seconds"_s, 1, 600).value_or(10));
    return out;
}

} // namespace

Uf2Boards Uf2Boards::parse(const QByteArray &json, const QString &file)
{
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault("uf2.quirks",
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    const Node root(document.object(), file, QString());
    root.only({u"slipway-quirks"_s, u"driver"_s, u"boards"_s});
    if (root.number(u"slipway-quirks"_s, 0, 1000) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.text(u"driver"_s, true) != "uf2"_L1)
        root.wrong(u"driver"_s, u"must be \"uf2\"."_s);
    Uf2Boards out;
    const Node boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name));
    return out;
}

Uf2Boards Uf2Boards::load()
{
    Uf2Boards out;
    const QString own = qEnvironmentVariable("SLIPWAY_UF2_QUIRKS");
    if (!own.isEmpty())
        out = parse(readFile(own, longestFile, u"A file of quirks"_s), own);
    QFile builtIn(u":/slipway/uf2/quirks.json"_s);
    if (!builtIn.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    for (const Uf2Quirks &board : parse(builtIn.readAll(), u"quirks.json"_s).m_boards) {
        if (!out.names().contains(board.name))
            out.m_boards << board;
    }
    return out;
}

QStringList Uf2Boards::names() const
{
    QStringList out;
    for (const Uf2Quirks &board : m_boards)
        out << board.name;
    return out;
}

const Uf2Quirks &Uf2Boards::find(const QString &name) const
{
    for (const Uf2Quirks &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("uf2.board-unknown", {oneLine(name, 60), didYouMean(name, names()), names().join(u", "_s)});
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
