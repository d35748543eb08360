// PKCS#10 requests (RFC 2986), read by our own bounded reader; the signature is checked with OpenSSL.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/issuer.h"
#include "core/identity/name.h"
#include "core/identity/openssl.h"
#include "core/identity/verifysignature.h"

#include <array>

namespace slipway {

namespace {

constexpr qsizetype maximumBytes = 16 * 1024;

QByteArray fromPem(const QByteArray &pem)
{
    for (const char *label : {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}) {
        const QByteArray begin = QByteArray("-----BEGIN ") + label + "-----";
        const QByteArray end = QByteArray("-----END ") + label + "-----";
        const qsizetype from = pem.indexOf(begin);
        if (from < 0)
            continue;
        const qsizetype to = pem.indexOf(end, from);
        if (to < 0)
            throw Fault("identity.csr", {QStringLiteral("its PEM form has no end line")});
        QByteArray body = pem.mid(from + begin.size(), to - from - begin.size());
        body.replace('\r', "").replace('\n', "").replace(' ', "").replace('\t', "");
        const auto decoded = QByteArray::fromBase64Encoding(body, QByteArray::AbortOnBase64DecodingErrors);
        if (!decoded)
            throw Fault("identity.csr", {QStringLiteral("its base64 text is damaged")});
        return decoded.decoded;
    }
    throw Fault("identity.csr", {QStringLiteral("it is neither PEM nor DER")});
}

} // namespace

CertificateRequest CertificateRequest::parse(const QByteArray &pemOrDer)
{
    if (pemOrDer.isEmpty())
        throw Fault("identity.csr", {QStringLiteral("it is empty")});
    if (pemOrDer.size() > maximumBytes)
        throw Fault("identity.csr", {QStringLiteral("it is larger than %1").arg(humanSize(maximumBytes))});

    CertificateRequest request;
    request.der = quint8(pemOrDer[0]) == der::Sequence ? pemOrDer : fromPem(pemOrDer);
    QByteArrayView info;
    QByteArrayView algorithm;
    QByteArrayView signature;
    QByteArrayView publicKey;
    try {
        der::Reader outer(der::single(request.der, der::Sequence));
        const der::Element infoElement = outer.next(der::Sequence);
        info = infoElement.whole;
        algorithm = outer.next(der::Sequence).whole;
        const QByteArrayView bits = outer.next(der::BitString).content;
        outer.end();
        if (bits.isEmpty() || bits[0] != 0)
            throw der::Error{"has a damaged signature"};
        signature = bits.sliced(1);

        der::Reader fields(infoElement);
        const QByteArrayView version = fields.next(der::Integer).content;
        if (version.size() != 1 || version[0] != 0)
            throw der::Error{"has another version than 1"};
        const der::Element subject = fields.next(der::Sequence);
        publicKey = fields.next(der::Sequence).whole;
        if (fields.nextIs(der::Context)) // attributes: read for their form, never copied into a certificate
            for (der::Reader attributes(fields.next()); !attributes.atEnd();)
                attributes.next(der::Sequence);
        fields.end();

        int serials = 0;
        const auto attributes = nameAttributes(subject.whole);
        for (const NameAttribute &attribute : attributes) {
            if (attribute.oid == oid::view(oid::serialNumber)) {
                request.serialNumber = attribute.text();
                ++serials;
            }
        }
        if (serials > 1)
            throw der::Error{"names more than one serial number"};
        request.keyType = keyTypeOf(publicKey);
    } catch (const der::Error &error) {
        throw Fault("identity.csr", {QStringLiteral("it ") + QString::fromLatin1(error.what)});
    }
    if (request.keyType.isEmpty())
        throw Fault("identity.csr", {QStringLiteral("it has a key of a kind that is not known here")});
    request.publicKeyDer = publicKey.toByteArray();
    request.publicKeySha256 = ssl::sha256(publicKey);
    if (!verifyAlgorithm(request.publicKeyDer, request.keyType, algorithm, info, signature))
        throw Fault("identity.csr-signature", {}, ssl::errors());
    return request;
}

} // namespace slipway
