#include "drivers/dfu/dfuinterface.h"

#include "core/base/fault.h"

#include <QtEndian>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr quint8 applicationSpecific = 0xfe, firmwareUpgrade = 0x01, runtimeProtocol = 1, dfuProtocol = 2;
constexpr quint8 functionalType = 0x21;

bool isDfu(const UsbSetting &setting)
{
    return setting.kind == applicationSpecific && setting.subKind == firmwareUpgrade &&
           (setting.protocol == runtimeProtocol || setting.protocol == dfuProtocol);
}

// Among the descriptors that follow an interface; empty: none.
QByteArrayView functionalIn(QByteArrayView extra)
{
    while (extra.size() >= 2) {
        const qsizetype length = static_cast<quint8>(extra[0]);
        if (length < 2 || length > extra.size())
            return {};
        if (static_cast<quint8>(extra[1]) == functionalType)
            return extra.first(length);
        extra = extra.sliced(length);
    }
    return {};
}

} // namespace

bool DfuInterface::isDfuse() const
{
    return version == 0x011a && std::any_of(alternates.begin(), alternates.end(),
                                            [](const Alternate &alternate) { return alternate.name.startsWith(u'@'); });
}

bool DfuInterface::isIn(const UsbDevice &device)
{
    return std::any_of(device.settings.begin(), device.settings.end(), isDfu);
}

bool DfuInterface::isInDfuMode(const UsbDevice &device)
{
    return std::any_of(device.settings.begin(), device.settings.end(),
                       [](const UsbSetting &setting) { return isDfu(setting) && setting.protocol == dfuProtocol; });
}

DfuInterface DfuInterface::of(const UsbDevice &device)
{
    const auto wrong = [](const QString &what) { throw Fault("dfu.descriptor", {what}); };
    const quint8 mode = isInDfuMode(device) ? dfuProtocol : runtimeProtocol;
    DfuInterface out;
    out.runtime = mode == runtimeProtocol;
    std::optional<int> number;
    QByteArrayView functional;
    for (const UsbSetting &setting : device.settings) {
        if (!isDfu(setting) || setting.protocol != mode || (number && *number != setting.interface))
            continue;
        number = setting.interface;
        out.alternates.append({setting.alternate, setting.name});
        // It stands behind the last alternate setting, or behind each.
        if (functional.isEmpty())
            functional = functionalIn(setting.extra);
    }
    if (!number)
        wrong(u"it has no DFU interface"_s);
    out.number = *number;
    if (functional.isEmpty())
        wrong(u"it has no DFU functional descriptor"_s);
    if (functional.size() < 7)
        wrong(u"its DFU functional descriptor has %1 bytes"_s.arg(functional.size()));
    const auto attributes = static_cast<quint8>(functional[2]);
    out.canDownload = attributes & 1;
    out.canUpload = attributes & 2;
    out.manifestationTolerant = attributes & 4;
    out.willDetach = attributes & 8;
    out.detachTimeout = std::chrono::milliseconds(qFromLittleEndian<quint16>(functional.data() + 3));
    out.transferSize = qFromLittleEndian<quint16>(functional.data() + 5);
    if (functional.size() >= 9) // DFU 1.0 ends before the version
        out.version = qFromLittleEndian<quint16>(functional.data() + 7);
    return out;
}

} // namespace slipway
