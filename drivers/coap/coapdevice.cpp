#include "drivers/coap/coapdevice.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "drivers/coap/coaptransfer.h"

#include <QTimeZone>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longestFile = 4 * 1024 * 1024, longestSetting = 64 * 1024, longestFact = 4096;
constexpr std::chrono::milliseconds probe{150}, probePause{20};

QString shown(Blobs::Kind kind, const QString &name)
{
    return (kind == Blobs::Kind::File ? u"file "_s : u"setting "_s) + oneLine(name, 60);
}

bool isPath(const QString &name)
{
    return name.startsWith(u'/');
}

} // namespace

CoapDevice::CoapDevice(std::unique_ptr<CoapClient> client, CoapBoardQuirks board, LinkFormat links)
    : m_client(std::move(client)), m_board(std::move(board)), m_links(std::move(links))
{
    if (m_board.hasFirmware())
        m_firmware.emplace(*m_client, m_board);
    if (m_board.hasKeys())
        m_keys.emplace(*m_client, m_board);
}

// Of a short resource, or nothing where there is none.
std::optional<QString> CoapDevice::text(const QString &path, const Task &task)
{
    CoapRequest request;
    request.path = path;
    CoapTransfer how;
    how.limit = longestFact;
    const CoapReply reply = carry(*m_client, request, how, task.at(nullptr));
    if (!reply.ok())
        return std::nullopt;
    requireFormat(reply, coap::Text, path);
    return oneLine(QString::fromUtf8(reply.payload).trimmed(), 128);
}

DeviceFacts CoapDevice::facts(const Task &task)
{
    DeviceFacts facts;
    facts.driver = u"coap"_s;
    facts.port = m_client->options().address.toString();
    facts.line = m_client->line();
    facts.board = m_board.name;
    for (auto it = m_board.facts.cbegin(); it != m_board.facts.cend(); ++it) {
        auto value = text(it->path, task);
        if (!value)
            continue;
        if (it->form == CoapFact::Form::Eui64) {
            const auto bytes = fromHex(QString(*value).remove(u'-').remove(u':').remove(u' '));
            value = bytes && bytes->size() == 8 ? hex(*bytes, u'-') : QString();
        }
        if (it.key() == "board"_L1)
            facts.board = *value;
        else if (it.key() == "serial"_L1)
            facts.serial = *value;
        else if (it.key() == "hardware-id"_L1)
            facts.hardwareId = *value;
        else if (it.key() == "boot-loader"_L1)
            facts.bootLoader = *value;
        else
            facts.more.insert(it.key(), *value);
    }
    const QString certified = m_client->peerSerial();
    if (!certified.isEmpty()) {
        if (facts.serial.isEmpty())
            facts.serial = certified;
        else if (facts.serial != certified)
            throw Fault("coap.other-serial", {facts.serial, certified});
        facts.more.insert(u"certificate-serial"_s, certified);
    }
    if (m_firmware && !m_board.images.path.isEmpty()) {
        for (const Firmware::ImageSlot &slot : m_firmware->imageSlots(task)) {
            if (!slot.active)
                continue;
            facts.firmwareVersion = slot.version;
            facts.firmwareHash = slot.hash;
            break;
        }
    }
    if (!m_board.identityStatus.isEmpty()) {
        if (const auto status = text(m_board.identityStatus, task))
            facts.identityPresent = m_board.identityPresent.match(*status).hasMatch();
    }
    if (!m_links.links.isEmpty())
        facts.more.insert(u"resources"_s, QString::number(m_links.links.size()));
    return facts;
}

CoapRule CoapDevice::rule(Kind kind, const QString &name) const
{
    for (const CoapRule &known : kind == Kind::File ? m_board.files : m_board.settings) {
        if (const auto applied = known.applied(name))
            return *applied;
    }
    if (!isPath(name))
        throw Fault("device.lacks", {u"find the "_s + shown(kind, name)});
    CoapRule direct;
    direct.path = name;
    direct.value.format = kind == Kind::File ? ResourceValue::Format::Octets : ResourceValue::Format::Text;
    return direct;
}

QByteArray CoapDevice::read(Kind kind, const QString &name, const Task &task)
{
    const CoapRule where = rule(kind, name);
    CoapRequest request;
    request.path = where.path;
    const bool octets = where.value.format == ResourceValue::Format::Octets;
    if (where.read == CoapRule::Read::Fetch) {
        request.method = coap::Fetch;
        request.format = where.value.etchFormat();
        request.payload = where.value.query();
    }
    if (!octets && where.value.format != ResourceValue::Format::Text)
        request.accept = where.value.contentFormat();
    CoapTransfer how;
    how.limit = kind == Kind::File ? longestFile : longestSetting;
    how.what = u"read the "_s + shown(kind, name);
    const CoapReply reply = demand(*m_client, request, how, kind == Kind::File ? task : task.at(nullptr));
    if (!octets)
        requireFormat(reply, where.value.contentFormat(), where.path);
    return where.value.decode(reply.payload, name);
}

