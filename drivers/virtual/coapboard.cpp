#include "drivers/virtual/coapboard.h"

#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "drivers/virtual/coapfaults.h"
#include "drivers/virtual/suitprocessor.h"

#include <QCborArray>
#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTimeZone>
#include <QUuid>

#include <random>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using Kind = VirtualCoapFault::Kind;

enum Method { Get = 1, Post = 2, Put = 3, Delete = 4, Fetch = 5, Patch = 6, IPatch = 7 };
enum Format {
    Text = 0,
    Links = 40,
    Octets = 42,
    Json = 50,
    Cbor = 60,
    Multipart = 62,
    SenmlCbor = 112,
    Pkcs8 = 284,
    Pkcs10 = 286
};
constexpr int senmlEtch = 322;                // application/senml-etch+cbor, RFC 8790
constexpr int senmlName = 0, senmlString = 3; // labels of RFC 8428

constexpr quint8 code(int kind, int detail)
{
    return quint8(kind << 5 | detail);
}
constexpr quint8 created = code(2, 1), deleted = code(2, 2), changed = code(2, 4), content = code(2, 5),
                 badRequest = code(4, 0), forbidden = code(4, 3), notFound = code(4, 4), notAllowed = code(4, 5),
                 notAcceptable = code(4, 6), conflict = code(4, 9), badFormat = code(4, 15);

constexpr qint64 largestSetting = 1024, largestFile = 256 * 1024, largestKeyBody = 16 * 1024;

CoapAnswer refuse(quint8 why, const char *words = "")
{
    return {why, -1, words, false, 60};
}
CoapAnswer give(int format, const QByteArray &body)
{
    return {content, format, body, true, 60};
}
CoapAnswer done(quint8 how = changed)
{
    return {how, -1, {}, false, 60};
}

// What a resource takes, by path: the content format of a body, and the format it gives; -1: none.
struct Formats {
    int takes = -1, gives = -1;
};
Formats formatsOf(const QString &path)
{
    static const struct {
        const char *prefix;
        Formats formats;
    } known[] = {
        {"/.well-known/core", {-1, Links}},
        {"/id/", {Text, Text}},
        {"/cfg/", {Text, Text}},
        {"/net/channel", {Cbor, Cbor}},
        {"/files/", {Octets, Octets}},
        {"/fw/image", {Octets, -1}},
        {"/fw/status", {-1, Text}},
        {"/fw/activate", {Text, -1}},
        {"/suit/sequence", {-1, Text}},
        {"/suit/", {Octets, -1}},
        {"/dev/time", {Text, Text}},
        {"/key/csr", {Text, Pkcs10}},
        {"/key/sign", {Octets, Octets}},
        {"/key/chain", {Multipart, Multipart}},
        {"/key/private", {Pkcs8, -1}},
        {"/key/status", {-1, Text}},
    };
    if (path == u"/cfg")
        return {senmlEtch, SenmlCbor};
    if (path == u"/fw/images")
        return {-1, Cbor};
    for (const auto &entry : known) {
        if (path.startsWith(QLatin1String(entry.prefix)))
            return entry.formats;
    }
    return {};
}

} // namespace

CoapBoard::CoapBoard(const VirtualCoapOptions &options, CoapFaultDesk &faults)
    : serial(options.serial), eui64(options.eui64), m_options(options), m_faults(faults)
{
    boot.slotSize = options.slotSize;
    boot.keys = options.bootKeys;
    boot.slot[0] = options.slot0;
    if (boot.slot[0].isEmpty()) {
        boot.slot[0] = BootImage::make({1, 0, 0, 0}, 4096, options.seed);
        boot.factoryHash = BootImage::parse(boot.slot[0]).hash;
    }
    boot.confirm();
    if (eui64.size() != 8) {
        std::mt19937_64 random(options.seed);
        eui64 = QByteArray::fromHex("02005efffe00");
        eui64 += char(random());
        eui64 += char(random());
    }
    m_vendor = options.suitVendor.size() == 16 ? options.suitVendor
                                               : QUuid(u"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"_s).toRfc4122();
    m_class = options.suitClass.size() == 16 ? options.suitClass
                                             : QUuid(u"1492af14-2569-5e48-bf42-9b2d51f2ab45"_s).toRfc4122();
    settings = {{u"interval"_s, "60"}, {u"name"_s, "unit"}, {u"channel"_s, "11"}};
    saved = settings;
}

