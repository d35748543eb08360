#pragma once
// Makes the keys and certificates of a new station: the issuing CA, the training CA (whose names say TRAINING, so that
// nothing it issues can be taken for real), and the station's own CA and certificate, with which it signs checkpoints,
// passports and recipes. P-256 throughout. Private keys are PKCS#8 PEM, encrypted (PBES2, scrypt, AES-256-CBC) when a
// passphrase is given; the caller writes them with Access::OwnerOnly and cleanses them.

#include "core/identity/secret.h"

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

// A CA changes its key and keeps its name (RFC 9810 section 4.4): the new self-signed certificate, and both link
// certificates, with which either anchor leads to what the other key issued.
struct NextCa {
    KeyAndCertificate ca;
    QByteArray oldWithNew, newWithOld; // PEM
};
// keyType: P-256, P-384, Ed25519, RSA-3072 ...; or "pkcs11:...", a key that is in a token already: then keyPem stays
// empty. keyPath: a file, or "pkcs11:..."; pin: of both. Throws issuer.key, issuer.passphrase, issuer.certificate,
// issuer.not-root, issuer.mismatch, issuer.token-*.
NextCa createNextCa(const QString &keyPath, const QString &certificatePath, const QByteArray &passphrase,
                    const QString &keyType, const SecretSource &pin = {});
// A key that may sign OCSP responses for that CA (RFC 6960 section 4.2.2.2): id-kp-OCSPSigning and ocsp-nocheck.
KeyAndCertificate createOcspResponder(const QString &caKeyPath, const QString &caCertificatePath,
                                      const QByteArray &passphrase, int days, const SecretSource &pin = {});
struct StationKeys {
    KeyAndCertificate ca;      // 30 years
    KeyAndCertificate station; // digitalSignature, issued by ca, 30 years
};
StationKeys createStationKeys(const QString &stationName, const QByteArray &passphrase);

} // namespace slipway
