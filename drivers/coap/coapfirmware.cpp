#include "drivers/coap/coapfirmware.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "drivers/coap/coaptransfer.h"

#include <QCborArray>
#include <QCborMap>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostImages = 64, longestHash = 64;

// A member as it is called, or by its number where the data gives one ("3").
QCborValue member(const QCborMap &map, const QString &name)
{
    bool number = false;
    const qint64 label = name.toLongLong(&number);
    if (number && map.contains(label))
        return map.value(label);
    return map.value(name);
}

bool isEnvelope(const QByteArray &image)
{
    return image.startsWith("\xd8\x6b"); // SUIT_Envelope_Tagged: tag 107
}

} // namespace

QList<Firmware::ImageSlot> CoapFirmware::parseImages(const QByteArray &body, const CoapImageNames &form)
{
    const auto bad = [&](const QString &why) { return Fault("coap.bad-value", {form.path, why}); };
    QCborValue root;
    if (form.json) {
        QJsonParseError error{};
        const QJsonDocument document = QJsonDocument::fromJson(body, &error);
        if (error.error != QJsonParseError::NoError)
            throw bad(error.errorString());
        root = document.isArray() ? QCborValue(QCborArray::fromJsonArray(document.array()))
                                  : QCborValue(QCborMap::fromJsonObject(document.object()));
    } else {
        const CborDecoded decoded = decodeCbor(body);
        if (!decoded.ok() || decoded.used != body.size())
            throw bad(decoded.ok() ? u"something follows behind it"_s : decoded.error);
        root = decoded.value;
    }
    if (!form.list.isEmpty())
        root = member(root.toMap(), form.list);
    if (!root.isArray())
        throw bad(u"there is no list of images"_s);
    if (root.toArray().size() > mostImages)
        throw bad(u"it lists %1 images"_s.arg(root.toArray().size()));
    QList<ImageSlot> out;
    for (const QCborValue &value : root.toArray()) {
        const QCborMap map = value.toMap();
        const auto get = [&](QLatin1String name) { return member(map, form.member(name)); };
        ImageSlot slot;
        slot.image = int(get("image"_L1).toInteger());
        slot.slot = int(get("slot"_L1).toInteger());
        slot.version = oneLine(get("version"_L1).toString(), 64);
        const QCborValue hash = get("hash"_L1);
        if (hash.isByteArray()) {
            slot.hash = hash.toByteArray();
        } else if (hash.isString()) {
            const auto bytes = fromHex(hash.toString());
            if (!bytes)
                throw bad(u"a hash is not written in hex"_s);
            slot.hash = *bytes;
        }
        if (slot.hash.size() > longestHash)
            throw bad(u"a hash has %1 bytes"_s.arg(slot.hash.size()));
        slot.bootable = get("bootable"_L1).toBool(true);
        slot.pending = get("pending"_L1).toBool();
        slot.active = get("active"_L1).toBool();
        slot.confirmed = get("confirmed"_L1).toBool(slot.active);
        slot.permanent = get("permanent"_L1).toBool();
        out << slot;
    }
    return out;
}

QList<Firmware::ImageSlot> CoapFirmware::imageSlots(const Task &task)
{
    if (m_board.images.path.isEmpty())
        throw Fault("device.lacks", {u"list its firmware images"_s});
    CoapRequest request;
    request.path = m_board.images.path;
    const int format = m_board.images.json ? coap::Json : coap::Cbor;
    request.accept = format;
    CoapTransfer how;
    how.what = u"list its firmware images"_s;
    const CoapReply reply = demand(m_client, request, how, task.at(nullptr));
    requireFormat(reply, format, request.path);
    return parseImages(reply.payload, m_board.images);
}

std::optional<qint64> CoapFirmware::capacity(int, const Task &)
{
    return m_board.slotBytes > 0 ? std::optional(m_board.slotBytes) : std::nullopt;
}

