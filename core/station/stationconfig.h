#pragma once
// station.yaml: the name of a station and its places. Every key is known by name; a wrong one is pointed at with line
// and column. Throws home.config.

#include "core/identity/issuersettings.h"
#include "core/station/transfergate.h"

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>

namespace slipway {

struct HomeSlot;

struct StationConfig {
    QString name;
    QList<HomeSlot> places;
    int attempts = 2;
    TransferLimits limits;                     // none unless the file says so
    IssuerSettings issuer;                     // paths as they stand in the file
    QStringList firmwareFolders, firmwareUrls; // where "slipway firmware find" looks
    QString mudInterface;                      // that mud-conform listens on, with {slot}; "": recipes say it
};

// file is for the sentence only.
StationConfig parseStationConfig(const QByteArray &yaml, const QString &file);
// A new one, with comments that say what may be changed.
QByteArray newStationConfig(const QString &name);

// The same file with other places; everything else in it, comments too, stays as it is. Throws home.config.
QByteArray withPlaces(const QByteArray &yaml, const QList<HomeSlot> &places, const QString &file);

inline constexpr int maximumPlaces = 64;
inline constexpr int maximumFirmwareSources = 32; // folders, and as many addresses

} // namespace slipway
