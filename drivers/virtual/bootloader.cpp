#include "drivers/virtual/bootloader.h"

namespace slipway {

QString Bootloader::refusal(int index) const
{
    const BootImage image = BootImage::parse(slot[index]);
    const bool factory = image.ok() && !factoryHash.isEmpty() && image.hash == factoryHash;
    const QString reason = BootImage::verify(slot[index], factory ? QList<QByteArray>() : keys);
    if (!reason.isEmpty())
        return reason;
    if (downgradePrevention && !factory && image.securityCounter.value_or(0) < securityCounter)
        return QStringLiteral("its security counter %1 is below %2")
            .arg(image.securityCounter.value_or(0))
            .arg(securityCounter);
    return {};
}

QString Bootloader::boot()
{
    if (pending != Pending::None) {
        const bool permanent = pending == Pending::Permanent;
        pending = Pending::None;
        const QString reason = refusal(1);
        if (!reason.isEmpty()) {
            slot[1].clear();
            return QStringLiteral("erased slot 1: ") + reason;
        }
        std::swap(slot[0], slot[1]);
        confirmed = false;
        if (permanent)
            confirm();
        return QStringLiteral("swapped");
    }
    if (!confirmed) {
        confirmed = true;
        if (!refusal(1).isEmpty())
            return QStringLiteral("kept slot 0: nothing to revert to");
        std::swap(slot[0], slot[1]);
        return QStringLiteral("reverted");
    }
    return QStringLiteral("started slot 0");
}

void Bootloader::confirm()
{
    confirmed = true;
    const BootImage image = BootImage::parse(slot[0]);
    if (image.ok())
        securityCounter = std::max(securityCounter, image.securityCounter.value_or(0));
}

} // namespace slipway
