#include "drivers/smp/smpimages.h"

#include "core/base/text.h"

#include <QCborArray>

namespace slipway::smp {

using namespace Qt::StringLiterals;

namespace {

enum Command : quint8 { State = 0, Erase = 5, Slots = 6 };

constexpr SmpClient::Patience flashPatience{std::chrono::milliseconds(5000), 3}; // a slot's trailer is rewritten
constexpr SmpClient::Patience erasePatience{std::chrono::milliseconds(30000), 2};

QList<Firmware::ImageSlot> slotsIn(const SmpReply &reply)
{
    QList<Firmware::ImageSlot> out;
    for (const QCborValue &value : reply.body.value("images"_L1).toArray()) {
        const QCborMap map = value.toMap();
        Firmware::ImageSlot slot;
        slot.image = static_cast<int>(map.value("image"_L1).toInteger(0));
        slot.slot = static_cast<int>(map.value("slot"_L1).toInteger(0));
        slot.version = oneLine(map.value("version"_L1).toString(), 64);
        slot.hash = map.value("hash"_L1).toByteArray();
        slot.bootable = map.value("bootable"_L1).toBool(false); // absent flags are false
        slot.pending = map.value("pending"_L1).toBool(false);
        slot.confirmed = map.value("confirmed"_L1).toBool(false);
        slot.active = map.value("active"_L1).toBool(false);
        slot.permanent = map.value("permanent"_L1).toBool(false);
        out << slot;
    }
    return out;
}

} // namespace

QList<Firmware::ImageSlot> imageList(SmpClient &client, const Task &task)
{
    return slotsIn(client.demand(SmpRequest::read(Image, State), u"list its images"_s, task));
}

QList<Firmware::ImageSlot> setImageState(SmpClient &client, const QByteArray &hash, bool confirm, const Task &task)
{
    const SmpRequest request = hash.isEmpty()
                                   ? SmpRequest::write(Image, State, {{"confirm"_L1, confirm}})
                                   : SmpRequest::write(Image, State, {{"hash"_L1, hash}, {"confirm"_L1, confirm}});
    const QString what = hash.isEmpty() ? u"confirm the running image"_s
                         : confirm      ? u"make the new image permanent"_s
                                        : u"boot the new image"_s;
    return slotsIn(client.demand(request, what, task, flashPatience));
}

void eraseSlot(SmpClient &client, std::optional<int> slot, const Task &task)
{
    const SmpRequest request =
        slot ? SmpRequest::write(Image, Erase, {{"slot"_L1, *slot}}) : SmpRequest::write(Image, Erase);
    client.demand(request, u"erase the slot"_s, task, erasePatience);
}

std::optional<QList<SlotInfo>> slotInfo(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Image, Slots), task);
    if (!reply.ok())
        return std::nullopt;
    QList<SlotInfo> out;
    for (const QCborValue &value : reply.body.value("images"_L1).toArray()) {
        const QCborMap image = value.toMap();
        for (const QCborValue &entry : image.value("slots"_L1).toArray()) {
            const QCborMap map = entry.toMap();
            SlotInfo slot;
            slot.image = static_cast<int>(image.value("image"_L1).toInteger(0));
            slot.slot = static_cast<int>(map.value("slot"_L1).toInteger(0));
            slot.size = map.value("size"_L1).toInteger(0);
            if (const QCborValue upload = map.value("upload_image_id"_L1); upload.isInteger())
                slot.uploadImage = static_cast<int>(upload.toInteger());
            if (slot.size > 0)
                out << slot;
        }
    }
    return out;
}

} // namespace slipway::smp
