#pragma once
// A station's home folder: station.yaml, journal.db, keys/ (0600), recipes/, vault/, profiles/, labels/. The folder and
// keys/ belong to their owner alone (0700). Safe to back up by copying while the station runs when the journal is
// copied with `slipway journal export --backup`.
// Throws home.*, file.*, and what the identity room throws about keys (issuer.*).

#include "core/identity/issuersettings.h"
#include "core/identity/keylot.h"
#include "core/identity/profile.h"
#include "core/journal/journal.h"
#include "core/station/transfergate.h"

#include <QList>
#include <QString>

#include <memory>

namespace slipway {

class SigningKey;

struct HomeSlot {
    int number = 0; // from 1, bench order
    QString name, port, driver;
};

class Home
{
public:
    // The platform's data folder for slipway.
    static QString defaultPath();
    // Makes a new home: folders, station key with its CA, issuing CA, training CA, sample recipe and profile from
    // samplesFolder (a resource folder of the application). Throws home.exists when there is one already. All or
    // nothing: a half-made home is never left under the final name.
    static Home create(const QString &path, const QString &stationName, const QString &samplesFolder,
                       const QByteArray &passphrase);
    // Throws home.missing ("run slipway init") or home.damaged: also where its journal is gone, for a new one would
    // give out numbers a second time.
    static Home open(const QString &path, const QByteArray &passphrase = {});
    static bool exists(const QString &path);

    QString path() const { return m_path; }
    QString stationName() const { return m_name; }
    QList<HomeSlot> places() const { return m_slots; }
    // Writes other places into station.yaml, and that into the journal. Throws home.config, file.unwritable, journal.*.
    void setPlaces(const QList<HomeSlot> &places);
    int attempts() const { return m_attempts; } // a unit may FAIL so often before it goes to repair
    TransferLimits limits() const { return m_limits; }
    // Where firmware is looked for besides the vault; a folder that is not absolute lies in the home.
    QStringList firmwareFolders() const;
    QStringList firmwareUrls() const { return m_firmwareUrls; }
    QString mudInterface() const { return m_mudInterface; } // empty: recipes say it
    QString file(const QString &relative) const { return m_path + u'/' + relative; }
    // "t1" -> recipes/t1.yaml; a path stays one. Throws home.no-recipe with the nearest name.
    QString recipePath(const QString &nameOrPath) const;
    QStringList recipeNames() const;

    std::unique_ptr<Journal> openJournal() const;
    std::shared_ptr<JournalSigner> signer() const;
    std::unique_ptr<SigningKey> openStationKey() const; // also for passports and recipes
    // In training always the file CA of training; in production what station.yaml has chosen.
    std::unique_ptr<Issuer> openIssuer(Mode mode) const;
    std::unique_ptr<Issuer> openIssuer(const IssuerSettings &settings) const; // paths in it are relative to the home
    const IssuerSettings &issuerSettings() const { return m_issuer; }
    // Its certificates as they lie in the home, without its key; empty where they cannot be read.
    QList<QByteArray> issuerChain(Mode mode) const;
    // Who is asked for a PIN, a shared secret, or the passphrase of encrypted keys when it is needed and was not given.
    void setAskSecret(AskSecret ask) { m_ask = std::move(ask); }
    const AskSecret &askSecret() const { return m_ask; }
    // The sealed keys of a lot that the station made; opened with the passphrase of this station's keys. Throws
    // identity.lot-passphrase, identity.lot-missing, issuer.passphrase.
    QString lotFolder(Mode mode, const QString &lot) const;
    KeyLot openKeyLot(Mode mode, const QString &lot) const;
    QString stationKeyId() const; // SHA-256 of the station's public key, hex: for whom a quota is
    ProfileStore profiles() const;
    bool keysEncrypted() const;
    QByteArray passphrase() const; // asked for where the keys are encrypted and none was given

private:
    static void fill(const QString &folder, const QString &name, const QString &samplesFolder,
                     const QByteArray &passphrase);
    void readConfig();
    std::unique_ptr<Issuer> openFileIssuer(Mode mode) const;

    QString m_path;
    QString m_name;
    QList<HomeSlot> m_slots;
    int m_attempts = 2;
    TransferLimits m_limits;
    QStringList m_firmwareFolders, m_firmwareUrls;
    QString m_mudInterface;
    IssuerSettings m_issuer;
    AskSecret m_ask;
    mutable QByteArray m_passphrase;
};

} // namespace slipway
