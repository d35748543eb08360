#include "drivers/coap/coapquirks.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/quirksfile.h"

#include <QDir>
#include <QFileInfo>
#include <QUrl>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"coap", "coap.quirks", "coap.board-unknown"};

QString resource(const QuirksNode &node, const QString &name)
{
    const QString path = node.text(name);
    if (!path.startsWith(u'/'))
        node.wrong(name, u"must be a path that begins with /."_s);
    return path;
}

// An object with "path" and what else is named; without it, an empty path.
QString pathOf(const QuirksNode &node, const QString &name, const QStringList &more = {})
{
    if (!node.has(name))
        return {};
    const QuirksNode part = node.child(name);
    part.only(more + QStringList{u"path"_s});
    return resource(part, u"path"_s);
}

QList<CoapRule> rules(const QuirksNode &part, ResourceValue::Format usual)
{
    QList<CoapRule> out;
    for (const QString &name : part.keys()) {
        const QuirksNode entry = part.child(name);
        entry.only({u"path"_s, u"format"_s, u"type"_s, u"record"_s, u"read"_s, u"write"_s});
        CoapRule rule;
        rule.name = name;
        rule.path = resource(entry, u"path"_s);
        using Format = ResourceValue::Format;
        static const QStringList formats{u"text"_s, u"octets"_s, u"cbor"_s, u"senml-json"_s, u"senml-cbor"_s};
        rule.value.format =
            entry.has(u"format"_s) ? Format(formats.indexOf(entry.choice(u"format"_s, formats))) : usual;
        static const QStringList types{u"text"_s, u"number"_s, u"bool"_s, u"bytes"_s};
        rule.value.type = ResourceValue::Type(types.indexOf(entry.choice(u"type"_s, types)));
        rule.value.record = entry.text(u"record"_s, QString());
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

void readFirmware(const QuirksNode &firmware, CoapBoardQuirks &out)
{
    firmware.only({u"image"_s, u"envelope"_s, u"size1"_s, u"request-tag"_s, u"status"_s, u"images"_s, u"activate"_s,
                   u"confirm"_s, u"erase"_s, u"slot-bytes"_s, u"update-seconds"_s, u"restart-seconds"_s});
    out.image = pathOf(firmware, u"image"_s);
    out.envelope = pathOf(firmware, u"envelope"_s);
    out.tellSize = firmware.flag(u"size1"_s, true);
    out.tag = firmware.flag(u"request-tag"_s, true);
    out.status = pathOf(firmware, u"status"_s, {u"ready"_s, u"failed"_s});
    if (!out.status.isEmpty()) {
        out.ready = firmware.childOrEmpty(u"status"_s).pattern(u"ready"_s);
        out.failed = firmware.childOrEmpty(u"status"_s).pattern(u"failed"_s);
    }
    out.images.path = pathOf(firmware, u"images"_s, {u"form"_s, u"list"_s, u"names"_s});
    if (!out.images.path.isEmpty()) {
        const QuirksNode images = firmware.childOrEmpty(u"images"_s);
        out.images.json = images.choice(u"form"_s, {u"cbor"_s, u"json"_s}) == "json"_L1;
        out.images.list = images.text(u"list"_s, QString());
        const QuirksNode names = images.childOrEmpty(u"names"_s);
        names.only({u"image"_s, u"slot"_s, u"version"_s, u"hash"_s, u"bootable"_s, u"pending"_s, u"confirmed"_s,
                    u"active"_s, u"permanent"_s});
        for (const QString &key : names.keys())
            out.images.names.insert(key, names.text(key));
    }
    out.activate = pathOf(firmware, u"activate"_s, {u"test"_s, u"permanent"_s});
    if (!out.activate.isEmpty()) {
        out.activateTest = firmware.childOrEmpty(u"activate"_s).text(u"test"_s, QString());
        out.activatePermanent = firmware.childOrEmpty(u"activate"_s).text(u"permanent"_s, QString());
    }
    out.confirm = pathOf(firmware, u"confirm"_s);
    out.eraseSlot = pathOf(firmware, u"erase"_s);
    out.slotBytes = firmware.number(u"slot-bytes"_s, 1, 1 << 30, 0);
    out.updateSeconds = firmware.number(u"update-seconds"_s, 1, 3600, out.updateSeconds);
    out.restartSeconds = firmware.number(u"restart-seconds"_s, 1, 3600, out.restartSeconds);
}

void readKeys(const QuirksNode &keys, CoapBoardQuirks &out)
{
    keys.only({u"generate"_s, u"request"_s, u"sign"_s, u"chain"_s, u"status"_s, u"inject"_s});
    out.generate = pathOf(keys, u"generate"_s, {u"locked"_s});
    out.generateLocked = keys.childOrEmpty(u"generate"_s).pattern(u"locked"_s, QString());
    out.request = pathOf(keys, u"request"_s);
    out.sign = pathOf(keys, u"sign"_s);
    out.chain = pathOf(keys, u"chain"_s, {u"form"_s});
    out.chainForm = keys.childOrEmpty(u"chain"_s).choice(u"form"_s, {u"multipart"_s, u"pem"_s, u"der"_s});
    out.inject = pathOf(keys, u"inject"_s);
    out.identityStatus = pathOf(keys, u"status"_s, {u"present"_s});
    if (!out.identityStatus.isEmpty())
        out.identityPresent = keys.childOrEmpty(u"status"_s).pattern(u"present"_s);
}

CoapBoardQuirks board(const QString &name, const QuirksNode &part)
{
    part.only({u"description"_s, u"source"_s, u"date"_s, u"recognise"_s, u"link"_s, u"security"_s, u"facts"_s,
               u"settings"_s, u"commit"_s, u"files"_s, u"firmware"_s, u"reset"_s, u"clock"_s, u"keys"_s});
    CoapBoardQuirks out;
    out.name = name;
    out.description = part.text(u"description"_s);
    out.source = part.text(u"source"_s);
    out.date = part.text(u"date"_s);

    const QuirksNode recognise = part.child(u"recognise"_s);
    recognise.only({u"resource"_s, u"equals"_s, u"resource-type"_s});
    out.resourceType = recognise.text(u"resource-type"_s, QString());
    if (out.resourceType.isEmpty()) {
        out.resource = resource(recognise, u"resource"_s);
        out.equals = recognise.text(u"equals"_s);
    }

    const QuirksNode link = part.childOrEmpty(u"link"_s);
    link.only({u"block"_s, u"retransmits"_s, u"answer-seconds"_s, u"handshake-seconds"_s});
    out.block = link.number(u"block"_s, 16, 1024, 1024);
    if (out.block & (out.block - 1))
        link.wrong(u"block"_s, u"must be 16, 32, 64, 128, 256, 512 or 1024."_s);
    out.retransmits = link.number(u"retransmits"_s, 1, 10, out.retransmits);
    out.answerSeconds = link.number(u"answer-seconds"_s, 1, 3600, out.answerSeconds);
    out.handshakeSeconds = link.number(u"handshake-seconds"_s, 1, 600, out.handshakeSeconds);

    const QuirksNode security = part.childOrEmpty(u"security"_s);
    security.only({u"psk"_s, u"anchors"_s, u"certificate"_s, u"key"_s, u"raw-public-key"_s, u"name"_s});
    for (const QString &key : security.keys()) {
        if (key == "name"_L1)
            security.choice(key, {u"host"_s, u"serial"_s});
        out.credentials.insert(key, security.text(key));
    }

    const QuirksNode facts = part.childOrEmpty(u"facts"_s);
    facts.only({u"board"_s, u"serial"_s, u"hardware-id"_s, u"boot-loader"_s, u"security-counter"_s, u"vendor-id"_s,
                u"class-id"_s, u"device-id"_s, u"suit-sequence"_s, u"suit-components"_s});
    for (const QString &key : facts.keys()) {
        const QuirksNode fact = facts.child(key);
        fact.only({u"path"_s, u"form"_s});
        out.facts.insert(key, {resource(fact, u"path"_s), fact.choice(u"form"_s, {u"text"_s, u"eui64"_s}) == "eui64"_L1
                                                              ? CoapFact::Form::Eui64
                                                              : CoapFact::Form::Text});
    }
    out.settings = rules(part.childOrEmpty(u"settings"_s), ResourceValue::Format::Text);
    out.files = rules(part.childOrEmpty(u"files"_s), ResourceValue::Format::Octets);
    out.commit = pathOf(part, u"commit"_s);
    readFirmware(part.childOrEmpty(u"firmware"_s), out);
    out.reset = pathOf(part, u"reset"_s);
    out.clock = pathOf(part, u"clock"_s, {u"form"_s});
    out.clockUnix = part.childOrEmpty(u"clock"_s).choice(u"form"_s, {u"rfc3339"_s, u"unix"_s}) == "unix"_L1;
    readKeys(part.childOrEmpty(u"keys"_s), out);
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
    const QuirksNode root = readQuirks(quirksForm, json, file, {u"boards"_s});
    CoapQuirks out;
    const QuirksNode boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name));
    return out;
}

CoapQuirks CoapQuirks::load()
{
    CoapQuirks out;
    if (const auto own = ownQuirks(quirksForm)) {
        out = parse(own->json, own->file);
        const QDir beside = QFileInfo(own->file).absoluteDir();
        for (CoapBoardQuirks &board : out.m_boards) {
            for (auto it = board.credentials.begin(); it != board.credentials.end(); ++it) {
                if (it.key() != "name"_L1)
                    *it = beside.absoluteFilePath(*it);
            }
        }
    }
    const QuirksText shipped = shippedQuirks(quirksForm);
    addShipped(out.m_boards, parse(shipped.json, shipped.file).m_boards);
    return out;
}

QStringList CoapQuirks::names() const
{
    return boardNames(m_boards);
}

const CoapBoardQuirks &CoapQuirks::find(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

} // namespace slipway
