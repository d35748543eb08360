#pragma once
// A quota: an engineer's signed leave for one station to issue so many certificates of a product by itself, for serial
// numbers of a range, up to a day. A CMS SignedData with JSON inside (application form "slipway-quota-1"), so that
//   openssl cms -verify -binary -inform DER -in quota.p7m -CAfile engineer-ca.pem -purpose any
// shows it. What was used of it is a matter of the journal: core/steps/quotause.h.
// Throws identity.quota, cms.*, file.*.

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

struct Quota {
    QString id;                      // UUID
    QString product;                 // name of the certificate profile
    int count = 0;                   // 1 to 1 000 000
    QString firstSerial, lastSerial; // of the same length and beginning, digits at the end
    QString lastDay;                 // "2026-12-31", UTC, the whole day
    QString stationKey;              // SHA-256 of the station's public key (SPKI), hex
    QString issuedAt, note;
    QString signer;      // who, from the signature
    QByteArray document; // as signed

    QByteArray json() const; // what is signed
    // The JSON inside; also checks that it makes sense.
    static Quota parse(const QByteArray &json);
    // file: at most 64 KiB. anchors: PEM.
    static Quota verify(const QByteArray &file, const QByteArray &anchorsPem);
    bool covers(const QString &serial) const;
};

// The quotas that a station has.
class QuotaBook
{
public:
    // folder: *.p7m. A file that does not hold is left out and stands in troubles(). stationKey: hex, as above.
    static QuotaBook open(const QString &folder, const QByteArray &anchorsPem, const QString &stationKey);
    static QuotaBook of(const QList<Quota> &quotas); // that were verified elsewhere
    const QList<Quota> &quotas() const { return m_quotas; }
    const QStringList &troubles() const { return m_troubles; }

private:
    QList<Quota> m_quotas;
    QStringList m_troubles;
};

} // namespace slipway
