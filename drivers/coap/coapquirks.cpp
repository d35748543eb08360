#include "drivers/coap/coapquirks.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QUrl>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestFile = 1024 * 1024;

// One object of the file with the path to it, so that messages say where. Members that nobody asked for are mistakes.
class Part
{
public:
    Part(QJsonObject object, QString file, QString path)
        : m_object(std::move(object)), m_file(std::move(file)), m_path(std::move(path))
    {}

    [[noreturn]] void wrong(const QString &member, const QString &sentence) const
    {
        throw Fault("coap.quirks", {m_file, at(member), sentence});
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
    QString text(const QString &name, bool required = false) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined() && !required)
            return {};
        if (!value.isString() || value.toString().isEmpty())
            wrong(name, u"must be a text."_s);
        return value.toString();
    }
    QString resource(const QString &name, bool required = false) const
    {
        const QString path = text(name, required);
        if (!path.isEmpty() && !path.startsWith(u'/'))
            wrong(name, u"must be a path that begins with /."_s);
        return path;
    }
    QString choice(const QString &name, const QStringList &words) const
    {
        const QString word = text(name);
        if (!word.isEmpty() && !words.contains(word))
            wrong(name, u"must be one of %1."_s.arg(words.join(u", "_s)));
        return word.isEmpty() ? words.first() : word;
    }
    int number(const QString &name, int fallback, int least, int most) const
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
    QRegularExpression pattern(const QString &name, bool required = false) const
    {
        const QRegularExpression expression(text(name, required));
        if (!expression.isValid())
            wrong(name, u"is no regular expression: %1."_s.arg(expression.errorString()));
        return expression;
    }
    Part child(const QString &name, bool required = false) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined() && !required)
            return {{}, m_file, at(name)};
        if (!value.isObject())
            wrong(name, u"must be an object."_s);
        return {value.toObject(), m_file, at(name)};
    }
    // An object with "path" and what else is named; without it, an empty path.
    QString path(const QString &name, QStringList more = {}) const
    {
        if (!has(name))
            return {};
        const Part part = child(name);
        part.only(more << u"path"_s);
        return part.resource(u"path"_s, true);
    }

private:
    QString at(const QString &name) const { return m_path.isEmpty() ? name : m_path + u'.' + name; }

    QJsonObject m_object;
    QString m_file, m_path;
};

QList<CoapRule> rules(const Part &part, ResourceValue::Format usual)
{
    QList<CoapRule> out;
    for (const QString &name : part.keys()) {
        const Part entry = part.child(name, true);
        entry.only({u"path"_s, u"format"_s, u"type"_s, u"record"_s, u"read"_s, u"write"_s});
        CoapRule rule;
        rule.name = name;
        rule.path = entry.resource(u"path"_s, true);
        using Format = ResourceValue::Format;
        static const QStringList formats{u"text"_s, u"octets"_s, u"cbor"_s, u"senml-json"_s, u"senml-cbor"_s};
        rule.value.format =
            entry.has(u"format"_s) ? Format(formats.indexOf(entry.choice(u"format"_s, formats))) : usual;
        static const QStringList types{u"text"_s, u"number"_s, u"bool"_s, u"bytes"_s};
        rule.value.type = ResourceValue::Type(types.indexOf(entry.choice(u"type"_s, types)));
        rule.value.record = entry.text(u"record"_s);
        const bool senml = rule.value.format == Format::SenmlJson || rule.value.format == Format::SenmlCbor;
        if (senml == rule.value.record.isEmpty())
            part.wrong(name, u"needs \"record\" with SenML, and only there."_s);
        static const QStringList reads{u"get"_s, u"fetch"_s}, writes{u"put"_s, u"post"_s, u"ipatch"_s};
        rule.read = CoapRule::Read(reads.indexOf(entry.choice(u"read"_s, reads)));
        rule.write = CoapRule::Write(writes.indexOf(entry.choice(u"write"_s, writes)));
        if (rule.read == CoapRule::Read::Fetch && !senml)
            entry.wrong(u"read"_s, u"can be fetch with SenML only."_s);
        if (name.chopped(1).contains(u'*'))
            part.wrong(name, u"may have * at its end only."_s);
        out << rule;
    }
    // The longest name first: what is said of one goes before what is said of many.
    std::sort(out.begin(), out.end(),
              [](const CoapRule &a, const CoapRule &b) { return a.name.size() > b.name.size(); });
    return out;
}

