#include "drivers/dfu/quirks.h"

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
            throw Fault("dfu.quirks", {m_file, m_path, u"must be an object."_s});
    }
    [[noreturn]] void wrong(const QString &member, const QString &sentence) const
    {
        throw Fault("dfu.quirks", {m_file, m_path.isEmpty() ? member : m_path + u'.' + member, sentence});
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

DfuQuirks board(const QString &name, const Node &node)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"usb"_s, u"form"_s, u"force-plain"_s, u"poll-ms"_s,
               u"write-align"_s, u"erased"_s, u"erase-seconds"_s, u"return-seconds"_s, u"resets-after"_s,
               u"transfer-size"_s, u"maps"_s});
    static const QRegularExpression id(u"^[0-9a-f]{4}:([0-9a-f]{4}|\\*)$"_s);
    DfuQuirks out;
    out.name = name;
    out.description = node.text(u"description"_s, true);
    out.source = node.text(u"source"_s, true);
    out.date = node.text(u"date"_s, true);
    for (const QJsonValue &value : node.list(u"usb"_s)) {
        if (!id.match(value.toString()).hasMatch())
            node.wrong(u"usb"_s, u"must be ids such as 0483:df11."_s);
        out.ids << value.toString();
    }
    if (out.ids.isEmpty())
        node.wrong(u"usb"_s, u"must be a list of ids."_s);
    const QString form = node.text(u"form"_s, true);
    if (form != "dfuse"_L1 && form != "plain"_L1)
        node.wrong(u"form"_s, u"must be \"dfuse\" or \"plain\"."_s);
    out.dfuse = form == "dfuse"_L1;
    out.forcePlain = node.flag(u"force-plain"_s);
    if (const auto poll = node.number(u"poll-ms"_s, 0, 60'000))
        out.poll = std::chrono::milliseconds(*poll);
    out.writeAlign = node.number(u"write-align"_s, 1, 256).value_or(out.writeAlign);
    out.erased = char(node.number(u"erased"_s, 0, 255).value_or(0xff));
    out.eraseTime = std::chrono::seconds(node.number(u"erase-seconds"_s, 1, 600).value_or(40));
    out.returnTime = std::chrono::seconds(node.number(u"return-seconds"_s, 1, 600).value_or(15));
    out.resetsAfter = node.pattern(u"resets-after"_s);
    out.transferSize = node.number(u"transfer-size"_s, 1, 65535).value_or(0);
    for (const QJsonValue &value : node.list(u"maps"_s)) {
        const Node entry = node.child(u"maps"_s, value);
        entry.only({u"serial"_s, u"alternate"_s, u"map"_s});
        out.maps.append(
            {entry.pattern(u"serial"_s), entry.number(u"alternate"_s, 0, 255).value_or(0), entry.text(u"map"_s, true)});
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
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault("dfu.quirks",
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    const Node root(document.object(), file, QString());
    root.only({u"slipway-quirks"_s, u"driver"_s, u"boards"_s});
    if (root.number(u"slipway-quirks"_s, 0, 1000) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.text(u"driver"_s, true) != "dfu"_L1)
        root.wrong(u"driver"_s, u"must be \"dfu\"."_s);
    DfuBoards out;
    const Node boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name));
    return out;
}

DfuBoards DfuBoards::load()
{
    DfuBoards out;
    const QString own = qEnvironmentVariable("SLIPWAY_DFU_QUIRKS");
    if (!own.isEmpty())
        out = parse(readFile(own, longestFile, u"A file of quirks"_s), own);
    QFile builtIn(u":/slipway/dfu/quirks.json"_s);
    if (!builtIn.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    for (const DfuQuirks &board : parse(builtIn.readAll(), u"quirks.json"_s).m_boards) {
        if (!out.names().contains(board.name))
            out.m_boards << board;
    }
    return out;
}

QStringList DfuBoards::names() const
{
    QStringList out;
    for (const DfuQuirks &board : m_boards)
        out << board.name;
    return out;
}

const DfuQuirks &DfuBoards::find(const QString &name) const
{
    for (const DfuQuirks &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("dfu.board-unknown", {oneLine(name, 60), didYouMean(name, names()), names().join(u", "_s)});
}

DfuQuirks DfuBoards::forDevice(const UsbDevice &device) const
{
    const auto it = std::find_if(m_boards.begin(), m_boards.end(),
                                 [&device](const DfuQuirks &board) { return board.isFor(device); });
    return it != m_boards.end() ? *it : DfuQuirks{};
}

} // namespace slipway
