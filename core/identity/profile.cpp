#include "core/identity/profile.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/der.h"
#include "core/identity/extensions.h"
#include "core/identity/name.h"
#include "core/identity/validity.h"

#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>

#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace slipway {

namespace {

constexpr qint64 maximumBytes = 64 * 1024;
constexpr int maximumItems = 32; // names, policies, URLs, extensions of a kind

// Reads one file's map and says where something is wrong.
class ProfileReader
{
public:
    ProfileReader(QString file, Profile &profile) : m_file(std::move(file)), m_profile(profile) {}

    void read(const YAML::Node &root)
    {
        if (!root.IsMap())
            fail(root, QStringLiteral("a profile is a map of names and values"));
        static const QStringList keys{QStringLiteral("slipway-profile"),
                                      QStringLiteral("subject"),
                                      QStringLiteral("key"),
                                      QStringLiteral("not-after"),
                                      QStringLiteral("key-usage"),
                                      QStringLiteral("basic-constraints"),
                                      QStringLiteral("hardware-type"),
                                      QStringLiteral("serial"),
                                      QStringLiteral("mud-url"),
                                      QStringLiteral("masa-url"),
                                      QStringLiteral("mud-signer"),
                                      QStringLiteral("maximum-size"),
                                      QStringLiteral("kind"),
                                      QStringLiteral("subject-alt-name"),
                                      QStringLiteral("extended-key-usage"),
                                      QStringLiteral("certificate-policies"),
                                      QStringLiteral("crl-distribution-points"),
                                      QStringLiteral("freshest-crl"),
                                      QStringLiteral("authority-information"),
                                      QStringLiteral("extensions")};
        checkKeys(root, keys, QStringLiteral("a profile"));
        if (!root["slipway-profile"] || text(root["slipway-profile"]) != u"1")
            fail(root, QStringLiteral("a profile begins with \"slipway-profile: 1\""));

        readKind(root);
        if (const YAML::Node node = root["subject"])
            readSubject(node);
        m_profile.keyType = QStringLiteral("P-256");
        if (const YAML::Node node = root["key"])
            m_profile.keyType = text(node);
        static const QStringList types{QStringLiteral("P-256"),    QStringLiteral("P-384"),
                                       QStringLiteral("Ed25519"),  QStringLiteral("RSA-2048"),
                                       QStringLiteral("RSA-3072"), QStringLiteral("RSA-4096")};
        if (!types.contains(m_profile.keyType)) {
            fail(root["key"], QStringLiteral("there is no key type \"%1\";%2 known are %3")
                                  .arg(m_profile.keyType, didYouMean(m_profile.keyType, types).toLower(),
                                       types.join(QLatin1String(", "))));
        }
        if (const YAML::Node node = root["not-after"]) {
            m_profile.notAfter = text(node);
            if (!isNotAfter(m_profile.notAfter))
                fail(node,
                     QStringLiteral("not-after is a time such as 99991231235959Z or a span such as 20y, not \"%1\"")
                         .arg(m_profile.notAfter));
        }
        if (const YAML::Node node = root["key-usage"])
            readKeyUsage(node);
        if (const YAML::Node node = root["basic-constraints"])
            m_profile.basicConstraints = boolean(node);
        if (const YAML::Node node = root["hardware-type"]) {
            m_profile.hwType = text(node);
            if (!der::oidContent(m_profile.hwType.toLatin1()))
                fail(node, QStringLiteral("hardware-type is an OID such as 1.3.6.1.4.1.32473.1.7, not \"%1\"")
                               .arg(m_profile.hwType));
        }
        if (const YAML::Node node = root["serial"])
            m_profile.serialPattern = pattern(node);
        readMud(root);
        readExtensions(root);
    }

