#include "core/identity/authority.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/issuer.h"
#include "core/identity/keyfile.h"
#include "core/identity/name.h"
#include "core/identity/token.h"
#include "core/identity/validity.h"

#include <algorithm>
#include <ctime>

namespace slipway {

namespace {

constexpr qint64 backdatedSeconds = 24 * 3600;
constexpr char ocspSigning[] = "\x2b\x06\x01\x05\x05\x07\x03\x09";
constexpr char ocspNoCheck[] = "\x2b\x06\x01\x05\x05\x07\x30\x01\x05"; // RFC 6960 section 4.2.2.2.1

enum class Use { Authority, Signing, Ocsp };

QByteArray extension(QByteArrayView oid, bool critical, const QByteArray &value)
{
    return der::tlv(der::Sequence, {der::tlv(der::Oid, oid), critical ? der::tlv(der::Boolean, "\xff") : QByteArray(),
                                    der::tlv(der::OctetString, value)});
}

QByteArray timeDer(const QString &text)
{
    return text < QLatin1String("20500101000000Z") ? der::tlv(der::UtcTime, text.mid(2).toLatin1())
                                                   : der::tlv(der::GeneralizedTime, text.toLatin1());
}

QByteArray nameDer(const QString &organisation, const QString &commonName)
{
    // RFC 5280 appendix A.1: ub-organization-name and ub-common-name are 64.
    const auto o = rdn(QStringLiteral("O"), organisation.left(64));
    const auto cn = rdn(QStringLiteral("CN"), commonName.left(64));
    return der::tlv(der::Sequence, {*o, *cn});
}

QByteArray keyIdOf(const QByteArray &spki)
{
    QByteArrayView bits;
    keyTypeOf(spki, &bits);
    return ssl::sha1(bits);
}

// A certificate over the key; signed by the issuer's key, or by itself.
QByteArray makeCertificate(const Signer &subject, const QByteArray &name, Use use, const QString &notAfter,
                           const Signer &issuer, const QByteArray &issuerName)
{
    const QByteArray spki = publicKeyInfo(subject.key());
    const bool authority = use == Use::Authority;
    // CA: TRUE with path length 0. Key usage: keyCertSign and cRLSign (bits 5, 6), or digitalSignature (bit 0).
    const QByteArray constraints =
        authority ? der::tlv(der::Sequence, {der::tlv(der::Boolean, "\xff"), der::unsignedInteger("")})
                  : der::tlv(der::Sequence, QByteArrayView());
    const QByteArray usage =
        der::tlv(der::BitString, authority ? QByteArrayView("\x01\x06") : QByteArrayView("\x07\x80"));
    const QByteArray extensions =
        extension(oid::view(oid::authorityKeyIdentifier), false,
                  der::tlv(der::Sequence, der::tlv(der::ContextPrimitive, keyIdOf(publicKeyInfo(issuer.key()))))) +
        extension(oid::view(oid::subjectKeyIdentifier), false, der::tlv(der::OctetString, keyIdOf(spki))) +
        extension(oid::view(oid::keyUsage), true, usage) +
        extension(oid::view(oid::basicConstraints), true, constraints) +
        (use == Use::Ocsp ? extension(oid::view(oid::extendedKeyUsage), false,
                                      der::tlv(der::Sequence, der::tlv(der::Oid, oid::view(ocspSigning)))) +
                                extension(oid::view(ocspNoCheck), false, der::tlv(der::Null, QByteArrayView()))
                          : QByteArray());
    const QByteArray tbs = der::tlv(
        der::Sequence,
        {der::tlv(der::Context, der::unsignedInteger("\x02")), der::unsignedInteger(newCertificateSerial()),
         issuer.algorithm(), issuerName,
         der::tlv(der::Sequence, {timeDer(timeFromSeconds(std::time(nullptr) - backdatedSeconds)), timeDer(notAfter)}),
         name, spki, der::tlv(der::Context + 3, der::tlv(der::Sequence, extensions))});
    return der::tlv(der::Sequence,
                    {tbs, issuer.algorithm(), der::tlv(der::BitString, QByteArray(1, '\0') + issuer.sign(tbs))});
}

QString inYears(int years)
{
    return *notAfterOf(QStringLiteral("%1y").arg(years), std::time(nullptr));
}

// Two stations of the same name must not have CAs of the same name.
QString shortId(const Signer &key)
{
    return QString::fromLatin1(keyIdOf(publicKeyInfo(key.key())).left(4).toHex());
}

KeyAndCertificate selfSigned(const QString &organisation, const QString &title, const QByteArray &passphrase)
{
    const Signer key(newKey());
    const QByteArray name = nameDer(organisation, title + u' ' + shortId(key));
    const QByteArray der = makeCertificate(key, name, Use::Authority, QString::fromLatin1(noExpiry), key, name);
    return {keyToPem(key.key(), passphrase), certificateToPem(der)};
}

// A CA's key with the name, and the end, of its certificate.
struct OwnCa {
    std::unique_ptr<Signer> signer;
    QByteArray name;
    QString notAfter;
    bool selfSigned = false;