void CoapBoard::restart()
{
    boot.boot();
    settings = saved;
    m_status = u"idle"_s;
    m_checkAt.reset();
    m_changed.clear();
    wantsRestart = false;
    ++restarts;
}

void CoapBoard::setStatus(const QString &status)
{
    if (m_status == status)
        return;
    m_status = status;
    m_changed << u"/fw/status"_s;
}

void CoapBoard::receiving(const QString &path)
{
    if (path == u"/fw/image" || path.startsWith(u"/suit/"))
        setStatus(u"receiving"_s);
}

void CoapBoard::tick(std::chrono::steady_clock::time_point now)
{
    if (!m_checkAt || now < *m_checkAt)
        return;
    m_checkAt.reset();
    const QString reason = m_faults.has(Kind::ImageRefused) ? u"the image is not for this board"_s : boot.refusal(1);
    setStatus(reason.isEmpty() ? u"ready"_s : u"failed: "_s + reason);
    if (reason.isEmpty())
        ++uploads;
}

qint64 CoapBoard::capacity(const QString &path) const
{
    if (path == u"/fw/image" || path.startsWith(u"/suit/"))
        return m_options.slotSize;
    if (path.startsWith(u"/files/"))
        return largestFile;
    if (path.startsWith(u"/key/"))
        return largestKeyBody;
    return largestSetting;
}

CoapAnswer CoapBoard::handle(int method, const QString &path, int format, int accept, const QByteArray &body)
{
    const Formats formats = formatsOf(path);
    const bool carries = method == Put || method == Post || method == Fetch || method == IPatch;
    if (carries && !body.isEmpty() && format >= 0 && formats.takes >= 0 && format != formats.takes)
        return refuse(badFormat, "wrong content format");
    if (carries && !body.isEmpty() && formats.takes > 0 && format < 0)
        return refuse(badFormat, "content format is missing");
    const bool imagesAsJson = path == u"/fw/images" && accept == Json;
    if (accept >= 0 && formats.gives >= 0 && accept != formats.gives && !imagesAsJson)
        return refuse(notAcceptable);
    if (path == u"/.well-known/core")
        return method == Get ? give(Links, links()) : refuse(notAllowed);
    if (path.startsWith(u"/id/"))
        return id(method, path, body);
    if (path == u"/cfg")
        return pack(method, format, body);
    if (path.startsWith(u"/cfg/") || path == u"/net/channel")
        return setting(method, path, format, body);
    if (path.startsWith(u"/files/"))
        return file(method, path, body);
    if (path == u"/fw/images" && method == Get && imagesAsJson) {
        const QCborValue list = QCborValue::fromCbor(images());
        QJsonArray out;
        for (const QCborValue &value : list.toArray()) {
            QJsonObject object;
            const QCborMap map = value.toMap();
            for (auto it = map.begin(); it != map.end(); ++it)
                object.insert(it.key().toString(), it.value().isByteArray() ? QJsonValue(hex(it.value().toByteArray()))
                                                                            : it.value().toJsonValue());
            out << object;
        }
        return give(Json, QJsonDocument(out).toJson(QJsonDocument::Compact));
    }
    if (path.startsWith(u"/fw/") || path.startsWith(u"/suit/"))
        return firmware(method, path, body);
    if (path.startsWith(u"/dev/"))
        return device(method, path, body);
    if (path.startsWith(u"/key/"))
        return key(method, path, body);
    return refuse(notFound);
}

CoapAnswer CoapBoard::id(int method, const QString &path, const QByteArray &body)
{
    if (path == u"/id/board")
        return method == Get ? give(Text, m_options.board.toUtf8()) : refuse(notAllowed);
    if (path == u"/id/vendor" || path == u"/id/class") {
        const QUuid id = QUuid::fromRfc4122(path == u"/id/vendor" ? m_vendor : m_class);
        return method == Get ? give(Text, id.toByteArray(QUuid::WithoutBraces)) : refuse(notAllowed);
    }
    if (path == u"/id/hwid")
        return method == Get ? give(Text, hex(eui64, u'-').toUtf8()) : refuse(notAllowed);
    if (path != u"/id/serial")
        return refuse(notFound);
    if (method == Get)
        return serial.isEmpty() ? refuse(notFound, "no serial number yet") : give(Text, serial.toUtf8());
    if (method != Put)
        return refuse(notAllowed);
    if (m_faults.has(Kind::Refuse))
        return refuse(forbidden, "the factory area is locked");
    if (body.isEmpty() || body.size() > 64)
        return refuse(badRequest, "1 to 64 bytes");
    serial = QString::fromUtf8(body);
    return done();
}