    [[noreturn]] void fail(const YAML::Node &node, const QString &sentence) const
    {
        const YAML::Mark mark = node.IsDefined() ? node.Mark() : YAML::Mark();
        fail(mark, sentence);
    }
    [[noreturn]] void fail(const YAML::Mark &mark, const QString &sentence) const
    {
        throw Fault("identity.profile", {m_file, QString::number(std::max(mark.line, 0) + 1),
                                         QString::number(std::max(mark.column, 0) + 1), oneLine(sentence) + u'.'});
    }

private:
    void checkKeys(const YAML::Node &map, const QStringList &known, const QString &where) const
    {
        QStringList seen;
        for (const auto &pair : map) {
            const QString key = text(pair.first);
            if (!known.contains(key))
                fail(pair.first,
                     QStringLiteral("%1 has no key \"%2\";%3 known are %4")
                         .arg(where, key, didYouMean(key, known).replace(u'D', u'd'), known.join(QLatin1String(", "))));
            if (seen.contains(key))
                fail(pair.first, QStringLiteral("key \"%1\" stands there twice").arg(key));
            seen << key;
        }
    }

    QString text(const YAML::Node &node) const
    {
        if (!node.IsScalar())
            fail(node, QStringLiteral("one value is wanted here, not a list or a map"));
        return QString::fromStdString(node.Scalar());
    }

    bool boolean(const YAML::Node &node) const
    {
        const QString value = text(node);
        if (value != u"true" && value != u"false")
            fail(node, QStringLiteral("\"%1\" is neither true nor false").arg(value));
        return value == u"true";
    }

    QString pattern(const YAML::Node &node) const
    {
        const QString value = text(node);
        const QRegularExpression expression(value);
        if (!expression.isValid())
            fail(node, QStringLiteral("\"%1\" is no regular expression: %2").arg(value, expression.errorString()));
        return value;
    }

    void readSubject(const YAML::Node &node)
    {
        if (!node.IsMap())
            fail(node, QStringLiteral("subject is a map such as { O: Example, CN: \"T1 ${serial}\" }"));
        QStringList known = nameTypes();
        known.removeAll(QStringLiteral("serialNumber")); // always added, from the order
        checkKeys(node, known, QStringLiteral("subject"));
        for (const auto &pair : node) {
            const QString value = text(pair.second);
            const QString sample = QString(value).replace(QLatin1String("${serial}"), QLatin1String("1"));
            if (value.isEmpty() || value.size() > 64 || sample.contains(QLatin1String("${")) ||
                !rdn(text(pair.first), sample))
                fail(pair.second, QStringLiteral("\"%1\" cannot be %2 of a subject: 1 to 64 characters, and no "
                                                 "variable but ${serial}")
                                      .arg(value, text(pair.first)));
            if (text(pair.first) == u"C" && value.size() != 2)
                fail(pair.second, QStringLiteral("C is a country code of two letters"));
            m_profile.subject.insert(text(pair.first), value);
        }
    }

    // What each kind of certificate is unless the profile says otherwise.
    void readKind(const YAML::Node &root)
    {
        static const QStringList kinds{QStringLiteral("idevid"), QStringLiteral("ldevid"), QStringLiteral("tpm-idevid"),
                                       QStringLiteral("tpm-iak")};
        if (const YAML::Node node = root["kind"])
            m_profile.kind = text(node);
        if (!kinds.contains(m_profile.kind)) {
            fail(root["kind"], QStringLiteral("there is no kind \"%1\";%2 known are %3")
                                   .arg(m_profile.kind, didYouMean(m_profile.kind, kinds).toLower(),
                                        kinds.join(QLatin1String(", "))));
        }
        const bool local = m_profile.kind == u"ldevid";
        // IEEE 802.1AR: an IDevID outlives its device; an LDevID is its owner's, who renews it.
        m_profile.notAfter = local ? QStringLiteral("1y") : QString::fromLatin1(noExpiry);
        m_profile.mudUrlRequired = m_profile.kind == u"idevid";
        if (m_profile.kind.startsWith(QLatin1String("tpm-"))) {
            // tcg-sv-tpm20; tcg-cap-verifiedTPMResidency with -Fixed (IDevID) or -Restricted (attestation key).
            m_profile.hwType = QStringLiteral("2.23.133.1.2");
            m_profile.policies = {
                {QStringLiteral("2.23.133.11.1.1"), QString()},
                {m_profile.kind == u"tpm-iak" ? QStringLiteral("2.23.133.11.1.3") : QStringLiteral("2.23.133.11.1.2"),
                 QString()}};
        }
    }

