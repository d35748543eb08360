#include "drivers/smp/quirks.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestFile = 1024 * 1024;

// One object of the file with the path to it, so that messages say where. Members that nobody asked for are mistakes.
class Node
{
public:
    Node(QJsonObject object, QString file, QString path)
        : m_object(std::move(object)), m_file(std::move(file)), m_path(std::move(path))
    {}

    [[noreturn]] void wrong(const QString &member, const QString &sentence) const
    {
        throw Fault("smp.quirks", {m_file, m_path.isEmpty() ? member : m_path + u'.' + member, sentence});
    }
    void only(const QStringList &known) const
    {
        for (const QString &key : m_object.keys()) {
            if (!known.contains(key))
                wrong(key, u"is not known."_s + didYouMean(key, known));
        }
    }
    bool has(QLatin1String name) const { return m_object.contains(name); }
    QStringList keys() const { return m_object.keys(); }
    QString text(QLatin1String name, bool required = false) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined() && !required)
            return {};
        if (!value.isString() || value.toString().isEmpty())
            wrong(name, u"must be a text."_s);
        return value.toString();
    }
    int number(QLatin1String name, int fallback, int least, int most) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined())
            return fallback;
        const double number = value.toDouble(-1);
        if (!value.isDouble() || number < least || number > most || number != int(number))
            wrong(name, u"must be a whole number from %1 to %2."_s.arg(least).arg(most));
        return int(number);
    }
    QRegularExpression pattern(QLatin1String name, bool required = false) const
    {
        const QRegularExpression expression(text(name, required));
        if (!expression.isValid())
            wrong(name, u"is no regular expression: %1."_s.arg(expression.errorString()));
        return expression;
    }
    Node child(const QString &name, bool required = false) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined() && !required)
            return {{}, m_file, path(name)};
        if (!value.isObject())
            wrong(name, u"must be an object."_s);
        return {value.toObject(), m_file, path(name)};
    }
    const QString &file() const { return m_file; }

private:
    QString path(const QString &name) const { return m_path.isEmpty() ? name : m_path + u'.' + name; }

    QJsonObject m_object;
    QString m_file, m_path;
};

BoardCommand command(const Node &parent, QLatin1String name, QLatin1String pattern, QStringList more = {})
{
    if (!parent.has(name))
        return {};
    const Node node = parent.child(name);
    more << u"shell"_s;
    if (!pattern.isEmpty())
        more << QString(pattern);
    node.only(more);
    BoardCommand out;
    out.command = node.text("shell"_L1, true);
    if (!pattern.isEmpty())
        out.pattern = node.pattern(pattern);
    return out;
}

FactSource factSource(const Node &node)
{
    node.only({u"setting"_s, u"file"_s, u"shell"_s, u"form"_s, u"output"_s});
    FactSource out;
    if (node.has("setting"_L1)) {
        out.place = FactSource::Place::Setting;
        out.where = node.text("setting"_L1);
    } else if (node.has("file"_L1)) {
        out.place = FactSource::Place::File;
        out.where = node.text("file"_L1);
    } else {
        out.place = FactSource::Place::Shell;
        out.where = node.text("shell"_L1, true);
        out.output = node.pattern("output"_L1);
    }
    const QString form = node.text("form"_L1);
    if (form == "eui64"_L1)
        out.form = FactSource::Form::Eui64;
    else if (!form.isEmpty() && form != "text"_L1)
        node.wrong(u"form"_s, u"must be \"text\" or \"eui64\"."_s);
    return out;
}