void readFirmware(const Part &firmware, CoapBoardQuirks &out)
{
    firmware.only({u"image"_s, u"envelope"_s, u"size1"_s, u"request-tag"_s, u"status"_s, u"images"_s, u"activate"_s,
                   u"confirm"_s, u"erase"_s, u"slot-bytes"_s, u"update-seconds"_s, u"restart-seconds"_s});
    out.image = firmware.path(u"image"_s);
    out.envelope = firmware.path(u"envelope"_s);
    out.tellSize = firmware.flag(u"size1"_s, true);
    out.tag = firmware.flag(u"request-tag"_s, true);
    out.status = firmware.path(u"status"_s, {u"ready"_s, u"failed"_s});
    if (!out.status.isEmpty()) {
        out.ready = firmware.child(u"status"_s).pattern(u"ready"_s, true);
        out.failed = firmware.child(u"status"_s).pattern(u"failed"_s, true);
    }
    out.images.path = firmware.path(u"images"_s, {u"form"_s, u"list"_s, u"names"_s});
    if (!out.images.path.isEmpty()) {
        const Part images = firmware.child(u"images"_s);
        out.images.json = images.choice(u"form"_s, {u"cbor"_s, u"json"_s}) == "json"_L1;
        out.images.list = images.text(u"list"_s);
        const Part names = images.child(u"names"_s);
        names.only({u"image"_s, u"slot"_s, u"version"_s, u"hash"_s, u"bootable"_s, u"pending"_s, u"confirmed"_s,
                    u"active"_s, u"permanent"_s});
        for (const QString &key : names.keys())
            out.images.names.insert(key, names.text(key, true));
    }
    out.activate = firmware.path(u"activate"_s, {u"test"_s, u"permanent"_s});
    if (!out.activate.isEmpty()) {
        out.activateTest = firmware.child(u"activate"_s).text(u"test"_s);
        out.activatePermanent = firmware.child(u"activate"_s).text(u"permanent"_s);
    }
    out.confirm = firmware.path(u"confirm"_s);
    out.eraseSlot = firmware.path(u"erase"_s);
    out.slotBytes = firmware.number(u"slot-bytes"_s, 0, 1, 1 << 30);
    out.updateSeconds = firmware.number(u"update-seconds"_s, out.updateSeconds, 1, 3600);
    out.restartSeconds = firmware.number(u"restart-seconds"_s, out.restartSeconds, 1, 3600);
}

void readKeys(const Part &keys, CoapBoardQuirks &out)
{
    keys.only({u"generate"_s, u"request"_s, u"sign"_s, u"chain"_s, u"status"_s});
    out.generate = keys.path(u"generate"_s, {u"locked"_s});
    out.generateLocked = keys.child(u"generate"_s).pattern(u"locked"_s);
    out.request = keys.path(u"request"_s);
    out.sign = keys.path(u"sign"_s);
    out.chain = keys.path(u"chain"_s, {u"form"_s});
    out.chainForm = keys.child(u"chain"_s).choice(u"form"_s, {u"multipart"_s, u"pem"_s, u"der"_s});
    out.identityStatus = keys.path(u"status"_s, {u"present"_s});
    if (!out.identityStatus.isEmpty())
        out.identityPresent = keys.child(u"status"_s).pattern(u"present"_s, true);
}