CoapAnswer CoapBoard::setting(int method, const QString &path, int, const QByteArray &body)
{
    const bool channel = path == u"/net/channel";
    const QString name = channel ? u"channel"_s : path.mid(5);
    if (name.isEmpty())
        return refuse(notFound);
    if (method == Get) {
        if (!settings.contains(name))
            return refuse(notFound);
        if (channel)
            return give(Cbor, toDeterministicCbor(QCborValue(settings[name].toInt())));
        return give(Text, settings[name]);
    }
    if (method == Delete) {
        settings.remove(name);
        return done(deleted);
    }
    if (method != Put)
        return refuse(notAllowed);
    if (m_faults.has(Kind::Refuse))
        return refuse(forbidden, "settings are locked");
    QByteArray value = body;
    if (channel) {
        const CborDecoded number = decodeCbor(body);
        if (!number.ok() || number.used != body.size() || !number.value.isInteger())
            return refuse(badRequest, "one integer is expected");
        if (number.value.toInteger() < 11 || number.value.toInteger() > 26)
            return refuse(badRequest, "channels are 11 to 26");
        value = QByteArray::number(number.value.toInteger());
    }
    const bool fresh = !settings.contains(name);
    settings[name] = value;
    return done(fresh ? created : changed);
}

// The settings as one SenML pack: FETCH gives those that are named, iPATCH sets or (null) removes (RFC 8790).
CoapAnswer CoapBoard::pack(int method, int, const QByteArray &body)
{
    QStringList wanted = settings.keys();
    if (method != Get && method != Fetch && method != IPatch)
        return refuse(notAllowed);
    if (method == IPatch && m_faults.has(Kind::Refuse))
        return refuse(forbidden, "settings are locked");
    if (method != Get) {
        const CborDecoded decoded = decodeCbor(body);
        if (!decoded.ok() || decoded.used != body.size() || !decoded.value.isArray())
            return refuse(badRequest, "one SenML pack is expected");
        QMap<QString, QByteArray> after = settings;
        wanted.clear();
        for (const QCborValue &value : decoded.value.toArray()) {
            const QCborMap record = value.toMap();
            if (!record.value(senmlName).isString())
                return refuse(badRequest, "a record has no name");
            const QString name = record.value(senmlName).toString();
            wanted << name;
            if (method == Fetch)
                continue;
            if (!record.value(senmlString).isString())
                return refuse(badRequest, "only text values");
            after[name] = record.value(senmlString).toString().toUtf8();
        }
        if (method == IPatch) {
            settings = after;
            return done();
        }
    }
    QCborArray out;
    for (const QString &name : wanted) {
        if (settings.contains(name))
            out << QCborMap{{senmlName, name}, {senmlString, QString::fromUtf8(settings[name])}};
    }
    return give(SenmlCbor, toDeterministicCbor(out));
}

CoapAnswer CoapBoard::file(int method, const QString &path, const QByteArray &body)
{
    const QString name = path.mid(7);
    switch (method) {
    case Get:
        return files.contains(name) ? give(Octets, files[name]) : refuse(notFound);
    case Put: {
        if (m_faults.has(Kind::Refuse))
            return refuse(forbidden, "the file system is read-only");
        const bool fresh = !files.contains(name);
        files[name] = body;
        return done(fresh ? created : changed);
    }
    case Delete:
        files.remove(name);
        return done(deleted);
    default:
        return refuse(notAllowed);
    }
}

