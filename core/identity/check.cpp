#include "core/identity/check.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/extensions.h"
#include "core/identity/name.h"
#include "core/identity/openssl.h"
#include "core/identity/validity.h"
#include "core/identity/verifysignature.h"
#include "core/mud/mudurl.h"

#include <QMap>
#include <QRegularExpression>
#include <QSet>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <ctime>

namespace slipway {

namespace {

const QString absent = QStringLiteral("absent");

class Judge
{
public:
    Judge(QByteArrayView der, const Profile &profile, const QList<QByteArray> &chain,
          const CertificateExpectations &expectations)
        : m_der(der), m_view(CertificateView::read(der)), m_profile(profile), m_chain(chain), m_wanted(expectations),
          m_subject(nameAttributes(m_view.subject))
    {}

    QList<CertificateFinding> judge()
    {
        form();
        issuer();
        validity();
        subject();
        key();
        keyIdentifiers();
        usages();
        hardwareModule();
        otherNames();
        mud();
        masa();
        mudSigner();
        extensions();
        return m_findings;
    }

private:
    using View = CertificateView;

    // sentence is kept only when the field does not hold.
    void add(const char *field, bool ok, const QString &expected, const QString &found, const char *clause,
             const QString &sentence)
    {
        m_findings << CertificateFinding{
            QString::fromLatin1(field),        ok, expected, oneLine(found), QString::fromLatin1(clause),
            ok ? QString() : oneLine(sentence)};
    }

    // For a part that may be damaged inside while the certificate around it is readable.
    template <typename Function>
    void guarded(const char *field, const QString &expected, const char *clause, Function function)
    {
        try {
            function();
        } catch (const der::Error &error) {
            add(field, false, expected, QStringLiteral("damaged"), clause,
                QStringLiteral("Its %1 %2").arg(QLatin1String(field), QLatin1String(error.what)));
        }
    }

    void form()
    {
        add("version", m_view.version == 3, QStringLiteral("3"), QString::number(m_view.version), "RFC 5280 4.1.2.1",
            QStringLiteral("Extensions need a version 3 certificate"));
        QByteArrayView serial = m_view.serial;
        const bool positive = !serial.isEmpty() && !(quint8(serial[0]) & 0x80) && (serial.size() > 1 || serial[0] != 0);
        const bool shortest = serial.size() < 2 || serial[0] != 0 || (quint8(serial[1]) & 0x80);
        add("certificate-serial", positive && shortest && serial.size() <= 20,
            QStringLiteral("positive, at most 20 octets"), m_view.serialText(), "RFC 5280 4.1.2.2",
            QStringLiteral("The certificate's serial number is not a positive number of at most 20 octets"));
        der::Reader algorithm(der::single(m_view.innerAlgorithm, der::Sequence));
        const QByteArrayView kind = algorithm.next(der::Oid).content;
        const QString found = signatureName(kind);
        const QString wanted = wantedAlgorithm();
        const bool equal = m_view.innerAlgorithm == m_view.outerAlgorithm;
        add("signature-algorithm", equal && !found.isEmpty() && (wanted.isEmpty() || wanted.contains(found)),
            wanted.isEmpty() ? QStringLiteral("ECDSA, Ed25519 or RSA with SHA-256 or better") : wanted,
            found.isEmpty() ? QString::fromLatin1(der::oidText(kind)) : found, "RFC 5280 4.1.1.2",
            !equal            ? QStringLiteral("It names two different signature algorithms")
            : found.isEmpty() ? QStringLiteral("It is signed with an algorithm that is not known or too weak")
                              : QStringLiteral("Its signature algorithm is not one of the issuer's key"));
        if (m_profile.maximumDerBytes > 0) {
            add("size", m_der.size() <= m_profile.maximumDerBytes,
                QStringLiteral("at most %1 bytes").arg(m_profile.maximumDerBytes), QString::number(m_der.size()),
                "profile maximum-size", QStringLiteral("It is too large for the device"));
        }
    }

