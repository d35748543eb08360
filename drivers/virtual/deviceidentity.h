#pragma once
// The device's P-256 key and what it does with it. Real cryptography; a failure of OpenSSL is internal.defect.

#include <QByteArray>
#include <QString>

namespace slipway {

class DeviceIdentity
{
public:
    bool hasKey() const { return !m_key.isEmpty(); }
    void generate();                         // keeps the key before as previous()
    QByteArray key() const { return m_key; } // PKCS#8, DER
    QByteArray previousKey() const { return m_previous; }
    void setKey(const QByteArray &key, const QByteArray &previous = {});
    QByteArray publicKey() const; // SubjectPublicKeyInfo, DER; empty without a key

    static QByteArray newKey();
    // PKCS#10, DER, subject serialNumber.
    static QByteArray request(const QByteArray &key, const QString &serial);
    // ECDSA-SHA256, DER.
    static QByteArray sign(const QByteArray &key, const QByteArray &bytes);

private:
    QByteArray m_key, m_previous;
};

} // namespace slipway