    // One word, or a list of them.
    QStringList words(const YAML::Node &node) const
    {
        if (!node.IsSequence())
            return {text(node)};
        QStringList list;
        for (const YAML::Node &item : node)
            list << text(item);
        if (list.isEmpty() || list.size() > maximumItems)
            fail(node, QStringLiteral("1 to %1 of them are wanted here").arg(maximumItems));
        return list;
    }

    QStringList urls(const YAML::Node &node) const
    {
        static const QRegularExpression form(QStringLiteral("^(https?|ldaps?)://[\\x21-\\x7e]{1,500}$"));
        const QStringList list = words(node);
        for (const QString &url : list) {
            if (!form.match(url).hasMatch())
                fail(node, QStringLiteral("\"%1\" is no http, https or ldap URL in ASCII").arg(oneLine(url, 80)));
        }
        return list;
    }

    QString oid(const YAML::Node &node) const
    {
        const QString value = text(node);
        if (!der::oidContent(value.toLatin1()))
            fail(node, QStringLiteral("\"%1\" is no OID such as 1.3.6.1.4.1.32473.1.7").arg(oneLine(value, 80)));
        return value;
    }

    void readKeyUsage(const YAML::Node &node)
    {
        if (node.IsScalar()) {
            m_profile.keyUsage = boolean(node);
            return;
        }
        if (!node.IsSequence())
            fail(node, QStringLiteral("key-usage is true, false or a list such as [digitalSignature, keyAgreement]"));
        m_profile.keyUsages = words(node);
        const QStringList known = knownKeyUsages();
        for (const QString &word : std::as_const(m_profile.keyUsages)) {
            if (!known.contains(word))
                fail(node, QStringLiteral("there is no key usage \"%1\" for a device;%2 known are %3")
                               .arg(oneLine(word, 40), didYouMean(word, known).replace(u'D', u'd'),
                                    known.join(QLatin1String(", "))));
        }
        m_profile.keyUsages.removeDuplicates();
    }

    void readExtensions(const YAML::Node &root)
    {
        if (const YAML::Node node = root["extended-key-usage"]) {
            YAML::Node uses = node;
            if (node.IsMap()) {
                checkKeys(node, {QStringLiteral("uses"), QStringLiteral("critical")},
                          QStringLiteral("extended-key-usage"));
                if (node["critical"])
                    m_profile.extendedKeyUsageCritical = boolean(node["critical"]);
                uses.reset(node["uses"]);
                if (!uses)
                    fail(node, QStringLiteral("extended-key-usage has no uses"));
            }
            m_profile.extendedKeyUsages = words(uses);
            for (const QString &word : std::as_const(m_profile.extendedKeyUsages)) {
                if (!extendedKeyUsageOid(word))
                    fail(uses, QStringLiteral("\"%1\" is no extended key usage: clientAuth, serverAuth ... or an OID")
                                   .arg(oneLine(word, 40)));
            }
        }
        if (const YAML::Node node = root["certificate-policies"])
            readPolicies(node);
        if (const YAML::Node node = root["crl-distribution-points"])
            m_profile.crlUrls = urls(node);
        if (const YAML::Node node = root["freshest-crl"])
            m_profile.freshestCrlUrls = urls(node);
        if (const YAML::Node node = root["authority-information"]) {
            if (!node.IsMap())
                fail(node, QStringLiteral("authority-information is a map such as { ocsp: \"http://...\" }"));
            checkKeys(node, {QStringLiteral("ocsp"), QStringLiteral("ca-issuers")},
                      QStringLiteral("authority-information"));
            if (node["ocsp"])
                m_profile.ocspUrls = urls(node["ocsp"]);
            if (node["ca-issuers"])
                m_profile.issuerUrls = urls(node["ca-issuers"]);
        }
        if (const YAML::Node node = root["subject-alt-name"])
            readNames(node);
        if (const YAML::Node node = root["extensions"])
            readOthers(node);
    }