    // The name of a signature algorithm that is good enough; "" for any other.
    static QString signatureName(QByteArrayView oidContent)
    {
        static const QMap<QByteArray, QString> known{
            {"1.2.840.10045.4.3.2", QStringLiteral("ecdsa-with-SHA256")},
            {"1.2.840.10045.4.3.3", QStringLiteral("ecdsa-with-SHA384")},
            {"1.2.840.10045.4.3.4", QStringLiteral("ecdsa-with-SHA512")},
            {"1.2.840.113549.1.1.11", QStringLiteral("sha256WithRSAEncryption")},
            {"1.2.840.113549.1.1.12", QStringLiteral("sha384WithRSAEncryption")},
            {"1.2.840.113549.1.1.13", QStringLiteral("sha512WithRSAEncryption")},
            {"1.3.101.112", QStringLiteral("Ed25519")}};
        return known.value(der::oidText(oidContent));
    }

    // The issuing key decides (RFC 5758 section 3.2, RFC 4055 section 5, RFC 8410 section 3); "": it is not known.
    QString wantedAlgorithm() const
    {
        if (m_chain.isEmpty())
            return {};
        const QString key = keyTypeOf(View::read(m_chain.front()).publicKey);
        return key.startsWith(QLatin1String("P-"))
                   ? QStringLiteral("ecdsa-with-SHA256, ecdsa-with-SHA384, ecdsa-with-SHA512")
               : key.startsWith(QLatin1String("RSA")) ? QStringLiteral("sha256WithRSAEncryption, "
                                                                       "sha384WithRSAEncryption, "
                                                                       "sha512WithRSAEncryption")
                                                      : key;
    }

    void issuer()
    {
        const QString found = nameText(m_view.issuer);
        if (m_chain.isEmpty()) {
            add("issuer", false, QStringLiteral("a known CA"), found, "RFC 5280 6.1",
                QStringLiteral("No issuing certificate was given to check it against"));
            return;
        }
        const View ca = View::read(m_chain.front());
        add("issuer", m_view.issuer == ca.subject, nameText(ca.subject), found, "RFC 5280 4.1.2.4",
            QStringLiteral("It was issued by \"%1\"").arg(found));
        const bool holds =
            verifyAlgorithm(ca.publicKey, keyTypeOf(ca.publicKey), m_view.outerAlgorithm, m_view.tbs, m_view.signature);
        add("signature", holds, QStringLiteral("holds under the issuer's key"),
            holds ? QStringLiteral("holds") : QStringLiteral("does not hold"), "RFC 5280 6.1.3",
            QStringLiteral("It was not signed by that issuer, or was changed afterwards"));
        const QString trouble = chainTrouble();
        add("chain", trouble.isEmpty(), QStringLiteral("leads to the anchor"),
            trouble.isEmpty() ? QStringLiteral("leads to the anchor") : trouble, "RFC 5280 6.1",
            QStringLiteral("Its chain does not hold: ") + trouble);
    }

    // OpenSSL's path validation, the last of the chain being the anchor; "" when it holds.
    QString chainTrouble() const
    {
        const ssl::Store store(X509_STORE_new());
        const ssl::Certificate anchor = ssl::certificate(m_chain.back());
        const ssl::Certificate own = ssl::certificate(m_der);
        if (!anchor || !own || X509_STORE_add_cert(store.get(), anchor.get()) != 1)
            return QStringLiteral("a certificate of it cannot be read");
        struct Freer {
            void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
        };
        const std::unique_ptr<STACK_OF(X509), Freer> between(sk_X509_new_null());
        for (qsizetype i = 0; i + 1 < m_chain.size(); ++i) {
            ssl::Certificate certificate = ssl::certificate(m_chain[i]);
            if (!certificate || sk_X509_push(between.get(), certificate.get()) <= 0)
                return QStringLiteral("a certificate of it cannot be read");
            (void)certificate.release();
        }
        const ssl::StoreContext context(X509_STORE_CTX_new());
        X509_STORE_CTX_init(context.get(), store.get(), own.get(), between.get());
        X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
        if (criticalByProfile()) // OpenSSL knows no extension of a profile's own; extensions() judges them
            X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_IGNORE_CRITICAL);
        X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_ANY);
        const bool holds = X509_verify_cert(context.get()) == 1;
        const int error = X509_STORE_CTX_get_error(context.get());
        ERR_clear_error();
        return holds ? QString() : QString::fromLatin1(X509_verify_cert_error_string(error));
    }