BoardQuirks board(const QString &name, const Node &node)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"recognise"_s, u"link"_s, u"facts"_s, u"firmware"_s,
               u"keys"_s, u"locks"_s});
    BoardQuirks out;
    out.name = name;
    out.description = node.text("description"_L1, true);
    out.source = node.text("source"_L1, true);
    out.date = node.text("date"_L1, true);

    const Node recognise = node.child(u"recognise"_s, true);
    recognise.only({u"setting"_s, u"equals"_s, u"os-info"_s});
    if (recognise.has("os-info"_L1)) {
        out.osInfo = recognise.pattern("os-info"_L1, true);
    } else {
        out.setting = recognise.text("setting"_L1, true);
        out.equals = recognise.text("equals"_L1, true);
    }

    const Node link = node.child(u"link"_s);
    link.only({u"baud"_s, u"framing"_s});
    out.baud = link.number("baud"_L1, 0, 1200, 12'000'000);
    const QString framing = link.text("framing"_L1);
    if (framing == "raw"_L1)
        out.framing = SmpFraming::Raw;
    else if (framing == "console"_L1)
        out.framing = SmpFraming::Console;
    else if (!framing.isEmpty())
        link.wrong(u"framing"_s, u"must be \"console\" or \"raw\"."_s);

    const Node facts = node.child(u"facts"_s);
    facts.only({u"board"_s, u"serial"_s, u"hardware-id"_s, u"security-counter"_s});
    for (const QString &key : facts.keys())
        out.facts.insert(key, factSource(facts.child(key, true)));

    const Node firmware = node.child(u"firmware"_s);
    firmware.only({u"slot-bytes"_s, u"restart-seconds"_s});
    out.slotBytes = firmware.number("slot-bytes"_L1, 0, 1, 1 << 30);
    out.restartSeconds = firmware.number("restart-seconds"_L1, out.restartSeconds, 1, 3600);

    const Node keys = node.child(u"keys"_s);
    keys.only({u"generate"_s, u"request"_s, u"sign"_s, u"chain"_s, u"status"_s});
    out.generate = command(keys, "generate"_L1, "locked"_L1);
    out.request = command(keys, "request"_L1, {}, {u"file"_s});
    if (out.request.given())
        out.requestFile = keys.child(u"request"_s).text("file"_L1, true);
    out.sign = command(keys, "sign"_L1, "output"_L1);
    if (out.sign.given() && out.sign.pattern.captureCount() < 1)
        keys.child(u"sign"_s).wrong(u"output"_s, u"must have a group for the signature."_s);
    out.identityStatus = command(keys, "status"_L1, "present"_L1);
    if (keys.has("chain"_L1)) {
        const Node chain = keys.child(u"chain"_s);
        chain.only({u"file"_s, u"form"_s});
        out.chainFile = chain.text("file"_L1, true);
        if (chain.text("form"_L1) != "pem"_L1)
            chain.wrong(u"form"_s, u"must be \"pem\"."_s);
    }

    const Node locks = node.child(u"locks"_s);
    for (const QString &key : locks.keys()) {
        const Node entry = locks.child(key, true);
        entry.only({u"lock"_s, u"status"_s});
        BoardLock lock{command(entry, "lock"_L1, {}), command(entry, "status"_L1, "locked"_L1)};
        if (!lock.lock.given() || !lock.status.given() || lock.status.pattern.pattern().isEmpty())
            locks.wrong(key, u"needs \"lock\" and \"status\" with \"locked\"."_s);
        out.locks.insert(key, lock);
    }
    return out;
}

} // namespace

Quirks Quirks::parse(const QByteArray &json, const QString &file)
{
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault("smp.quirks",
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    const Node root(document.object(), file, QString());
    root.only({u"slipway-quirks"_s, u"driver"_s, u"boards"_s});
    if (root.number("slipway-quirks"_L1, 0, 0, 1000) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.text("driver"_L1, true) != "smp"_L1)
        root.wrong(u"driver"_s, u"must be \"smp\"."_s);
    Quirks out;
    const Node boards = root.child(u"boards"_s, true);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name, true));
    return out;
}

Quirks Quirks::load()
{
    Quirks out;
    const QString own = qEnvironmentVariable("SLIPWAY_SMP_QUIRKS");
    if (!own.isEmpty())
        out = parse(readFile(own, longestFile, u"A file of quirks"_s), own);
    QFile builtIn(u":/slipway/smp/quirks.json"_s);
    if (!builtIn.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    const Quirks shipped = parse(builtIn.readAll(), u"quirks.json"_s);
    for (const BoardQuirks &board : shipped.m_boards) {
        if (!out.names().contains(board.name))
            out.m_boards << board;
    }
    return out;
}

QStringList Quirks::names() const
{
    QStringList out;
    for (const BoardQuirks &board : m_boards)
        out << board.name;
    return out;
}

const BoardQuirks &Quirks::find(const QString &name) const
{
    for (const BoardQuirks &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("smp.board-unknown", {oneLine(name, 60), didYouMean(name, names()), names().join(u", "_s)});
}

} // namespace slipway