CoapAnswer CoapBoard::firmware(int method, const QString &path, const QByteArray &body)
{
    if (path == u"/fw/images")
        return method == Get ? give(Cbor, images()) : refuse(notAllowed);
    if (path == u"/fw/status")
        return method == Get ? give(Text, m_status.toUtf8()) : refuse(notAllowed);
    if (path == u"/suit/sequence")
        return method == Get ? give(Text, QByteArray::number(suitSequence())) : refuse(notAllowed);
    if (path == u"/fw/image" || path == u"/suit/envelope" || path.startsWith(u"/suit/payload/")) {
        if (method != Put)
            return refuse(notAllowed);
        if (m_faults.has(Kind::Refuse))
            return refuse(forbidden, "updates are switched off");
        if (path.startsWith(u"/suit/")) {
            files[path.mid(1)] = body;
            if (path == u"/suit/envelope") {
                setStatus(u"checking"_s);
                takeEnvelope(body);
            }
            return done();
        }
        if (boot.slot1InUse())
            return refuse(conflict, "the slot holds what the next restart needs");
        boot.slot[1] = body;
        setStatus(u"checking"_s);
        m_checkAt = std::chrono::steady_clock::now() + m_options.think;
        tick(std::chrono::steady_clock::now());
        return done();
    }
    if (path == u"/fw/activate") {
        if (method != Post)
            return refuse(notAllowed);
        const QList<QByteArray> words = body.split(' ');
        if (words.size() != 2 || (words[0] != "test" && words[0] != "permanent"))
            return refuse(badRequest, "test or permanent, and the hash");
        const BootImage image = BootImage::parse(boot.slot[1]);
        if (!image.ok() || words[1] != image.hash.toHex())
            return refuse(notFound, "no such image");
        boot.pending = words[0] == "test" ? Bootloader::Pending::Test : Bootloader::Pending::Permanent;
        return done();
    }
    if (path == u"/fw/confirm") {
        if (method != Post)
            return refuse(notAllowed);
        boot.confirm();
        return done();
    }
    if (path == u"/fw/slot1") {
        if (method != Delete)
            return refuse(notAllowed);
        if (boot.slot1InUse())
            return refuse(conflict, "the slot holds what the next restart needs");
        boot.slot[1].clear();
        setStatus(u"idle"_s);
        return done(deleted);
    }
    return refuse(notFound);
}

// Of the image that runs: one that is swapped back takes its number along.
quint64 CoapBoard::suitSequence() const
{
    return m_sequences.value(BootImage::parse(boot.slot[0]).hash, m_options.suitSequence);
}

void CoapBoard::takeEnvelope(const QByteArray &envelope)
{
    SuitDevice self;
    self.keys = m_options.suitKeys;
    self.vendor = m_vendor;
    self.deviceClass = m_class;
    self.sequence = suitSequence();
    self.capacity = m_options.slotSize;
    self.image = boot.slot[1];
    self.beside = [this](const QString &name) {
        const auto found = files.constFind(u"suit/payload/"_s + name);
        return found == files.constEnd() ? std::nullopt : std::optional(*found);
    };
    const SuitVerdict verdict = processSuit(envelope, self);
    if (!verdict.error.isEmpty())
        return setStatus(u"failed: "_s + verdict.error);
    if (boot.slot1InUse())
        return setStatus(u"failed: the slot holds what the next restart needs"_s);
    if (verdict.stores)
        boot.slot[1] = verdict.image;
    if (const QString reason = boot.refusal(1); !reason.isEmpty())
        return setStatus(u"failed: "_s + reason);
    m_sequences.insert(BootImage::parse(boot.slot[1]).hash, verdict.sequence);
    boot.pending = Bootloader::Pending::Test;
    ++uploads;
    setStatus(u"ready"_s);
}

CoapAnswer CoapBoard::device(int method, const QString &path, const QByteArray &body)
{
    if (path == u"/dev/reset") {
        if (method != Post)
            return refuse(notAllowed);
        wantsRestart = true;
        return done();
    }
    if (path == u"/dev/save") {
        if (method != Post)
            return refuse(notAllowed);
        saved = settings;
        return done();
    }
    if (path != u"/dev/time")
        return refuse(notFound);
    const QDateTime now = QDateTime::currentDateTimeUtc().addMSecs(m_clockOffset.count());
    if (method == Get)
        return {content, Text, now.toString(Qt::ISODateWithMs).toLatin1(), false, 0};
    if (method != Put)
        return refuse(notAllowed);
    const QDateTime wanted = QDateTime::fromString(QString::fromLatin1(body), Qt::ISODateWithMs);
    if (!wanted.isValid() || wanted.timeSpec() != Qt::UTC)
        return refuse(badRequest, "a time in UTC is expected, as in 2026-11-21T14:32:07.000Z");
    m_clockOffset = std::chrono::milliseconds(QDateTime::currentDateTimeUtc().msecsTo(wanted));
    m_changed << path;
    return done();
}