    // The profile wants critical extensions that nobody else knows, and none of the CAs has any.
    bool criticalByProfile() const
    {
        for (const QByteArray &der : m_chain) {
            const View ca = View::read(der);
            for (const View::Extension &extension : ca.extensions) {
                if (extension.critical && extension.oid != oid::view(oid::basicConstraints) &&
                    extension.oid != oid::view(oid::keyUsage))
                    return false;
            }
        }
        return std::any_of(m_profile.extensions.begin(), m_profile.extensions.end(),
                           [](const ExtensionTemplate &extension) { return extension.critical; });
    }

    void validity()
    {
        const QString now = timeFromSeconds(std::time(nullptr));
        const QString from = timeText(m_view.notBefore);
        const QString to = timeText(m_view.notAfter);
        add("not-before", secondsOf(from).has_value() && from <= now, QStringLiteral("in the past"), from,
            "RFC 5280 4.1.2.5",
            !secondsOf(from)
                ? QStringLiteral("Its beginning is no date of the calendar")
                : QStringLiteral("It is not valid yet: it begins at %1, and here it is %2").arg(from, now));
        add("validity", !from.isEmpty() && from <= to, QStringLiteral("begins before it ends"),
            from + QLatin1String(" to ") + to, "RFC 5280 4.1.2.5", QStringLiteral("It ends before it begins"));
        // 2050 and later must be written as GeneralizedTime, earlier years as UTCTime.
        const bool form =
            m_view.notAfter.is(to < QLatin1String("20500101000000Z") ? der::UtcTime : der::GeneralizedTime);
        const bool fixed = m_profile.notAfter.endsWith(u'Z');
        const bool good = fixed ? to == m_profile.notAfter : spanHolds(from, to) && to > now;
        const QString sentence = to.isEmpty() || (to != QLatin1String(noExpiry) && !secondsOf(to))
                                     ? QStringLiteral("Its end is no date of the calendar")
                                 : !form ? QStringLiteral("Its end is written as the wrong kind of time")
                                 : fixed && m_profile.notAfter == QLatin1String(noExpiry)
                                     ? QStringLiteral("It expires, and a device's identity must not")
                                     : QStringLiteral("It is not valid for as long as the profile wants");
        add("not-after", good && form && !to.isEmpty(), m_profile.notAfter, to,
            m_profile.kind == u"ldevid" ? "RFC 5280 4.1.2.5" : "IEEE 802.1AR 8.7, RFC 5280 4.1.2.5", sentence);
    }

    // A span counts from the moment of issue, a little after notBefore: a day of grace.
    bool spanHolds(const QString &from, const QString &to) const
    {
        const auto seconds = secondsOf(from);
        if (!seconds)
            return false;
        const auto early = notAfterOf(m_profile.notAfter, *seconds);
        const auto late = notAfterOf(m_profile.notAfter, *seconds + 86400);
        return early && late && to >= *early && to <= *late;
    }

    void subject()
    {
        QStringList serials;
        bool printable = true;
        QStringList found;
        for (const NameAttribute &attribute : std::as_const(m_subject)) {
            if (attribute.oid == oid::view(oid::serialNumber)) {
                serials << attribute.text();
                printable = printable && attribute.tag == der::PrintableString;
            } else {
                found << attribute.type() + u'=' + attribute.text();
            }
        }
        m_serial = serials.size() == 1 ? serials.front() : QString();
        const QRegularExpression pattern(QRegularExpression::anchoredPattern(m_profile.serialPattern));
        const bool matches = m_profile.serialPattern.isEmpty() || pattern.match(m_serial).hasMatch();
        const bool wanted = !m_wanted.serial || *m_wanted.serial == m_serial;
        const QString expected = m_wanted.serial ? *m_wanted.serial : QStringLiteral("one, ") + m_profile.serialPattern;
        const QString sentence =
            serials.isEmpty()    ? QStringLiteral("Its subject has no serialNumber, so the device cannot be told by it")
            : serials.size() > 1 ? QStringLiteral("Its subject has more than one serialNumber")
            : !printable         ? QStringLiteral("The serialNumber is no PrintableString")
            : !wanted            ? QStringLiteral("It belongs to unit %1").arg(m_serial)
                                 : QStringLiteral("The serial number does not have the product's form");
        add("serial-number", !m_serial.isEmpty() && printable && matches && wanted, expected,
            serials.isEmpty() ? absent : serials.join(QLatin1String(", ")), "IEEE 802.1AR 8.6, RFC 8995 2.3.1",
            sentence);

        QStringList words;
        for (auto it = m_profile.subject.cbegin(); it != m_profile.subject.cend(); ++it)
            words << it.key() + u'=' + QString(it.value()).replace(QLatin1String("${serial}"), m_serial);
        words.sort();
        found.sort();
        add("subject", words == found,
            words.isEmpty() ? QStringLiteral("serialNumber only") : words.join(QLatin1String(", ")),
            found.join(QLatin1String(", ")), "profile subject",
            QStringLiteral("Its subject is not what the profile wants"));
    }