    void readPolicies(const YAML::Node &node)
    {
        if (!node.IsSequence() || node.size() > size_t(maximumItems))
            fail(node, QStringLiteral("certificate-policies is a list of OIDs or of { oid: ..., cps: URL }"));
        m_profile.policies.clear();
        for (const YAML::Node &item : node) {
            PolicyTemplate policy;
            if (item.IsMap()) {
                checkKeys(item, {QStringLiteral("oid"), QStringLiteral("cps")}, QStringLiteral("a policy"));
                if (!item["oid"])
                    fail(item, QStringLiteral("a policy has an oid"));
                policy.oid = oid(item["oid"]);
                if (item["cps"])
                    policy.cps = urls(item["cps"]).first();
            } else {
                policy.oid = oid(item);
            }
            for (const PolicyTemplate &known : std::as_const(m_profile.policies)) {
                if (known.oid == policy.oid) // RFC 5280 section 4.2.1.4
                    fail(item, QStringLiteral("policy %1 stands there twice").arg(policy.oid));
            }
            m_profile.policies << policy;
        }
    }

    void readNames(const YAML::Node &node)
    {
        if (!node.IsSequence() || node.size() == 0 || node.size() > size_t(maximumItems))
            fail(node, QStringLiteral("subject-alt-name is a list such as [ { dns: \"${serial}.example\" } ]"));
        for (const YAML::Node &item : node) {
            if (!item.IsMap())
                fail(item, QStringLiteral("a name is a map such as { dns: \"${serial}.example\" }"));
            static const QStringList forms{QStringLiteral("dns"),
                                           QStringLiteral("uri"),
                                           QStringLiteral("email"),
                                           QStringLiteral("ip"),
                                           QStringLiteral("directory"),
                                           QStringLiteral("registered-id"),
                                           QStringLiteral("permanent-identifier"),
                                           QStringLiteral("other")};
            checkKeys(item,
                      forms + QStringList{QStringLiteral("assigner"), QStringLiteral("utf8"), QStringLiteral("hex")},
                      QStringLiteral("a name"));
            NameTemplate name;
            for (const QString &form : forms) {
                const YAML::Node value = item[form.toStdString()];
                if (!value)
                    continue;
                if (!name.form.isEmpty())
                    fail(item, QStringLiteral("a name has one form, not both %1 and %2").arg(name.form, form));
                name.form = form;
                name.value = text(value);
            }
            if (name.form.isEmpty())
                fail(item, QStringLiteral("a name has one of %1").arg(forms.join(QLatin1String(", "))));
            if (item["assigner"])
                name.oid = oid(item["assigner"]);
            if (name.form == u"other") {
                name.oid = oid(item["other"]);
                const bool isHex = bool(item["hex"]);
                if (isHex == bool(item["utf8"]))
                    fail(item, QStringLiteral("an other name has its value as utf8 or as hex"));
                name.form = isHex ? QStringLiteral("other-hex") : QStringLiteral("other-utf8");
                name.value = isHex ? hex(derValue(item["hex"])) : text(item["utf8"]);
            }
            // A serial number of letters and digits stands for all; what it really is, is checked when it is known.
            if (const QString why = whyNot(name, QStringLiteral("1")); !why.isEmpty())
                fail(item, why);
            m_profile.alternativeNames << name;
        }
    }

    // Hex of exactly one DER element.
    QByteArray derValue(const YAML::Node &node) const
    {
        const auto bytes = fromHex(text(node).remove(u' ').remove(u':'));
        try {
            if (bytes && !bytes->isEmpty() && bytes->size() <= 4096) {
                der::Reader reader(*bytes);
                reader.next();
                reader.end();
                return *bytes;
            }
        } catch (const der::Error &) {
        }
        fail(node, QStringLiteral("this is not the hex form of one value in DER, such as 0c0548656c6c6f"));
    }