CoapBoardQuirks board(const QString &name, const Part &part)
{
    part.only({u"description"_s, u"source"_s, u"date"_s, u"recognise"_s, u"link"_s, u"security"_s, u"facts"_s,
               u"settings"_s, u"commit"_s, u"files"_s, u"firmware"_s, u"reset"_s, u"clock"_s, u"keys"_s});
    CoapBoardQuirks out;
    out.name = name;
    out.description = part.text(u"description"_s, true);
    out.source = part.text(u"source"_s, true);
    out.date = part.text(u"date"_s, true);

    const Part recognise = part.child(u"recognise"_s, true);
    recognise.only({u"resource"_s, u"equals"_s, u"resource-type"_s});
    out.resourceType = recognise.text(u"resource-type"_s);
    if (out.resourceType.isEmpty()) {
        out.resource = recognise.resource(u"resource"_s, true);
        out.equals = recognise.text(u"equals"_s, true);
    }

    const Part link = part.child(u"link"_s);
    link.only({u"block"_s, u"retransmits"_s, u"answer-seconds"_s, u"handshake-seconds"_s});
    out.block = link.number(u"block"_s, 1024, 16, 1024);
    if (out.block & (out.block - 1))
        link.wrong(u"block"_s, u"must be 16, 32, 64, 128, 256, 512 or 1024."_s);
    out.retransmits = link.number(u"retransmits"_s, out.retransmits, 1, 10);
    out.answerSeconds = link.number(u"answer-seconds"_s, out.answerSeconds, 1, 3600);
    out.handshakeSeconds = link.number(u"handshake-seconds"_s, out.handshakeSeconds, 1, 600);

    const Part security = part.child(u"security"_s);
    security.only({u"psk"_s, u"anchors"_s, u"certificate"_s, u"key"_s, u"raw-public-key"_s, u"name"_s});
    for (const QString &key : security.keys()) {
        if (key == "name"_L1)
            security.choice(key, {u"host"_s, u"serial"_s});
        out.credentials.insert(key, security.text(key, true));
    }

    const Part facts = part.child(u"facts"_s);
    facts.only({u"board"_s, u"serial"_s, u"hardware-id"_s, u"boot-loader"_s, u"security-counter"_s});
    for (const QString &key : facts.keys()) {
        const Part fact = facts.child(key, true);
        fact.only({u"path"_s, u"form"_s});
        out.facts.insert(key, {fact.resource(u"path"_s, true),
                               fact.choice(u"form"_s, {u"text"_s, u"eui64"_s}) == "eui64"_L1 ? CoapFact::Form::Eui64
                                                                                             : CoapFact::Form::Text});
    }
    out.settings = rules(part.child(u"settings"_s), ResourceValue::Format::Text);
    out.files = rules(part.child(u"files"_s), ResourceValue::Format::Octets);
    out.commit = part.path(u"commit"_s);
    readFirmware(part.child(u"firmware"_s), out);
    out.reset = part.path(u"reset"_s);
    out.clock = part.path(u"clock"_s, {u"form"_s});
    out.clockUnix = part.child(u"clock"_s).choice(u"form"_s, {u"rfc3339"_s, u"unix"_s}) == "unix"_L1;
    readKeys(part.child(u"keys"_s), out);
    return out;
}

} // namespace

std::optional<CoapRule> CoapRule::applied(const QString &to) const
{
    CoapRule out = *this;
    QString rest;
    if (name.endsWith(u'*')) {
        const QString prefix = name.chopped(1);
        if (!to.startsWith(prefix) || to.size() == prefix.size())
            return std::nullopt;
        rest = to.mid(prefix.size());
    } else if (name != to) {
        return std::nullopt;
    }
    out.path.replace("${name}"_L1, QString::fromLatin1(QUrl::toPercentEncoding(rest, "/")));
    out.value.record.replace("${name}"_L1, rest);
    return out;
}

CoapQuirks CoapQuirks::parse(const QByteArray &json, const QString &file)
{
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault("coap.quirks",
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    const Part root(document.object(), file, QString());
    root.only({u"slipway-quirks"_s, u"driver"_s, u"boards"_s});
    if (root.number(u"slipway-quirks"_s, 0, 0, 1000) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.text(u"driver"_s, true) != "coap"_L1)
        root.wrong(u"driver"_s, u"must be \"coap\"."_s);
    CoapQuirks out;
    const Part boards = root.child(u"boards"_s, true);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name, true));
    return out;
}

CoapQuirks CoapQuirks::load()
{
    CoapQuirks out;
    const QString own = qEnvironmentVariable("SLIPWAY_COAP_QUIRKS");
    if (!own.isEmpty()) {
        out = parse(readFile(own, longestFile, u"A file of quirks"_s), own);
        const QDir beside = QFileInfo(own).absoluteDir();
        for (CoapBoardQuirks &board : out.m_boards) {
            for (auto it = board.credentials.begin(); it != board.credentials.end(); ++it) {
                if (it.key() != "name"_L1)
                    *it = beside.absoluteFilePath(*it);
            }
        }
    }
    QFile builtIn(u":/slipway/coap/quirks.json"_s);
    if (!builtIn.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    const CoapQuirks shipped = parse(builtIn.readAll(), u"quirks.json"_s);
    for (const CoapBoardQuirks &board : shipped.m_boards) {
        if (!out.names().contains(board.name))
            out.m_boards << board;
    }
    return out;
}

QStringList CoapQuirks::names() const
{
    QStringList out;
    for (const CoapBoardQuirks &board : m_boards)
        out << board.name;
    return out;
}

const CoapBoardQuirks &CoapQuirks::find(const QString &name) const
{
    for (const CoapBoardQuirks &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("coap.board-unknown", {oneLine(name, 60), didYouMean(name, names()), names().join(u", "_s)});
}

} // namespace slipway