    void key()
    {
        guarded("key", m_profile.keyType, "IEEE 802.1AR 8.9", [this] {
            const QString type = keyTypeOf(m_view.publicKey);
            add("key", type == m_profile.keyType, m_profile.keyType, type.isEmpty() ? QStringLiteral("unknown") : type,
                "IEEE 802.1AR 8.9", QStringLiteral("Its key is of another type than the profile wants"));
        });
        if (m_wanted.publicKey) {
            add("public-key", m_view.publicKey == QByteArrayView(*m_wanted.publicKey),
                hex(ssl::sha256(*m_wanted.publicKey)), hex(ssl::sha256(m_view.publicKey)), "RFC 2986 4.2",
                QStringLiteral("It is for another key than the one that was asked for"));
        }
    }

    void keyIdentifiers()
    {
        guarded("authority-key-identifier", QStringLiteral("present"), "RFC 5280 4.2.1.1", [this] {
            const auto *aki = m_view.extension(oid::view(oid::authorityKeyIdentifier));
            QByteArrayView found;
            if (aki) {
                der::Reader fields(der::single(aki->value, der::Sequence));
                if (fields.nextIs(der::ContextPrimitive))
                    found = fields.next().content;
            }
            QByteArrayView expected;
            if (!m_chain.isEmpty()) {
                const View ca = View::read(m_chain.front());
                if (const auto *ski = ca.extension(oid::view(oid::subjectKeyIdentifier)))
                    expected = der::single(ski->value, der::OctetString).content;
            }
            add("authority-key-identifier",
                aki && !aki->critical && !found.isEmpty() && (m_chain.isEmpty() || found == expected),
                expected.isEmpty() ? QStringLiteral("present") : hex(expected), aki ? hex(found) : absent,
                "RFC 5280 4.2.1.1, RFC 8995 2.3.1",
                !aki ? QStringLiteral("It lacks the authority key identifier, which BRSKI needs")
                     : QStringLiteral("Its authority key identifier is critical or names another key"));
        });
        guarded("subject-key-identifier", QStringLiteral("present"), "RFC 5280 4.2.1.2", [this] {
            const auto *ski = m_view.extension(oid::view(oid::subjectKeyIdentifier));
            const QByteArrayView found = ski ? der::single(ski->value, der::OctetString).content : QByteArrayView();
            // Method 1 is what we do and nearly everybody does. Authorities somewhere else also take method 2, those of
            // RFC 7093 section 2, or the SHA-1 of the whole SubjectPublicKeyInfo.
            const QByteArray own = ssl::sha1(m_view.keyBits), ofBits = ssl::sha256(m_view.keyBits),
                             ofInfo = ssl::sha256(m_view.publicKey);
            const QByteArray shortened = QByteArray(1, char(0x40 | (own[12] & 0x0f))) + own.mid(13);
            const QList<QByteArray> derived{
                own, shortened, ofBits.left(20), ofBits, ofInfo.left(20), ofInfo, ssl::sha1(m_view.publicKey)};
            add("subject-key-identifier", ski && !ski->critical && derived.contains(found.toByteArray()), hex(own),
                ski ? hex(found) : absent, "RFC 5280 4.2.1.2, RFC 7093 2",
                !ski ? QStringLiteral("It lacks the subject key identifier")
                     : QStringLiteral("Its subject key identifier is critical or is no digest of its key"));
        });
    }

