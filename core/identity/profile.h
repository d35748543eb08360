#pragma once
// A certificate profile: what a product's certificates must look like (IEEE 802.1AR, RFC 5280, RFC 8520 section 11,
// RFC 8995 section 2.3; for keys in a TPM also TCG "TPM 2.0 Keys for Device Identity and Attestation"). YAML files in
// the home's profiles/; the form is documented in core/identity/README.md.

#include <QByteArray>
#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

// One name of subjectAltName. form: dns, uri, email, ip, registered-id, directory, permanent-identifier (oid: its
// assigner, may be empty), other-utf8 and other-hex (oid: its type). ${serial} may stand in value.
struct NameTemplate {
    QString form, value, oid;
    bool operator==(const NameTemplate &) const = default;
};
struct PolicyTemplate {
    QString oid, cps; // cps: URL of the practice statement, may be empty
    bool operator==(const PolicyTemplate &) const = default;
};
// Any other extension, value as it is.
struct ExtensionTemplate {
    QString oid;
    bool critical = false;
    QByteArray value; // DER
    bool operator==(const ExtensionTemplate &) const = default;
};

struct Profile {
    QString name; // file name without ending: "t1"
    QString file;
    QMap<QString, QString> subject; // "O", "OU", "CN", "C": templates, ${serial} allowed; serialNumber is always added
    QString keyType;                // "P-256"
    QString notAfter;               // "99991231235959Z" or a span, "20y"
    QString kind = QStringLiteral("idevid"); // or "ldevid", "tpm-idevid", "tpm-iak"
    bool keyUsage = true;                    // critical
    QStringList keyUsages{QStringLiteral("digitalSignature")};
    bool basicConstraints = true; // CA:FALSE
    QString hwType;               // OID of hardwareModuleName, "" = no SAN
    QString serialPattern;        // anchored
    QString mudUrlPattern;        // what a MUD URL of this product must match, may be empty
    bool mudUrlRequired = true;
    QString masaUrl;                      // authority or URL, may be empty
    QString mudSigner;                    // RFC 4514 name, may be empty
    int maximumDerBytes = 0;              // 0: no limit
    QList<NameTemplate> alternativeNames; // besides hardwareModuleName
    QStringList extendedKeyUsages;        // clientAuth ... or OIDs
    bool extendedKeyUsageCritical = false;
    QList<PolicyTemplate> policies;
    QStringList crlUrls, freshestCrlUrls, ocspUrls, issuerUrls;
    QList<ExtensionTemplate> extensions;

    bool operator==(const Profile &) const = default;
    // file: its name for messages, which also gives the profile its name. Throws identity.profile.
    static Profile parse(const QByteArray &yaml, const QString &file);
};

class ProfileStore
{
public:
    explicit ProfileStore(QString folder = {}) : m_folder(std::move(folder)) {}
    // Throws identity.no-profile with the nearest name, or identity.profile with file:line:column.
    Profile find(const QString &name) const;
    QStringList names() const;

private:
    QString m_folder;
};

} // namespace slipway
