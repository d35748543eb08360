#include "drivers/linux/raucstatus.h"

#include "core/base/text.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longest = 256 * 1024;
constexpr qsizetype mostSlots = 64;

QString word(const QJsonValue &value)
{
    return oneLine(value.toString(), 128);
}

} // namespace

std::optional<RaucStatus> RaucStatus::parse(QByteArrayView output)
{
    const qsizetype begin = output.indexOf('{'), end = output.lastIndexOf('}');
    if (begin < 0 || end < begin || end - begin > longest)
        return std::nullopt;
    const QJsonObject root = QJsonDocument::fromJson(output.sliced(begin, end + 1 - begin).toByteArray()).object();
    if (!root.value("slots"_L1).isArray())
        return std::nullopt;
    RaucStatus out;
    out.compatible = word(root.value("compatible"_L1));
    out.booted = word(root.value("booted"_L1));
    out.primary = word(root.value("boot_primary"_L1));
    const QJsonArray list = root.value("slots"_L1).toArray();
    for (const QJsonValue &entry : list) {
        const QJsonObject named = entry.toObject();
        if (named.size() != 1 || out.bootSlots.size() >= mostSlots)
            continue;
        const QJsonObject object = named.begin().value().toObject();
        const QJsonObject status = object.value("slot_status"_L1).toObject();
        RaucSlot slot;
        slot.name = oneLine(named.begin().key(), 128);
        slot.slotClass = word(object.value("class"_L1));
        slot.bootName = word(object.value("bootname"_L1));
        slot.state = word(object.value("state"_L1));
        slot.bootStatus = word(object.value("boot_status"_L1));
        slot.version = word(status.value("bundle"_L1).toObject().value("version"_L1));
        const auto sum = fromHex(status.value("checksum"_L1).toObject().value("sha256"_L1).toString());
        if (sum && sum->size() == 32)
            slot.sha256 = *sum;
        out.bootSlots << slot;
    }
    std::sort(out.bootSlots.begin(), out.bootSlots.end(),
              [](const RaucSlot &a, const RaucSlot &b) { return a.name < b.name; });
    return out;
}

} // namespace slipway
