#pragma once
// The device's P-256 key and what it does with it. Real cryptography; a failure of OpenSSL is internal.defect.

#include <QByteArray>
#include <QString>

namespace slipway {

class DeviceIdentity
{
public:
    bool hasKey() const { return !m_key.isEmpty(); }
    void generate();                                 // keeps the key before as previous()
    void take(const QByteArray &key);                // the same with a key made elsewhere
    QByteArray key() const { return masked(m_key); } // DER
    QByteArray previousKey() const { return masked(m_previous); }
    void setKey(const QByteArray &key, const QByteArray &previous = {});
    QByteArray publicKey() const; // SubjectPublicKeyInfo, DER; empty without a key

    static QByteArray newKey();
    // Of a device with a seed: as core/identity/privatekey.h says, written once more from the documents.
    static QByteArray derivedKey(const QByteArray &seed, const QString &serial);
    // PrivateKeyInfo of P-256 and nothing behind it; empty for anything else.
    static QByteArray fromPkcs8(const QByteArray &der);
    // PKCS#10, DER, subject serialNumber.
    static QByteArray request(const QByteArray &key, const QString &serial);
    // ECDSA-SHA256, DER.
    static QByteArray sign(const QByteArray &key, const QByteArray &bytes);

private:
    // A virtual device may live in the station's process, which sweeps its memory for keys that it has handed out: the
    // device's own memory is another one.
    static QByteArray masked(QByteArray bytes);

    QByteArray m_key, m_previous; // masked
};

} // namespace slipway
