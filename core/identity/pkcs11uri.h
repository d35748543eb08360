#pragma once
// Names an object in a PKCS#11 token (RFC 7512): "pkcs11:token=factory;object=ca?module-path=/usr/lib/softhsm/
// libsofthsm2.so". Understood: token, manufacturer, model, serial, slot-id, object, id, type of the path; module-path,
// module-name and pin-source (a file) of the query. pin-value is refused: a PIN has no place in a setting or on a
// command line; so is a pin-source that names a program. Throws issuer.token-uri.

#include <QByteArray>
#include <QString>

#include <optional>

namespace slipway {

struct Pkcs11Uri {
    QString token, manufacturer, model, serial; // "": any
    std::optional<quint64> slotId;
    QString object; // CKA_LABEL, "": any
    QByteArray id;  // CKA_ID, empty: any
    QString modulePath, moduleName;
    QString pinFile;

    static bool is(QStringView text) { return text.startsWith(QLatin1String("pkcs11:")); }
    // At most 2000 characters.
    static Pkcs11Uri parse(const QString &text);
    // The shared library: module-path, or module-name in the folder that module-path names or in the system's, else
    // p11-kit's proxy, which knows all modules of the system.
    QString library() const;
    // "token factory, key ca", for people.
    QString words() const;
};

} // namespace slipway
