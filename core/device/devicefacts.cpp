#include "core/device/devicefacts.h"

namespace slipway {

QJsonObject DeviceFacts::toJson() const
{
    QJsonObject object;
    const auto put = [&object](const char *name, const QString &value) {
        if (!value.isEmpty())
            object.insert(QLatin1String(name), value);
    };
    put("driver", driver);
    put("port", port);
    put("line", line);
    put("board", board);
    put("serial", serial);
    put("hardware-id", hardwareId);
    put("boot-loader", bootLoader);
    put("firmware", firmwareVersion);
    put("firmware-hash", QString::fromLatin1(firmwareHash.toHex()));
    if (identityPresent)
        object.insert(QLatin1String("identity"), *identityPresent);
    if (locked)
        object.insert(QLatin1String("locked"), *locked);
    for (auto it = more.begin(); it != more.end(); ++it) {
        if (!object.contains(it.key()))
            object.insert(it.key(), it.value());
    }
    return object;
}

} // namespace slipway
