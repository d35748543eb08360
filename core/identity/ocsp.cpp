#include "core/identity/ocsp.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/openssl.h"

#include <QDateTime>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <vector>

namespace slipway {

namespace {

constexpr qsizetype maximumBytes = 64 * 1024;
constexpr int maximumQuestions = 64;
constexpr int maximumNonce = 128; // octets, RFC 9654 section 2.1

using Request = std::unique_ptr<OCSP_REQUEST, ssl::Freer<OCSP_REQUEST_free>>;
using Basic = std::unique_ptr<OCSP_BASICRESP, ssl::Freer<OCSP_BASICRESP_free>>;
using Response = std::unique_ptr<OCSP_RESPONSE, ssl::Freer<OCSP_RESPONSE_free>>;
using Time = std::unique_ptr<ASN1_TIME, ssl::Freer<ASN1_TIME_free>>;

Fault unusable(const QString &why)
{
    return Fault("identity.ocsp-request", {why});
}

Request read(const QByteArray &der)
{
    if (der.isEmpty())
        throw unusable(QStringLiteral("it is empty"));
    if (der.size() > maximumBytes)
        throw unusable(QStringLiteral("it is larger than %1").arg(humanSize(maximumBytes)));
    const unsigned char *p = ssl::data(der);
    Request request(d2i_OCSP_REQUEST(nullptr, &p, long(der.size())));
    ERR_clear_error();
    if (!request || p != ssl::data(der) + der.size())
        throw unusable(QStringLiteral("it is not in the form of one (DER)"));
    const int questions = OCSP_request_onereq_count(request.get());
    if (questions < 1 || questions > maximumQuestions)
        throw unusable(QStringLiteral("it asks about %1 certificates, and 1 to %2 are answered")
                           .arg(questions)
                           .arg(maximumQuestions));
    for (int i = 0; i < OCSP_REQUEST_get_ext_count(request.get()); ++i) {
        X509_EXTENSION *extension = OCSP_REQUEST_get_ext(request.get(), i);
        const bool nonce = OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_id_pkix_OCSP_Nonce;
        if (nonce && ASN1_STRING_length(X509_EXTENSION_get_data(extension)) > maximumNonce + 3)
            throw unusable(QStringLiteral("its nonce is longer than %1 octets").arg(maximumNonce));
        if (!nonce && X509_EXTENSION_get_critical(extension)) // RFC 6960 section 4.4
            throw unusable(QStringLiteral("it has a critical extension that is not known here"));
    }
    return request;
}

std::vector<ssl::Certificate> certificates(const QList<QByteArray> &ders)
{
    std::vector<ssl::Certificate> list;
    for (const QByteArray &der : ders) {
        list.push_back(ssl::certificate(der));
        if (!list.back())
            throw Fault("identity.certificate", {QStringLiteral("that of the issuer cannot be read")});
    }
    return list;
}

// Which of the issuers a CertID names, by the hashes of name and key, whatever digest it has.
qsizetype issuerOf(OCSP_CERTID *id, const std::vector<ssl::Certificate> &issuers)
{
    ASN1_OBJECT *digest = nullptr;
    OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, id);
    const EVP_MD *md = EVP_get_digestbyobj(digest);
    for (size_t i = 0; md && i < issuers.size(); ++i) {
        const std::unique_ptr<OCSP_CERTID, ssl::Freer<OCSP_CERTID_free>> own(
            OCSP_cert_to_id(md, nullptr, issuers[i].get()));
        if (own && OCSP_id_issuer_cmp(own.get(), id) == 0)
            return qsizetype(i);
    }
    ERR_clear_error();
    return -1;
}

QString serialOf(OCSP_CERTID *id)
{
    ASN1_INTEGER *serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, id);
    const QByteArrayView bytes(reinterpret_cast<const char *>(ASN1_STRING_get0_data(serial)),
                               ASN1_STRING_length(serial));
    return hex(bytes);
}

OCSP_CERTID *questionOf(const Request &request, int i)
{
    return OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), i));
}

