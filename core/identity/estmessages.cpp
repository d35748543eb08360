#include "core/identity/estmessages.h"

#include "core/base/fault.h"
#include "core/identity/certificateview.h"
#include "core/identity/openssl.h"

#include <openssl/err.h>

namespace slipway {

namespace {

constexpr qsizetype maximumBytes = 256 * 1024;
constexpr int maximumCertificates = 16;
constexpr int maximumAttributes = 64;

Fault unusable(const QString &server, const QString &why)
{
    return Fault("issuer.answer", {server, why});
}

QByteArray derOf(const QByteArray &body, const QString &server)
{
    if (body.isEmpty())
        throw unusable(server, QStringLiteral("it is empty"));
    if (body.size() > maximumBytes)
        throw unusable(server, QStringLiteral("it is too large"));
    if (quint8(body[0]) == der::Sequence)
        return body;
    QByteArray text = body;
    while (text.endsWith('\0')) // libest sends its string with its end
        text.chop(1);
    for (const char blank : {'\r', '\n', ' ', '\t'})
        text.replace(QByteArray(1, blank), "");
    const auto decoded = QByteArray::fromBase64Encoding(text, QByteArray::AbortOnBase64DecodingErrors);
    if (!decoded || decoded.decoded.isEmpty())
        throw unusable(server, QStringLiteral("it is not in base64"));
    return decoded.decoded;
}

struct StackFreer {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};

} // namespace

QList<QByteArray> estCertificates(const QByteArray &body, const QString &server)
{
    const QByteArray message = derOf(body, server);
    const unsigned char *p = ssl::data(message);
    const ssl::Cms cms(d2i_CMS_ContentInfo(nullptr, &p, long(message.size())));
    if (!cms || p != ssl::data(message) + message.size() || OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed) {
        ERR_clear_error();
        throw unusable(server, QStringLiteral("it is no PKCS#7 message with certificates"));
    }
    const std::unique_ptr<STACK_OF(X509), StackFreer> stack(CMS_get1_certs(cms.get()));
    const int count = stack ? sk_X509_num(stack.get()) : 0;
    ERR_clear_error();
    if (count < 1)
        throw unusable(server, QStringLiteral("it holds no certificate"));
    if (count > maximumCertificates)
        throw unusable(server, QStringLiteral("it holds more than %1 certificates").arg(maximumCertificates));
    QList<QByteArray> list;
    for (int i = 0; i < count; ++i) {
        unsigned char *bytes = nullptr;
        const int length = i2d_X509(sk_X509_value(stack.get(), i), &bytes);
        list << QByteArray(reinterpret_cast<const char *>(bytes), std::max(0, length));
        OPENSSL_free(bytes);
    }
    return list;
}

EstAttributes estAttributes(const QByteArray &body, const QString &server)
{
    EstAttributes found;
    const QByteArray bytes = derOf(body, server);
    try {
        // CsrAttrs ::= SEQUENCE SIZE (0..MAX) OF AttrOrOID; Attribute ::= SEQUENCE { type OID, values SET }.
        der::Reader list(der::single(bytes, der::Sequence));
        while (!list.atEnd()) {
            if (found.wanted.size() >= maximumAttributes)
                throw unusable(server, QStringLiteral("it asks for more than %1 attributes").arg(maximumAttributes));
            const der::Element item = list.next();
            if (item.tag == der::Oid) {
                found.wanted << QString::fromLatin1(der::oidText(item.content));
                continue;
            }
            if (item.tag != der::Sequence)
                throw der::Error{"has another structure"};
            der::Reader attribute(item.content);
            const QByteArrayView type = attribute.next(der::Oid).content;
            der::Reader values(attribute.next(der::Set).content);
            attribute.end();
            found.wanted << QString::fromLatin1(der::oidText(type));
            if (type == oid::view(oid::rsaEncryption)) {
                found.keyType = QStringLiteral("RSA");
            } else if (type == oid::view(oid::ecPublicKey)) {
                while (!values.atEnd()) {
                    const der::Element curve = values.next();
                    if (curve.tag == der::Oid && curve.content == oid::view(oid::p256))
                        found.keyType = QStringLiteral("P-256");
                    else if (curve.tag == der::Oid && curve.content == oid::view(oid::p384))
                        found.keyType = QStringLiteral("P-384");
                }
            }
        }
    } catch (const der::Error &error) {
        throw unusable(server, QStringLiteral("its list of attributes ") + QString::fromLatin1(error.what));
    }
    return found;
}

} // namespace slipway
