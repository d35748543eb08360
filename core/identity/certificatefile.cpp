// Certificates in and out of files, and the few facts of them that records and screens show.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/name.h"
#include "core/identity/openssl.h"

namespace slipway {

namespace {

constexpr qsizetype maximumBytes = 64 * 1024;
constexpr qsizetype maximumCertificates = 64;

Fault unusable(const QString &why)
{
    return Fault("identity.certificate", {why});
}

// Null where there is no such extension; empty where it holds something else, of which the certificate may be judged.
QString ia5(const CertificateView &view, QByteArrayView oid)
{
    const auto *extension = view.extension(oid);
    if (!extension)
        return {};
    try {
        return QLatin1String("") + QString::fromLatin1(der::single(extension->value, der::Ia5String).content);
    } catch (const der::Error &) {
        return QLatin1String("");
    }
}

} // namespace

QList<QByteArray> certificatesFromPem(const QByteArray &pem)
{
    static const QByteArray begin("-----BEGIN CERTIFICATE-----");
    static const QByteArray end("-----END CERTIFICATE-----");
    QList<QByteArray> list;
    for (qsizetype from = pem.indexOf(begin); from >= 0; from = pem.indexOf(begin, from + 1)) {
        const qsizetype to = pem.indexOf(end, from);
        if (to < 0)
            throw unusable(QStringLiteral("its PEM form has no end line"));
        QByteArray body = pem.mid(from + begin.size(), to - from - begin.size());
        body.replace('\r', "").replace('\n', "").replace(' ', "").replace('\t', "");
        const auto decoded = QByteArray::fromBase64Encoding(body, QByteArray::AbortOnBase64DecodingErrors);
        if (!decoded || decoded.decoded.isEmpty() || decoded.decoded.size() > maximumBytes)
            throw unusable(QStringLiteral("its base64 text is damaged"));
        list << decoded.decoded;
        if (list.size() > maximumCertificates)
            throw unusable(QStringLiteral("the file holds more than %1 of them").arg(maximumCertificates));
    }
    if (list.isEmpty())
        throw unusable(QStringLiteral("it is neither PEM nor DER"));
    return list;
}

QByteArray certificateFromFile(const QByteArray &pemOrDer)
{
    if (pemOrDer.isEmpty())
        throw unusable(QStringLiteral("it is empty"));
    if (pemOrDer.size() > maximumBytes)
        throw unusable(QStringLiteral("it is larger than %1").arg(humanSize(maximumBytes)));
    return quint8(pemOrDer[0]) == der::Sequence ? pemOrDer : certificatesFromPem(pemOrDer).front();
}

QByteArray certificateToPem(const QByteArray &der)
{
    QByteArray pem("-----BEGIN CERTIFICATE-----\n");
    const QByteArray text = der.toBase64();
    for (qsizetype at = 0; at < text.size(); at += 64)
        pem += text.mid(at, 64) + '\n';
    return pem + "-----END CERTIFICATE-----\n";
}

CertificateFacts certificateFacts(const QByteArray &der)
{
    CertificateFacts facts;
    try {
        const CertificateView view = CertificateView::read(der);
        facts.certificateSerial = view.serialText();
        facts.subject = nameText(view.subject);
        facts.issuer = nameText(view.issuer);
        facts.notBefore = timeText(view.notBefore);
        facts.notAfter = timeText(view.notAfter);
        facts.publicKeyDer = view.publicKey.toByteArray();
        const auto attributes = nameAttributes(view.subject);
        for (const NameAttribute &attribute : attributes) {
            if (attribute.oid == oid::view(oid::serialNumber))
                facts.subjectSerial = attribute.text();
        }
        facts.mudUrl = ia5(view, oid::view(oid::mudUrl));
        facts.masaUrl = ia5(view, oid::view(oid::masaUrl));
        if (const auto *aki = view.extension(oid::view(oid::authorityKeyIdentifier))) {
            der::Reader fields(der::single(aki->value, der::Sequence));
            if (fields.nextIs(der::ContextPrimitive))
                facts.authorityKeyId = fields.next().content.toByteArray();
        }
        if (const auto *ski = view.extension(oid::view(oid::subjectKeyIdentifier)))
            facts.subjectKeyId = der::single(ski->value, der::OctetString).content.toByteArray();
    } catch (const der::Error &error) {
        throw unusable(QStringLiteral("it ") + QString::fromLatin1(error.what));
    }
    facts.sha256 = ssl::sha256(der);
    facts.publicKeySha256 = ssl::sha256(facts.publicKeyDer);
    return facts;
}

QList<QByteArray> chainOf(const QByteArray &der, const QList<QList<QByteArray>> &chains)
{
    const CertificateFacts facts = certificateFacts(der);
    for (const QList<QByteArray> &chain : chains) {
        if (chain.isEmpty())
            continue;
        const CertificateFacts ca = certificateFacts(chain.front());
        if (ca.subject == facts.issuer && (facts.authorityKeyId.isEmpty() || ca.subjectKeyId == facts.authorityKeyId))
            return chain;
    }
    return chains.isEmpty() ? QList<QByteArray>() : chains.front();
}

} // namespace slipway