    void usages()
    {
        const QByteArray wantedBits = m_profile.keyUsage ? keyUsageValue(m_profile.keyUsages) : QByteArray();
        const QString wantedUsage =
            m_profile.keyUsage ? keyUsageText(wantedBits) + QStringLiteral(", critical") : absent;
        guarded("key-usage", wantedUsage, "RFC 5280 4.2.1.3", [&] {
            const auto *usage = m_view.extension(oid::view(oid::keyUsage));
            QString found = usage ? keyUsageText(usage->value) : absent;
            if (usage && usage->critical)
                found += QStringLiteral(", critical");
            const bool authority = found.contains(QLatin1String("keyCertSign"));
            add("key-usage",
                m_profile.keyUsage ? usage && usage->critical && usage->value == QByteArrayView(wantedBits) : !usage,
                wantedUsage, found, "RFC 5280 4.2.1.3",
                authority            ? QStringLiteral("Its key may sign certificates: the device would be a CA")
                : m_profile.keyUsage ? QStringLiteral("Its key usage is not the profile's, or not critical")
                                     : QStringLiteral("It limits the use of the key"));
        });
        if (m_profile.extendedKeyUsages.isEmpty()) {
            const auto *extended = m_view.extension(oid::view(oid::extendedKeyUsage));
            add("extended-key-usage", !extended, absent, extended ? QStringLiteral("present") : absent,
                m_profile.kind == u"ldevid" ? "RFC 5280 4.2.1.12" : "RFC 8995 2.3",
                m_profile.kind == u"ldevid" ? QStringLiteral("It is limited to uses that the profile does not name")
                                            : QStringLiteral("An IDevID must not be limited to some uses"));
        }
        for (const LaidExtension &wanted : usageExtensions(m_profile) + lastExtensions(m_profile))
            asLaid(wanted);
        const QString wanted =
            m_profile.basicConstraints ? QStringLiteral("CA:FALSE") : QStringLiteral("CA:FALSE or absent");
        guarded("basic-constraints", wanted, "RFC 5280 4.2.1.9", [&] {
            const auto *constraints = m_view.extension(oid::view(oid::basicConstraints));
            bool authority = false;
            if (constraints) {
                der::Reader fields(der::single(constraints->value, der::Sequence));
                authority = fields.nextIs(der::Boolean) && fields.next().content != QByteArrayView("\0", 1);
            }
            add("basic-constraints", !authority && (constraints || !m_profile.basicConstraints), wanted,
                !constraints ? absent
                : authority  ? QStringLiteral("CA:TRUE")
                             : QStringLiteral("CA:FALSE"),
                "RFC 5280 4.2.1.9",
                authority ? QStringLiteral("It is a CA's certificate: the device could issue others")
                          : QStringLiteral("It lacks the basic constraints"));
        });
    }

    // An extension that the profile gives whole: there, and the same octets.
    void asLaid(const LaidExtension &wanted)
    {
        const auto *found = m_view.extension(wanted.oid);
        const QString name = QString::fromLatin1(der::oidText(wanted.oid));
        const auto shown = [](bool critical, QByteArrayView value) {
            return oneLine(hex(value), 160) + (critical ? QStringLiteral(", critical") : QString());
        };
        const QString sentence =
            !found ? QStringLiteral("It lacks the extension %1 that the profile wants").arg(name)
            : found->value != QByteArrayView(wanted.value)
                ? QStringLiteral("Its extension %1 has another value than the profile's").arg(name)
                : QStringLiteral("Its extension %1 is %2critical, and the profile wants the opposite")
                      .arg(name, found->critical ? QString() : QStringLiteral("not "));
        add(wanted.field, found && found->value == QByteArrayView(wanted.value) && found->critical == wanted.critical,
            shown(wanted.critical, wanted.value), found ? shown(found->critical, found->value) : absent, wanted.clause,
            sentence);
        m_declared << wanted.oid;
    }

