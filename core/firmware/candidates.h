#pragma once
// Which of several firmware files is the one for a device, and why each of the others is not. Judges bytes and names
// only; where they come from (a folder, a stick, a server, the vault) is the caller's. Throws firmware.signer for a
// signer's key that is none.
//
// The product of a file, by what is said best: the journal's record of exactly these bytes, the project that an ESP
// image names, the model that an authentic SUIT manifest names, the beginning of its file name.

#include "core/firmware/firmwarefile.h"

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace slipway {

// What is wanted; what is left empty is not asked for.
struct FirmwareWish {
    QString product, board, chip;
    QString running;     // version that the device runs
    QByteArray signer;   // public key, PEM
    QStringList formats; // "mcuboot", ...
    bool allowOlder = false;
    std::optional<quint64> sequence; // of the SUIT manifest it has
    std::optional<QUuid> vendor, deviceClass;
};

struct FirmwareCandidate {
    QString name;   // of the file
    QString source; // where it was found, for people
    QByteArray sha256;
    qint64 size = 0;
    QString format, version, product, chip;
    bool versionByName = false;
    bool signatureHolds = false; // a signer was given and it does
    bool chosen = false;
    QString why; // one sentence
    QJsonObject toJson() const;
};

// What the station's record says of exactly these bytes.
struct FirmwareRecord {
    QString product, version;
};

class FirmwareSearch
{
public:
    explicit FirmwareSearch(FirmwareWish wish);

    void add(const QString &name, const QString &source, const QByteArray &bytes,
             const std::optional<FirmwareRecord> &record = {});
    // A file that could not even be read: rejected for that reason.
    void reject(const QString &name, const QString &source, const QString &why);
    // Compares those that fit and chooses at most one: the newest. Two of the newest version with different content are
    // both rejected. In the order in which they were added.
    std::vector<FirmwareCandidate> choose();

private:
    QString judge(FirmwareCandidate &candidate, const QByteArray &bytes, const std::optional<FirmwareRecord> &record);

    FirmwareWish m_wish;
    std::vector<FirmwareCandidate> m_candidates;
};

// Order of versions "1.4.2", "v1.4.2", "1.4.2+7", "2.0-rc1": numbers by value, less, equal or more. Nothing where one
// of them is no version.
std::optional<int> compareVersions(const QString &a, const QString &b);
// The version in a file name: "t1-1.4.2.hex" has "1.4.2"; empty: none.
QString versionInName(const QString &fileName);

} // namespace slipway