int reasonCode(const QString &reason)
{
    static const QStringList names{QStringLiteral("unspecified"),     QStringLiteral("keyCompromise"),
                                   QStringLiteral("cACompromise"),    QStringLiteral("affiliationChanged"),
                                   QStringLiteral("superseded"),      QStringLiteral("cessationOfOperation"),
                                   QStringLiteral("certificateHold"), QString(),
                                   QStringLiteral("removeFromCRL"),   QStringLiteral("privilegeWithdrawn"),
                                   QStringLiteral("aACompromise")};
    const qsizetype index = reason.isEmpty() ? -1 : names.indexOf(reason);
    return index > 0 ? int(index) : OCSP_REVOKED_STATUS_NOSTATUS; // "unspecified" is said by saying nothing
}

} // namespace

qsizetype ocspIssuerOf(const QByteArray &der, const QList<QByteArray> &issuers)
{
    const Request request = read(der);
    const auto known = certificates(issuers);
    for (int i = 0; i < OCSP_request_onereq_count(request.get()); ++i) {
        if (const qsizetype issuer = issuerOf(questionOf(request, i), known); issuer >= 0)
            return issuer;
    }
    return -1;
}

OcspResponse ocspRespond(const QByteArray &der, const SigningKey &responder, const QList<QByteArray> &issuers,
                         const std::function<OcspStatus(const QString &, qsizetype)> &look, const OcspForm &form)
{
    const Request request = read(der);
    const auto known = certificates(issuers);
    const Basic basic(OCSP_BASICRESP_new());
    const Time thisUpdate(ASN1_TIME_set(nullptr, time_t(form.at)));
    const Time nextUpdate(ASN1_TIME_set(nullptr, time_t(form.at + form.seconds)));
    OcspResponse response;
    for (int i = 0; i < OCSP_request_onereq_count(request.get()); ++i) {
        OCSP_CERTID *id = questionOf(request, i);
        OcspAnswer answer{serialOf(id), {}};
        if (const qsizetype issuer = issuerOf(id, known); issuer >= 0)
            answer.status = look(answer.certificateSerial, issuer);
        Time revokedAt;
        const bool revoked = answer.status.state == OcspStatus::State::Revoked;
        if (revoked) {
            const QDateTime at = QDateTime::fromString(answer.status.revokedAt, Qt::ISODateWithMs);
            revokedAt.reset(ASN1_TIME_set(nullptr, time_t(at.toSecsSinceEpoch())));
        }
        const int state = revoked                                          ? V_OCSP_CERTSTATUS_REVOKED
                          : answer.status.state == OcspStatus::State::Good ? V_OCSP_CERTSTATUS_GOOD
                                                                           : V_OCSP_CERTSTATUS_UNKNOWN;
        if (!OCSP_basic_add1_status(basic.get(), id, state, revoked ? reasonCode(answer.status.reason) : 0,
                                    revokedAt.get(), thisUpdate.get(), nextUpdate.get()))
            throw Fault("issuer.sign", {}, ssl::errors());
        response.answers << answer;
    }
    // 1: copied; 2: the request has none.
    response.nonce = OCSP_copy_nonce(basic.get(), request.get()) == 1;
    const ssl::Certificate own = ssl::certificate(responder.certificate());
    const EVP_MD *md = EVP_PKEY_is_a(responder.key(), "ED25519") ? nullptr : EVP_sha256();
    if (!own || OCSP_basic_sign(basic.get(), own.get(), responder.key(), md, nullptr, OCSP_RESPID_KEY) != 1)
        throw Fault("issuer.sign", {}, ssl::errors());
    const Response whole(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
    unsigned char *bytes = nullptr;
    const int length = whole ? i2d_OCSP_RESPONSE(whole.get(), &bytes) : -1;
    if (length <= 0)
        throw Fault("issuer.sign", {}, ssl::errors());
    response.der = QByteArray(reinterpret_cast<const char *>(bytes), length);
    OPENSSL_free(bytes);
    return response;
}

} // namespace slipway