Firmware::WriteResult CoapFirmware::write(const QByteArray &image, const WriteOptions &options, const Task &task)
{
    if (options.stage)
        options.stage(WriteStage::Checking);
    if (image.isEmpty())
        throw Fault("coap.empty-image");
    const bool envelope = isEnvelope(image);
    const QString path = envelope ? m_board.envelope : m_board.image;
    if (path.isEmpty())
        throw Fault("device.lacks", {envelope ? u"take a SUIT envelope"_s : u"take a bare firmware image"_s});
    if (m_board.slotBytes > 0 && image.size() > m_board.slotBytes)
        throw Fault("coap.too-large", {u"%1 bytes"_s.arg(image.size()), u"%1 bytes"_s.arg(m_board.slotBytes)});
    CoapRequest request;
    request.method = coap::Put;
    request.path = path;
    request.format = coap::OctetStream;
    request.payload = image;
    CoapTransfer how;
    how.tellSize = m_board.tellSize;
    how.tag = m_board.tag;
    how.what = envelope ? u"take the SUIT envelope"_s : u"take the firmware"_s;
    const auto begin = std::chrono::steady_clock::now();
    if (task.progress)
        task.progress->setTotal(image.size());
    if (options.stage)
        options.stage(WriteStage::Writing);
    demand(m_client, request, how, task);
    WriteResult result;
    result.bytes = image.size();
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    // One block a round trip is all that the protocol allows.
    const auto trip = std::chrono::duration<double>(m_client.bestRoundTrip()).count();
    result.lineLimit = trip > 0 ? double(m_client.options().block) / trip : 0;
    if (task.progress)
        task.progress->setLineLimit(result.lineLimit);
    if (options.stage)
        options.stage(WriteStage::Verifying);
    if (!m_board.status.isEmpty())
        awaitVerdict(task);
    return result;
}

void CoapFirmware::awaitVerdict(const Task &task)
{
    CoapRequest request;
    request.path = m_board.status;
    const auto holds = [&](const CoapReply &reply) {
        if (!reply.ok())
            throwRefusal(reply, u"tell the state of its firmware update"_s);
        const QString state = oneLine(QString::fromUtf8(reply.payload.left(400)).trimmed(), 120);
        if (const auto failed = m_board.failed.match(state); failed.hasMatch())
            throw Fault("coap.update-failed", {failed.captured(std::min(1, m_board.failed.captureCount()))});
        if (task.progress)
            task.progress->setNote(state);
        return m_board.ready.match(state).hasMatch();
    };
    waitFor(m_client, request, holds, u"The device's check of the firmware"_s,
            task.within(std::chrono::seconds(m_board.updateSeconds)));
    if (task.progress)
        task.progress->setNote({});
}

void CoapFirmware::activate(const QByteArray &hash, bool permanent, const Task &task)
{
    if (m_board.activate.isEmpty())
        throw Fault("device.lacks", {u"choose the firmware that it starts"_s});
    CoapRequest request;
    request.method = coap::Post;
    request.path = m_board.activate;
    QString words = permanent ? m_board.activatePermanent : m_board.activateTest;
    words.replace("${hash}"_L1, hex(hash));
    if (!words.isEmpty()) {
        request.format = coap::Text;
        request.payload = words.toUtf8();
    }
    CoapTransfer how;
    how.what = u"start the new firmware at its next restart"_s;
    demand(m_client, request, how, task.at(nullptr));
}

void CoapFirmware::confirm(const Task &task)
{
    if (m_board.confirm.isEmpty())
        throw Fault("device.lacks", {u"make its firmware permanent"_s});
    CoapRequest request;
    request.method = coap::Post;
    request.path = m_board.confirm;
    CoapTransfer how;
    how.what = u"make its firmware permanent"_s;
    demand(m_client, request, how, task.at(nullptr));
}

void CoapFirmware::erase(int, int slot, const Task &task)
{
    if (m_board.eraseSlot.isEmpty())
        throw Fault("device.lacks", {u"erase a firmware slot"_s});
    CoapRequest request;
    request.method = coap::Delete;
    request.path = QString(m_board.eraseSlot).replace("${slot}"_L1, QString::number(slot));
    CoapTransfer how;
    how.what = u"erase firmware slot %1"_s.arg(slot);
    demand(m_client, request, how, task.at(nullptr));
}

} // namespace slipway