    static OwnCa open(const QString &keyPath, const QString &certificatePath, const QByteArray &passphrase,
                      const SecretSource &pin)
    {
        const QByteArray der =
            certificatesFromPem(readFile(certificatePath, 256 * 1024, QStringLiteral("a certificate chain"))).front();
        const CertificateView view = CertificateView::read(der);
        auto signer = Signer::open(keyPath, passphrase, pin, view.publicKey.toByteArray());
        if (publicKeyInfo(signer->key()) != view.publicKey.toByteArray())
            throw Fault("issuer.mismatch", {keyPath, certificatePath});
        return {std::move(signer), view.subject.toByteArray(), timeText(view.notAfter), view.issuer == view.subject};
    }
};

} // namespace

NextCa createNextCa(const QString &keyPath, const QString &certificatePath, const QByteArray &passphrase,
                    const QString &keyType, const SecretSource &pin)
{
    const OwnCa old = OwnCa::open(keyPath, certificatePath, passphrase, pin);
    if (!old.selfSigned)
        throw Fault("issuer.not-root", {certificatePath});
    const bool inToken = Pkcs11Uri::is(keyType);
    const auto next = inToken ? Signer::open(keyType, {}, pin, TokenKey::publicKeyOf(Pkcs11Uri::parse(keyType), pin))
                              : std::make_unique<Signer>(newKey(keyType));
    const auto certificate = [&](const Signer &subject, const Signer &issuer) {
        return certificateToPem(makeCertificate(subject, old.name, Use::Authority, old.notAfter, issuer, old.name));
    };
    return {{inToken ? QByteArray() : keyToPem(next->key(), passphrase), certificate(*next, *next)},
            certificate(*old.signer, *next),
            certificate(*next, *old.signer)};
}

KeyAndCertificate createOcspResponder(const QString &caKeyPath, const QString &caCertificatePath,
                                      const QByteArray &passphrase, int days, const SecretSource &pin)
{
    const OwnCa ca = OwnCa::open(caKeyPath, caCertificatePath, passphrase, pin);
    const Signer key(newKey());
    const auto cn = rdn(QStringLiteral("CN"), QStringLiteral("OCSP responder ") + shortId(key));
    const QString end = *notAfterOf(QStringLiteral("%1d").arg(days), std::time(nullptr));
    const QByteArray der =
        makeCertificate(key, der::tlv(der::Sequence, *cn), Use::Ocsp, std::min(end, ca.notAfter), *ca.signer, ca.name);
    return {keyToPem(key.key(), passphrase), certificateToPem(der)};
}

KeyAndCertificate createDeviceCa(const QString &stationName, const QByteArray &passphrase)
{
    return selfSigned(stationName, QStringLiteral("Device CA"), passphrase);
}

KeyAndCertificate createTrainingCa(const QString &stationName, const QByteArray &passphrase)
{
    return selfSigned(QStringLiteral("TRAINING ") + stationName,
                      QStringLiteral("TRAINING Device CA, not for production"), passphrase);
}

StationKeys createStationKeys(const QString &stationName, const QByteArray &passphrase)
{
    const Signer ca(newKey());
    const Signer station(newKey());
    const QByteArray caName = nameDer(stationName, QStringLiteral("Station CA ") + shortId(ca));
    const QByteArray stationSubject = nameDer(stationName, QStringLiteral("Station ") + shortId(station));
    const QString notAfter = inYears(30);
    const QByteArray caDer = makeCertificate(ca, caName, Use::Authority, notAfter, ca, caName);
    const QByteArray stationDer = makeCertificate(station, stationSubject, Use::Signing, notAfter, ca, caName);
    StationKeys keys;
    keys.ca = {keyToPem(ca.key(), passphrase), certificateToPem(caDer)};
    keys.station = {keyToPem(station.key(), passphrase), certificateToPem(stationDer) + certificateToPem(caDer)};
    return keys;
}

} // namespace slipway