    // The whole list of names, where the profile has more of them than the hardware module's.
    void otherNames()
    {
        if (m_profile.alternativeNames.isEmpty())
            return;
        const auto *san = m_view.extension(oid::view(oid::subjectAltName));
        QByteArray wanted;
        QString why;
        try {
            wanted = alternativeNames(m_profile, m_serial);
        } catch (const Fault &fault) {
            why = fault.sentence();
        }
        add("subject-alt-name", san && why.isEmpty() && san->value == QByteArrayView(wanted), hex(wanted),
            san ? oneLine(hex(san->value), 300) : absent, "RFC 5280 4.2.1.6",
            !why.isEmpty() ? why
            : san          ? QStringLiteral("Its alternative names are not the profile's")
                           : QStringLiteral("It lacks the alternative names that the profile wants"));
    }

    void hardwareModule()
    {
        const QString wanted = m_profile.hwType.isEmpty() ? absent : m_profile.hwType + QLatin1String(", ") + m_serial;
        guarded("hardware-module-name", wanted, "RFC 4108 5", [&] {
            const auto *san = m_view.extension(oid::view(oid::subjectAltName));
            QString type;
            QByteArrayView serial;
            int names = 0;
            if (san) {
                der::Reader list(der::single(san->value, der::Sequence));
                while (!list.atEnd()) {
                    const der::Element name = list.next();
                    if (!name.is(der::Context))
                        continue;
                    der::Reader other(name);
                    if (other.next(der::Oid).content != oid::view(oid::hardwareModuleName))
                        continue;
                    der::Reader module(der::single(other.next(der::Context).content, der::Sequence));
                    type = QString::fromLatin1(der::oidText(module.next(der::Oid).content));
                    serial = module.next(der::OctetString).content;
                    module.end();
                    ++names;
                }
            }
            const bool ok = m_profile.hwType.isEmpty()
                                ? names == 0
                                : names == 1 && type == m_profile.hwType && !m_serial.isEmpty() &&
                                      serial == QByteArrayView(m_serial.toLatin1());
            add("hardware-module-name", ok, wanted,
                names == 0 ? absent : type + QLatin1String(", ") + QString::fromLatin1(serial),
                "RFC 4108 5, IEEE 802.1AR 8.10",
                names == 0  ? QStringLiteral("It does not say which hardware it belongs to")
                : names > 1 ? QStringLiteral("It names more than one piece of hardware")
                            : QStringLiteral("It names other hardware than the profile and its own serial number"));
        });
    }

    void mud()
    {
        const auto *extension = m_view.extension(oid::view(oid::mudUrl));
        QString expected = m_wanted.mudUrl            ? *m_wanted.mudUrl
                           : m_profile.mudUrlRequired ? QStringLiteral("present")
                                                      : QStringLiteral("present or absent");
        if (!m_wanted.mudUrl && !m_profile.mudUrlPattern.isEmpty())
            expected += QStringLiteral(", ") + m_profile.mudUrlPattern;
        QString url;
        QString trouble;
        if (extension) {
            try {
                url = MudUrl::fromExtensionValue(extension->value.toByteArray()).text();
            } catch (const Fault &fault) {
                trouble = fault.sentence();
                if (trouble.endsWith(u'.'))
                    trouble.chop(1); // it goes on
            }
            const QRegularExpression pattern(m_profile.mudUrlPattern);
            if (trouble.isEmpty() && extension->critical)
                trouble = QStringLiteral("The MUD URL extension is critical, so most software refuses the certificate");
            else if (trouble.isEmpty() && m_wanted.mudUrl && url != *m_wanted.mudUrl)
                trouble = QStringLiteral("It carries another MUD URL");
            else if (trouble.isEmpty() && !m_profile.mudUrlPattern.isEmpty() && !pattern.match(url).hasMatch())
                trouble = QStringLiteral("Its MUD URL is not one of this product");
        } else if (m_profile.mudUrlRequired || (m_wanted.mudUrl && !m_wanted.mudUrl->isEmpty())) {
            trouble = QStringLiteral("It carries no MUD URL");
        }
        add("mud-url", trouble.isEmpty(), expected,
            extension ? (url.isEmpty() ? QStringLiteral("damaged") : url) : absent, "RFC 8520 11", trouble);
    }

