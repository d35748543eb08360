#pragma once
// A certificate profile: what an IDevID of a product must look like (IEEE 802.1AR, RFC 5280, RFC 8520 section 11,
// RFC 8995 section 2.3). YAML files in the home's profiles/; the form is documented in core/identity/README.md.

#include <QByteArray>
#include <QMap>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

struct Profile {
    QString name; // file name without ending: "t1"
    QString file;
    QMap<QString, QString> subject; // "O", "OU", "CN", "C": templates, ${serial} allowed; serialNumber is always added
    QString keyType;                // "P-256"
    QString notAfter;               // "99991231235959Z" or a span, "20y"
    bool keyUsage = true;           // critical digitalSignature
    bool basicConstraints = true;   // CA:FALSE
    QString hwType;                 // OID of hardwareModuleName, "" = no SAN
    QString serialPattern;          // anchored
    QString mudUrlPattern;          // what a MUD URL of this product must match, may be empty
    bool mudUrlRequired = true;
    QString masaUrl;         // authority or URL, may be empty
    QString mudSigner;       // RFC 4514 name, may be empty
    int maximumDerBytes = 0; // 0: no limit

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