CoapAnswer CoapBoard::key(int method, const QString &path, const QByteArray &body)
{
    if (path == u"/key/status") {
        if (method != Get)
            return refuse(notAllowed);
        return give(Text, !chain.isEmpty() ? "present" : identity.hasKey() ? "key" : "none");
    }
    if (path == u"/key/chain") {
        if (method == Get)
            return chain.isEmpty() || m_faults.has(Kind::CertificateLost) ? refuse(notFound) : give(Multipart, chain);
        if (method != Put)
            return refuse(notAllowed);
        const CborDecoded parts = decodeCbor(body);
        if (!parts.ok() || parts.used != body.size() || !parts.value.isArray() || parts.value.toArray().size() % 2)
            return refuse(badRequest, "application/multipart-core is expected");
        chain = body;
        return done();
    }
    if (path == u"/key/private") {
        if (method != Put)
            return refuse(notAllowed);
        const QByteArray imported = DeviceIdentity::fromPkcs8(body);
        if (imported.isEmpty())
            return refuse(badRequest, "a P-256 key in PrivateKeyInfo is expected");
        identity.take(imported);
        return done();
    }
    if (method != Post)
        return path == u"/key/new" || path == u"/key/csr" || path == u"/key/sign" ? refuse(notAllowed)
                                                                                  : refuse(notFound);
    if (path == u"/key/new") {
        if (m_faults.has(Kind::RefuseKeygen))
            return refuse(code(5, 0), "no entropy");
        identity.generate();
        ++keysMade;
        return done();
    }
    if (path != u"/key/csr" && path != u"/key/sign")
        return refuse(notFound);
    if (!identity.hasKey())
        return refuse(conflict, "no key");
    if (path == u"/key/csr") {
        const QString name = m_faults.has(Kind::CsrSerial) ? u"T1-99999999"_s : QString::fromUtf8(body);
        QByteArray request = DeviceIdentity::request(identity.key(), name);
        if (m_faults.has(Kind::CsrSignature))
            request.back() = char(request.back() ^ 1);
        return give(Pkcs10, request);
    }
    ++signatures;
    const QByteArray by = m_faults.has(Kind::SignWrong) ? DeviceIdentity::newKey() : identity.key();
    return give(Octets, DeviceIdentity::sign(by, body));
}

QByteArray CoapBoard::links() const
{
    QByteArray out =
        "</id/board>;ct=0;rt=\"slipway.board\",</id/serial>;ct=0,</id/hwid>;ct=0,</cfg>;ct=112;if=\"senml\","
        "</net/channel>;ct=60,</files>;ct=42,</fw/image>;ct=42;sz=655360;title=\"Firmware, written in blocks\","
        "</fw/images>;ct=\"60 50\",</fw/status>;ct=0;obs,</fw/activate>;ct=0,</fw/confirm>,</suit/envelope>;ct=42,"
        "</suit/sequence>;ct=0,</id/vendor>;ct=0,</id/class>;ct=0,"
        "</dev/reset>,</dev/time>;ct=0;obs,</key/new>,</key/csr>;ct=286;rt=\"ace.est.sen\",</key/sign>;ct=42,"
        "</key/chain>;ct=62;rt=\"ace.est.crts\",</key/status>;ct=0";
    if (m_faults.has(Kind::BadLinks))
        out.replace(out.indexOf("</files>"), 1, "\"");
    if (m_faults.has(Kind::HugeLinks)) {
        for (int i = 0; i < 20'000; ++i)
            out += ",</junk/" + QByteArray::number(i) + ">;ct=0;rt=\"junk\"";
    }
    return out;
}

QByteArray CoapBoard::images() const
{
    QCborArray out;
    for (int i = 0; i < 2; ++i) {
        const BootImage image = BootImage::parse(boot.slot[i]);
        if (!image.ok())
            continue;
        QByteArray hash = image.hash;
        if (i == 1 && m_faults.has(Kind::WrongHash))
            hash[0] = char(hash[0] ^ 1);
        out << QCborMap{{u"slot"_s, i},
                        {u"version"_s, image.version.zephyrText()},
                        {u"hash"_s, hash},
                        {u"bootable"_s, image.bootable()},
                        {u"active"_s, i == 0},
                        {u"confirmed"_s, i == 0 && boot.confirmed},
                        {u"pending"_s, i == 1 && boot.pending != Bootloader::Pending::None},
                        {u"permanent"_s, i == 1 && boot.pending == Bootloader::Pending::Permanent}};
    }
    return toDeterministicCbor(out);
}

} // namespace slipway