void CoapDevice::write(Kind kind, const QString &name, const QByteArray &content, const Task &task)
{
    const CoapRule where = rule(kind, name);
    CoapRequest request;
    request.path = where.path;
    request.method = where.write == CoapRule::Write::Put    ? coap::Put
                     : where.write == CoapRule::Write::Post ? coap::Post
                                                            : coap::IPatch;
    request.format = where.write == CoapRule::Write::IPatch ? where.value.etchFormat() : where.value.contentFormat();
    request.payload = where.value.encode(content, name);
    CoapTransfer how;
    how.what = u"write the "_s + shown(kind, name);
    demand(*m_client, request, how, kind == Kind::File ? task : task.at(nullptr));
}

void CoapDevice::remove(Kind kind, const QString &name, const Task &task)
{
    const CoapRule where = rule(kind, name);
    if (where.write == CoapRule::Write::IPatch) // the resource holds others as well
        throw Fault("device.lacks", {u"delete the "_s + shown(kind, name)});
    CoapRequest request;
    request.method = coap::Delete;
    request.path = where.path;
    CoapTransfer how;
    how.what = u"delete the "_s + shown(kind, name);
    demand(*m_client, request, how, task.at(nullptr));
}

std::optional<QByteArray> CoapDevice::sha256(const QString &, const Task &)
{
    return std::nullopt; // an ETag is the device's own affair
}

void CoapDevice::commitSettings(const Task &task)
{
    if (m_board.commit.isEmpty())
        return;
    CoapRequest request;
    request.method = coap::Post;
    request.path = m_board.commit;
    CoapTransfer how;
    how.what = u"save its settings"_s;
    demand(*m_client, request, how, task.at(nullptr));
}

// It counts as restarted when it was silent once and answers again.
void CoapDevice::reset(const Task &task)
{
    CoapRequest request;
    request.method = coap::Post;
    request.path = m_board.reset;
    if (task.progress)
        task.progress->setNote(u"waiting for the device to restart"_s);
    const CoapReply reply = m_client->exchange(request, task);
    if (!reply.ok())
        throwRefusal(reply, u"restart"_s);

    const auto patience = std::chrono::seconds(m_board.restartSeconds);
    const Task wait = task.within(patience);
    CoapRequest ping;
    ping.path = u"/.well-known/core"_s;
    ping.block2 = CoapBlock{0, false, 0};
    bool wasSilent = false;
    while (!wait.deadline.expired()) {
        try {
            if (wasSilent)
                m_client->connect(wait.within(std::chrono::seconds(3)));
            m_client->probe(ping, wait, wasSilent ? 5 * probe : probe);
            if (wasSilent) {
                if (task.progress)
                    task.progress->setNote({});
                return;
            }
            m_client->idle(wait.deadline.sooner(probePause), wait.stop);
        } catch (const Fault &fault) {
            if (fault.blame() != Blame::Unit)
                throw;
            wasSilent = true;
            m_client->disconnect();
            m_client->idle(wait.deadline.sooner(probePause), wait.stop);
        }
    }
    task.check(u"The restart"_s);
    throw Fault("coap.no-restart", {humanSpan(double(patience.count()))});
}

void CoapDevice::setTime(const QDateTime &utc, const Task &task)
{
    CoapRequest request;
    request.method = coap::Put;
    request.path = m_board.clock;
    request.format = coap::Text;
    request.payload = m_board.clockUnix ? QByteArray::number(utc.toSecsSinceEpoch())
                                        : utc.toUTC().toString(Qt::ISODateWithMs).toLatin1();
    CoapTransfer how;
    how.what = u"set its clock"_s;
    demand(*m_client, request, how, task.at(nullptr));
}

QDateTime CoapDevice::time(const Task &task)
{
    CoapRequest request;
    request.path = m_board.clock;
    CoapTransfer how;
    how.limit = longestFact;
    how.what = u"tell its time"_s;
    const CoapReply reply = demand(*m_client, request, how, task.at(nullptr));
    requireFormat(reply, coap::Text, m_board.clock);
    const QString words = QString::fromLatin1(reply.payload).trimmed();
    QDateTime out;
    if (m_board.clockUnix) {
        bool ok = false;
        const qint64 seconds = words.toLongLong(&ok);
        if (ok)
            out = QDateTime::fromSecsSinceEpoch(seconds, Qt::UTC);
    } else {
        out = QDateTime::fromString(words, Qt::ISODateWithMs);
    }
    if (!out.isValid())
        throw Fault("coap.bad-value", {m_board.clock, u"\"%1\" is no time"_s.arg(oneLine(words, 40))});
    return out.toUTC();
}

} // namespace slipway
