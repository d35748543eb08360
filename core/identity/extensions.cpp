#include "core/identity/extensions.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/name.h"

#include <QRegularExpression>

#include <arpa/inet.h>

#include <array>

namespace slipway {

namespace {

constexpr char certificatePolicies[] = "\x55\x1d\x20";
constexpr char crlDistributionPoints[] = "\x55\x1d\x1f";
constexpr char freshestCrl[] = "\x55\x1d\x2e";
constexpr char authorityInformation[] = "\x2b\x06\x01\x05\x05\x07\x01\x01";
constexpr char accessOcsp[] = "\x2b\x06\x01\x05\x05\x07\x30\x01";
constexpr char accessIssuers[] = "\x2b\x06\x01\x05\x05\x07\x30\x02";
constexpr char cpsQualifier[] = "\x2b\x06\x01\x05\x05\x07\x02\x01";
constexpr char permanentIdentifier[] = "\x2b\x06\x01\x05\x05\x07\x08\x03"; // RFC 4043 section 2

struct Usage {
    const char *name;
    int bit;
};
// RFC 5280 section 4.2.1.3. keyCertSign and cRLSign are a CA's.
constexpr std::array<Usage, 7> usages{{{"digitalSignature", 0},
                                       {"nonRepudiation", 1},
                                       {"keyEncipherment", 2},
                                       {"dataEncipherment", 3},
                                       {"keyAgreement", 4},
                                       {"keyCertSign", 5},
                                       {"cRLSign", 6}}};

struct Purpose {
    const char *name;
    const char *oid;
};
// RFC 5280 section 4.2.1.12, RFC 6402 section 2.10, TCG EK Credential Profile.
constexpr std::array<Purpose, 10> purposes{{{"serverAuth", "1.3.6.1.5.5.7.3.1"},
                                            {"clientAuth", "1.3.6.1.5.5.7.3.2"},
                                            {"codeSigning", "1.3.6.1.5.5.7.3.3"},
                                            {"emailProtection", "1.3.6.1.5.5.7.3.4"},
                                            {"timeStamping", "1.3.6.1.5.5.7.3.8"},
                                            {"OCSPSigning", "1.3.6.1.5.5.7.3.9"},
                                            {"cmcCA", "1.3.6.1.5.5.7.3.27"},
                                            {"cmcRA", "1.3.6.1.5.5.7.3.28"},
                                            {"anyExtendedKeyUsage", "2.5.29.37.0"},
                                            {"tcg-kp-AIKCertificate", "2.23.133.8.3"}}};

QByteArray oidDer(const QString &dotted)
{
    return der::tlv(der::Oid, der::oidContent(dotted.toLatin1()).value_or(QByteArray()));
}

QByteArray uriName(const QString &url)
{
    return der::tlv(quint8(der::ContextPrimitive + 6), url.toLatin1());
}

QString filled(const QString &text, const QString &serial)
{
    return QString(text).replace(QLatin1String("${serial}"), serial);
}

QByteArray otherName(QByteArrayView oid, const QByteArray &value)
{
    return der::tlv(der::Context, {der::tlv(der::Oid, oid), der::tlv(der::Context, value)});
}

// Network order, 4 or 16 octets; empty when it is no address.
QByteArray address(const QString &text)
{
    QByteArray bytes(16, '\0');
    const QByteArray word = text.toLatin1();
    if (inet_pton(AF_INET, word.constData(), bytes.data()) == 1)
        return bytes.first(4);
    return inet_pton(AF_INET6, word.constData(), bytes.data()) == 1 ? bytes : QByteArray();
}

QByteArray generalName(const NameTemplate &name, const QString &serial)
{
    const QString value = filled(name.value, serial);
    if (name.form == u"email")
        return der::tlv(quint8(der::ContextPrimitive + 1), value.toLatin1());
    if (name.form == u"dns")
        return der::tlv(quint8(der::ContextPrimitive + 2), value.toLatin1());
    if (name.form == u"uri")
        return uriName(value);
    if (name.form == u"ip")
        return der::tlv(quint8(der::ContextPrimitive + 7), address(value));
    if (name.form == u"registered-id")
        return der::tlv(quint8(der::ContextPrimitive + 8), der::oidContent(value.toLatin1()).value_or(QByteArray()));
    if (name.form == u"directory")
        return der::tlv(quint8(der::Context + 4), nameFromText(value).value_or(QByteArray()));
    if (name.form == u"permanent-identifier") {
        return otherName(
            oid::view(permanentIdentifier),
            der::tlv(der::Sequence, {value.isEmpty() ? QByteArray() : der::tlv(der::Utf8String, value.toUtf8()),
                                     name.oid.isEmpty() ? QByteArray() : oidDer(name.oid)}));
    }
    const QByteArray content =
        name.form == u"other-hex" ? fromHex(value).value_or(QByteArray()) : der::tlv(der::Utf8String, value.toUtf8());
    return otherName(der::oidContent(name.oid.toLatin1()).value_or(QByteArray()), content);
}

} // namespace

// One point for each URL (RFC 5280 section 4.2.1.13): each names the same list.
QByteArray distributionPoints(const QStringList &urls)
{
    QByteArray list;
    for (const QString &url : urls)
        list += der::tlv(der::Sequence, der::tlv(der::Context, der::tlv(der::Context, uriName(url))));
    return der::tlv(der::Sequence, list);
}

QByteArray extensionDer(QByteArrayView oid, bool critical, const QByteArray &value)
{
    return der::tlv(der::Sequence, {der::tlv(der::Oid, oid), critical ? der::tlv(der::Boolean, "\xff") : QByteArray(),
                                    der::tlv(der::OctetString, value)});
}

QByteArray LaidExtension::whole() const
{
    return extensionDer(oid, critical, value);
}

QStringList knownKeyUsages()
{
    QStringList names;
    for (const Usage &usage : usages) {
        if (usage.bit < 5)
            names << QString::fromLatin1(usage.name);
    }
    return names;
}

QByteArray keyUsageValue(const QStringList &names)
{
    quint8 bits = 0;
    int last = 0;
    for (const Usage &usage : usages) {
        if (names.contains(QLatin1String(usage.name))) {
            bits |= quint8(0x80 >> usage.bit);
            last = usage.bit;
        }
    }
    if (bits == 0)
        return {};
    // A named bit list ends with its last bit that is set (X.690 section 11.2.2).
    const std::array<char, 2> content{char(7 - last), char(bits)};
    return der::tlv(der::BitString, QByteArrayView(content.data(), 2));
}

QString keyUsageText(QByteArrayView value)
{
    const QByteArrayView bits = der::single(value, der::BitString).content;
    if (bits.size() < 2)
        throw der::Error{"has a key usage without a use"};
    QStringList names;
    quint8 rest = quint8(bits[1]);
    for (const Usage &usage : usages) {
        const quint8 bit = quint8(0x80 >> usage.bit);
        if (rest & bit)
            names << QString::fromLatin1(usage.name);
        rest &= quint8(~bit);
    }
    if (rest != 0 || bits.size() > 2)
        names << QStringLiteral("others");
    return names.join(QLatin1String(", "));
}

std::optional<QByteArray> extendedKeyUsageOid(const QString &word)
{
    for (const Purpose &purpose : purposes) {
        if (word == QLatin1String(purpose.name))
            return der::oidContent(purpose.oid);
    }
    return der::oidContent(word.toLatin1());
}

QString whyNot(const NameTemplate &name, const QString &serial)
{
    static const QRegularExpression host(
        QStringLiteral("^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}"
                       "[A-Za-z0-9])?)*$"));
    static const QRegularExpression uri(QStringLiteral("^[A-Za-z][A-Za-z0-9+.-]*:[\\x21-\\x7e]{1,500}$"));
    static const QRegularExpression mail(QStringLiteral("^[\\x21-\\x3f\\x41-\\x7e]{1,64}@[A-Za-z0-9.-]{1,253}$"));
    const QString value = filled(name.value, serial);
    if (value.contains(QLatin1String("${")))
        return QStringLiteral("it has a variable other than ${serial}");
    bool good = true;
    if (name.form == u"dns")
        good = host.match(value).hasMatch();
    else if (name.form == u"uri")
        good = uri.match(value).hasMatch() && !value.contains(u'"') && !value.contains(u'<') && !value.contains(u'>');
    else if (name.form == u"email")
        good = mail.match(value).hasMatch();
    else if (name.form == u"ip")
        good = !address(value).isEmpty();
    else if (name.form == u"registered-id")
        good = der::oidContent(value.toLatin1()).has_value();
    else if (name.form == u"directory")
        good = nameFromText(value).has_value();
    else if (name.form == u"permanent-identifier")
        good = value.size() <= 200 && (name.oid.isEmpty() || der::oidContent(name.oid.toLatin1()));
    else
        good = !value.isEmpty() && value.size() <= 4096 && der::oidContent(name.oid.toLatin1()).has_value();
    return good ? QString() : QStringLiteral("\"%1\" is no name of the form %2").arg(oneLine(value, 80), name.form);
}

QByteArray alternativeNames(const Profile &profile, const QString &serial)
{
    QByteArray names;
    if (!profile.hwType.isEmpty()) {
        const QByteArray module =
            der::tlv(der::Sequence, {oidDer(profile.hwType), der::tlv(der::OctetString, serial.toLatin1())});
        names += otherName(oid::view(oid::hardwareModuleName), module);
    }
    for (const NameTemplate &name : profile.alternativeNames) {
        if (const QString why = whyNot(name, serial); !why.isEmpty())
            throw Fault("identity.serial", {oneLine(serial, 80), why});
        names += generalName(name, serial);
    }
    return names.isEmpty() ? QByteArray() : der::tlv(der::Sequence, names);
}

QList<LaidExtension> usageExtensions(const Profile &profile)
{
    QList<LaidExtension> list;
    if (!profile.extendedKeyUsages.isEmpty()) {
        QByteArray uses;
        for (const QString &word : profile.extendedKeyUsages)
            uses += der::tlv(der::Oid, extendedKeyUsageOid(word).value_or(QByteArray()));
        list << LaidExtension{oid::view(oid::extendedKeyUsage).toByteArray(), profile.extendedKeyUsageCritical,
                              der::tlv(der::Sequence, uses), "extended-key-usage", "RFC 5280 4.2.1.12"};
    }
    if (!profile.policies.isEmpty()) {
        QByteArray policies;
        for (const PolicyTemplate &policy : profile.policies) {
            const QByteArray qualifier =
                policy.cps.isEmpty()
                    ? QByteArray()
                    : der::tlv(der::Sequence,
                               der::tlv(der::Sequence, {der::tlv(der::Oid, oid::view(cpsQualifier)),
                                                        der::tlv(der::Ia5String, policy.cps.toLatin1())}));
            policies += der::tlv(der::Sequence, {oidDer(policy.oid), qualifier});
        }
        list << LaidExtension{oid::view(certificatePolicies).toByteArray(), false, der::tlv(der::Sequence, policies),
                              "certificate-policies", "RFC 5280 4.2.1.4"};
    }
    return list;
}

QList<LaidExtension> lastExtensions(const Profile &profile)
{
    QList<LaidExtension> list;
    if (!profile.crlUrls.isEmpty())
        list << LaidExtension{oid::view(crlDistributionPoints).toByteArray(), false,
                              distributionPoints(profile.crlUrls), "crl-distribution-points", "RFC 5280 4.2.1.13"};
    if (!profile.freshestCrlUrls.isEmpty())
        list << LaidExtension{oid::view(freshestCrl).toByteArray(), false, distributionPoints(profile.freshestCrlUrls),
                              "freshest-crl", "RFC 5280 4.2.1.15"};
    QByteArray access;
    for (const QString &url : profile.ocspUrls)
        access += der::tlv(der::Sequence, {der::tlv(der::Oid, oid::view(accessOcsp)), uriName(url)});
    for (const QString &url : profile.issuerUrls)
        access += der::tlv(der::Sequence, {der::tlv(der::Oid, oid::view(accessIssuers)), uriName(url)});
    if (!access.isEmpty())
        list << LaidExtension{oid::view(authorityInformation).toByteArray(), false, der::tlv(der::Sequence, access),
                              "authority-information", "RFC 5280 4.2.2.1"};
    for (const ExtensionTemplate &extension : profile.extensions)
        list << LaidExtension{der::oidContent(extension.oid.toLatin1()).value_or(QByteArray()), extension.critical,
                              extension.value, "extension", "profile extensions"};
    return list;
}

QStringList ownExtensions()
{
    return {
        QStringLiteral("2.5.29.14"),         QStringLiteral("2.5.29.15"),          QStringLiteral("2.5.29.17"),
        QStringLiteral("2.5.29.19"),         QStringLiteral("2.5.29.31"),          QStringLiteral("2.5.29.32"),
        QStringLiteral("2.5.29.35"),         QStringLiteral("2.5.29.37"),          QStringLiteral("2.5.29.46"),
        QStringLiteral("1.3.6.1.5.5.7.1.1"), QStringLiteral("1.3.6.1.5.5.7.1.25"), QStringLiteral("1.3.6.1.5.5.7.1.30"),
        QStringLiteral("1.3.6.1.5.5.7.1.32")};
}

} // namespace slipway
