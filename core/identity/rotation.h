#pragma once
// The keys that an issuing CA had before: keys/former/NAME-ID/ with ca.key, ca.pem (for revocation lists and OCSP) and
// the link certificates old-with-new.pem and new-with-old.pem. A rotation is prepared in a folder beside, takes effect
// with one rename, and is finished by whoever opens the issuer next; stations that run keep the key that they loaded.
// Throws issuer.*, file.*.

#include "core/identity/secret.h"

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

struct FormerCa {
    QString id;                       // first 8 hex digits of the key identifier
    QString folder;                   // with the files above
    QString keyPath, certificatePath; // keyPath: ca.key, or "pkcs11:..." where the key is in a token (ca.uri)
    QList<QByteArray> chain;          // DER
};
// The last one first. name: "issuer" or "training".
QList<FormerCa> formerCas(const QString &keysFolder, const QString &name);

class Rotation
{
public:
    // Makes the new key and the links in a folder that nobody looks at yet.
    Rotation(const QString &keysFolder, const QString &name, const QByteArray &passphrase, const QString &keyType);
    // The same from a key in a token to another one that was made there: both "pkcs11:...". Who issues is said by
    // station.yaml, so that is where it takes effect; what is committed are the former key's place and the links.
    Rotation(const QString &keysFolder, const QString &name, const QString &oldKey, const QString &certificatePath,
             const QString &newKey, const SecretSource &pin);
    ~Rotation(); // takes it back, unless it was committed
    Rotation(const Rotation &) = delete;
    Rotation &operator=(const Rotation &) = delete;

    QString oldId() const { return m_oldId; }
    QString newId() const { return m_newId; }
    QByteArray newCertificate() const { return m_newCertificate; } // DER
    void commit();

private:
    void begin();
    QString m_keys, m_name, m_folder, m_oldId, m_newId;
    QByteArray m_newCertificate;
};

// Puts the new key in its place where a rotation was cut short.
void finishRotation(const QString &keysFolder, const QString &name);
// "1a2b3c4d" of a certificate.
QString shortKeyId(const QByteArray &certificate);

} // namespace slipway
