#pragma once
// Where the desktop gets its station from: a home folder, the demonstration, or a rehearsal in tests. All calls throw
// Fault; make() and open() may take seconds and are called from a thread of their own.

#include "core/identity/secret.h"
#include "core/station/station.h"

#include <QList>
#include <QString>

#include <memory>

namespace slipway {

struct RecipeChoice {
    QString id;   // what load() takes
    QString name; // "Thermostat T1, final assembly"
    QString note; // "version 12, signed", or the first error
    bool usable = true;
};

class StationSource
{
public:
    virtual ~StationSource() = default;

    virtual QString where() const = 0; // the home's folder, for people
    virtual bool exists() const = 0;
    virtual void make(const QString &stationName) = 0;
    // passphrase: of the home's keys, empty at first. Throws issuer.passphrase when it is
    // missing or wrong.
    virtual std::unique_ptr<Station> open(const QByteArray &passphrase) = 0;
    virtual QList<RecipeChoice> recipes() = 0;
    virtual Recipe load(const QString &id) = 0;
    // The recipe to load without asking, "" when a person must choose.
    virtual QString preferred() = 0;
    virtual void prefer(const QString &id) = 0;
    virtual QString slipFolder() const = 0;
    // Who is asked for a PIN or a passphrase; before open(), and for as long as the station is open.
    virtual void setAskSecret(AskSecret) {}

    // For stations whose units come by themselves: the line is on the screen; a unit is wanted in that place (true: it
    // was brought and started); the station is about to go. All on the GUI thread.
    virtual void begun(Station &) {}
    virtual bool bringUnit(Station &, int) { return false; }
    virtual void closing() {}
};

} // namespace slipway