    void masa()
    {
        const QString wanted = m_profile.masaUrl.isEmpty() ? absent : m_profile.masaUrl;
        guarded("masa-url", wanted, "RFC 8995 2.3.2", [&] {
            const auto *extension = m_view.extension(oid::view(oid::masaUrl));
            const QString found =
                extension ? QString::fromLatin1(der::single(extension->value, der::Ia5String).content) : absent;
            add("masa-url", found == wanted && !(extension && extension->critical), wanted, found, "RFC 8995 2.3.2",
                QStringLiteral("Its MASA URL is not the profile's, or is critical"));
        });
    }

    void mudSigner()
    {
        const auto *extension = m_view.extension(oid::view(oid::mudSigner));
        const auto wanted = m_profile.mudSigner.isEmpty() ? std::nullopt : nameFromText(m_profile.mudSigner);
        const bool ok =
            wanted ? extension && !extension->critical && extension->value == QByteArrayView(*wanted) : !extension;
        guarded("mud-signer", wanted ? m_profile.mudSigner : absent, "RFC 8520 11", [&] {
            add("mud-signer", ok, wanted ? nameText(*wanted) : absent, extension ? nameText(extension->value) : absent,
                "RFC 8520 11", QStringLiteral("The signer of MUD files that it names is not the profile's"));
        });
    }

    void extensions()
    {
        static const QList<QByteArrayView> known{oid::view(oid::authorityKeyIdentifier),
                                                 oid::view(oid::subjectKeyIdentifier),
                                                 oid::view(oid::keyUsage),
                                                 oid::view(oid::basicConstraints),
                                                 oid::view(oid::subjectAltName),
                                                 oid::view(oid::mudUrl),
                                                 oid::view(oid::masaUrl),
                                                 oid::view(oid::mudSigner)};
        QSet<QByteArray> seen;
        QStringList trouble;
        for (const View::Extension &extension : m_view.extensions) {
            const QByteArray oid = extension.oid.toByteArray();
            const QString name = QString::fromLatin1(der::oidText(extension.oid));
            if (seen.contains(oid))
                trouble << QStringLiteral("%1 stands there twice").arg(name);
            else if (extension.critical && !known.contains(extension.oid) && !m_declared.contains(oid))
                trouble << QStringLiteral("%1 is critical and not known").arg(name);
            else if (extension.criticalWritten)
                trouble << QStringLiteral("%1 is not in DER").arg(name);
            seen << oid;
        }
        add("extensions", trouble.isEmpty(), QStringLiteral("each once, none unknown and critical"),
            trouble.isEmpty() ? QStringLiteral("%1 extensions").arg(m_view.extensions.size())
                              : trouble.join(QLatin1String("; ")),
            "RFC 5280 4.2", QStringLiteral("Its extensions: ") + trouble.join(QLatin1String("; ")));
    }

    QByteArrayView m_der;
    View m_view;
    const Profile &m_profile;
    const QList<QByteArray> &m_chain;
    const CertificateExpectations &m_wanted;
    QList<NameAttribute> m_subject;
    QString m_serial;
    QList<QByteArray> m_declared; // extensions that the profile gives whole
    QList<CertificateFinding> m_findings;
};

} // namespace

QList<CertificateFinding> checkCertificate(const QByteArray &der, const Profile &profile,
                                           const QList<QByteArray> &chain, const CertificateExpectations &expectations)
{
    try {
        return Judge(der, profile, chain, expectations).judge();
    } catch (const der::Error &error) {
        throw Fault("identity.certificate", {QStringLiteral("it ") + QString::fromLatin1(error.what)});
    }
}

QJsonObject CertificateFinding::toJson() const
{
    return {{QStringLiteral("field"), field},       {QStringLiteral("ok"), ok},
            {QStringLiteral("expected"), expected}, {QStringLiteral("found"), found},
            {QStringLiteral("clause"), clause},     {QStringLiteral("sentence"), sentence}};
}

bool allHold(const QList<CertificateFinding> &findings)
{
    return std::all_of(findings.begin(), findings.end(), [](const CertificateFinding &f) { return f.ok; });
}

QString whatDoesNotHold(const QList<CertificateFinding> &findings)
{
    QStringList sentences;
    for (const CertificateFinding &finding : findings) {
        if (!finding.ok)
            sentences << finding.field + QLatin1String(": ") + finding.sentence;
    }
    return sentences.join(QLatin1String("; "));
}

} // namespace slipway
