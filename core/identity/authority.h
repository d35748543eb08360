#pragma once
// Makes the keys and certificates of a new station: the issuing CA, the training CA (whose names say TRAINING, so that
// nothing it issues can be taken for real), and the station's own CA and certificate, with which it signs checkpoints,
// passports and recipes. P-256 throughout. Private keys are PKCS#8 PEM, encrypted (PBES2, scrypt, AES-256-CBC) when a
// passphrase is given; the caller writes them with Access::OwnerOnly and cleanses them.

#include <QByteArray>
#include <QString>

namespace slipway {

struct KeyAndCertificate {
    QByteArray keyPem;
    QByteArray certificatePem; // followed by the certificates above it
};

// Self-signed, CA:TRUE pathlen 0, keyCertSign and cRLSign, without expiry: devices' certificates have none either.
KeyAndCertificate createDeviceCa(const QString &stationName, const QByteArray &passphrase);
KeyAndCertificate createTrainingCa(const QString &stationName, const QByteArray &passphrase);

struct StationKeys {
    KeyAndCertificate ca;      // 30 years
    KeyAndCertificate station; // digitalSignature, issued by ca, 30 years
};
StationKeys createStationKeys(const QString &stationName, const QByteArray &passphrase);

} // namespace slipway
