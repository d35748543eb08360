#include "core/identity/profile.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/der.h"
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

// Reads one file's map and says where something is wrong.
class ProfileReader
{
public:
    ProfileReader(QString file, Profile &profile) : m_file(std::move(file)), m_profile(profile) {}

    void read(const YAML::Node &root)
    {
        if (!root.IsMap())
            fail(root, QStringLiteral("a profile is a map of names and values"));
        static const QStringList keys{
            QStringLiteral("slipway-profile"), QStringLiteral("subject"),    QStringLiteral("key"),
            QStringLiteral("not-after"),       QStringLiteral("key-usage"),  QStringLiteral("basic-constraints"),
            QStringLiteral("hardware-type"),   QStringLiteral("serial"),     QStringLiteral("mud-url"),
            QStringLiteral("masa-url"),        QStringLiteral("mud-signer"), QStringLiteral("maximum-size")};
        checkKeys(root, keys, QStringLiteral("a profile"));
        if (!root["slipway-profile"] || text(root["slipway-profile"]) != u"1")
            fail(root, QStringLiteral("a profile begins with \"slipway-profile: 1\""));

        if (const YAML::Node node = root["subject"])
            readSubject(node);
        m_profile.keyType = QStringLiteral("P-256");
        if (const YAML::Node node = root["key"])
            m_profile.keyType = text(node);
        static const QStringList types{QStringLiteral("P-256"), QStringLiteral("P-384"), QStringLiteral("Ed25519"),
                                       QStringLiteral("RSA-2048"), QStringLiteral("RSA-3072")};
        if (!types.contains(m_profile.keyType)) {
            fail(root["key"], QStringLiteral("there is no key type \"%1\";%2 known are %3")
                                  .arg(m_profile.keyType, didYouMean(m_profile.keyType, types).toLower(),
                                       types.join(QLatin1String(", "))));
        }
        m_profile.notAfter = QString::fromLatin1(noExpiry);
        if (const YAML::Node node = root["not-after"]) {
            m_profile.notAfter = text(node);
            if (!isNotAfter(m_profile.notAfter))
                fail(node,
                     QStringLiteral("not-after is a time such as 99991231235959Z or a span such as 20y, not \"%1\"")
                         .arg(m_profile.notAfter));
        }
        if (const YAML::Node node = root["key-usage"])
            m_profile.keyUsage = boolean(node);
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
