#pragma once
// What a DTLS session needs of this station: a pre-shared key, or trust anchors with or without a certificate of its
// own. All of it comes out of files, named by board data or by the port; secrets must not be readable by others.
//   pre-shared key: two lines, "identity: NAME" and "key: hex:00112233" or "key: text:WORDS"
//   anchors, certificate (end entity first), key: PEM
// Throws coap.credentials, coap.psk-file, coap.pem-file, coap.secret-readable, coap.key-encrypted, coap.no-rpk.

#include <QByteArray>
#include <QMap>
#include <QString>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

namespace slipway {

struct CoapSecurity {
    enum class Kind { None, Psk, Certificate };
    enum class Name { Host, Serial }; // what the device's certificate must state: this host, or any serial number

    Kind kind = Kind::None;
    Name name = Name::Host;
    QByteArray identity;             // of the pre-shared key
    std::shared_ptr<QByteArray> psk; // cleansed in the end
    std::shared_ptr<X509_STORE> anchors;
    std::shared_ptr<X509> certificate;
    std::vector<std::shared_ptr<X509>> chain; // above the certificate
    std::shared_ptr<EVP_PKEY> key;

    // files: as CoapAddress::credentials.
    static CoapSecurity load(const QMap<QString, QString> &files);
    // Of a file's content: identity and key. file: for messages.
    static void parsePsk(const QByteArray &content, const QString &file, QByteArray &identity, QByteArray &key);
};

// Of a certificate's subject, "" when it has none.
QString subjectSerial(X509 *certificate);
// "CN=Board 7, serialNumber=T1-00000001" shortened for a sentence.
QString subjectText(X509 *certificate);

} // namespace slipway
