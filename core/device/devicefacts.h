#pragma once
// What a device says of itself and what the station knows of its port.

#include <QByteArray>
#include <QJsonObject>
#include <QMap>
#include <QString>

#include <optional>

namespace slipway {

struct DeviceFacts {
    QString driver;
    QString port;            // as opened
    QString line;            // "921 600 baud", "UDP"
    QString board;           // "t1-rev-b"
    QString serial;          // the device's own serial number, empty: none yet
    QString hardwareId;      // EUI-64 or unique id, lower-case hex with dashes
    QString bootLoader;      // "MCUboot", with version or mode where told
    QString firmwareVersion; // of the running image
    QByteArray firmwareHash; // of the running image
    std::optional<bool> identityPresent;
    std::optional<bool> locked;
    QMap<QString, QString> more; // anything else, by name: "buffers": "4 x 2048"

    // {"driver","port","line","board","serial","hardware-id","boot-loader","firmware","firmware-hash","identity",
    // "locked", ...more}; empty ones left out.
    QJsonObject toJson() const;
};

} // namespace slipway