    void readOthers(const YAML::Node &node)
    {
        if (!node.IsSequence() || node.size() > size_t(maximumItems))
            fail(node, QStringLiteral("extensions is a list of { oid: ..., critical: false, hex: ... }"));
        for (const YAML::Node &item : node) {
            if (!item.IsMap())
                fail(item, QStringLiteral("an extension is a map such as { oid: 1.3.6.1.4.1.32473.9, hex: 0500 }"));
            checkKeys(
                item,
                {QStringLiteral("oid"), QStringLiteral("critical"), QStringLiteral("hex"), QStringLiteral("utf8")},
                QStringLiteral("an extension"));
            if (!item["oid"] || bool(item["hex"]) == bool(item["utf8"]))
                fail(item, QStringLiteral("an extension has an oid, and its value as hex (DER) or as utf8"));
            ExtensionTemplate extension;
            extension.oid = oid(item["oid"]);
            if (ownExtensions().contains(extension.oid))
                fail(item["oid"], QStringLiteral("%1 has a key of its own in a profile").arg(extension.oid));
            for (const ExtensionTemplate &known : std::as_const(m_profile.extensions)) {
                if (known.oid == extension.oid) // RFC 5280 section 4.2
                    fail(item["oid"], QStringLiteral("extension %1 stands there twice").arg(extension.oid));
            }
            if (item["critical"])
                extension.critical = boolean(item["critical"]);
            extension.value =
                item["hex"] ? derValue(item["hex"]) : der::tlv(der::Utf8String, text(item["utf8"]).toUtf8());
            m_profile.extensions << extension;
        }
    }

    void readMud(const YAML::Node &root)
    {
        if (const YAML::Node node = root["mud-url"]) {
            if (!node.IsMap())
                fail(node, QStringLiteral("mud-url is a map such as { required: true, pattern: \"^https://...\" }"));
            checkKeys(node, {QStringLiteral("required"), QStringLiteral("pattern")}, QStringLiteral("mud-url"));
            if (node["required"])
                m_profile.mudUrlRequired = boolean(node["required"]);
            if (node["pattern"])
                m_profile.mudUrlPattern = pattern(node["pattern"]);
        }
        if (const YAML::Node node = root["masa-url"]) {
            m_profile.masaUrl = text(node);
            static const QRegularExpression form(QStringLiteral("^[\\x21-\\x7e]{1,255}$"));
            if (!form.match(m_profile.masaUrl).hasMatch())
                fail(node, QStringLiteral("masa-url is an authority such as masa.example, or a URL, in ASCII"));
        }
        if (const YAML::Node node = root["mud-signer"]) {
            m_profile.mudSigner = text(node);
            if (!nameFromText(m_profile.mudSigner))
                fail(node, QStringLiteral("mud-signer is a name such as \"CN=MUD Signer,O=Example\" (RFC 4514)"));
        }
        if (const YAML::Node node = root["maximum-size"]) {
            bool number = false;
            m_profile.maximumDerBytes = text(node).toInt(&number);
            if (!number || m_profile.maximumDerBytes < 256 || m_profile.maximumDerBytes > 65536)
                fail(node, QStringLiteral("maximum-size is a number of bytes from 256 to 65536"));
        }
    }

    QString m_file;
    Profile &m_profile;
};

} // namespace

Profile Profile::parse(const QByteArray &yaml, const QString &file)
{
    Profile profile;
    profile.name = QFileInfo(file).completeBaseName();
    profile.file = file;
    ProfileReader reader(file, profile);
    if (yaml.size() > maximumBytes)
        reader.fail(YAML::Mark(), QStringLiteral("a profile is not larger than %1").arg(humanSize(maximumBytes)));
    try {
        reader.read(YAML::Load(yaml.toStdString()));
    } catch (const YAML::Exception &error) {
        reader.fail(error.mark, QStringLiteral("this is no YAML: ") + QString::fromStdString(error.msg));
    }
    return profile;
}

QStringList ProfileStore::names() const
{
    QStringList names;
    const auto files = QDir(m_folder).entryInfoList({QStringLiteral("*.yaml")}, QDir::Files, QDir::Name);
    for (const QFileInfo &file : files)
        names << file.completeBaseName();
    return names;
}

Profile ProfileStore::find(const QString &name) const
{
    const QStringList known = names();
    if (!known.contains(name)) {
        throw Fault("identity.no-profile",
                    {oneLine(name, 80), didYouMean(name, known),
                     known.isEmpty() ? QStringLiteral("none") : known.join(QLatin1String(", "))});
    }
    const QString file = m_folder + u'/' + name + QLatin1String(".yaml");
    return Profile::parse(readFile(file, maximumBytes, QStringLiteral("a profile")), file);
}

} // namespace slipway
