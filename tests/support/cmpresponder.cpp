#include "tests/support/cmpresponder.h"

#include "core/identity/der.h"

#include <QFile>

#include <openssl/crmf.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>

namespace slipway::test {

namespace {

QByteArray fileContent(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

X509 *certificateOf(const QString &path)
{
    const QByteArray pem = fileContent(path);
    BIO *bio = BIO_new_mem_buf(pem.constData(), int(pem.size()));
    X509 *certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return certificate;
}

EVP_PKEY *keyOf(const QString &path)
{
    const QByteArray pem = fileContent(path);
    BIO *bio = BIO_new_mem_buf(pem.constData(), int(pem.size()));
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return key;
}

// OpenSSL 3.0 gives no access to the template's key and validity: [6] and [4] of CertTemplate, RFC 4211 section 5.
struct Template {
    EVP_PKEY *key = nullptr;
    QByteArray notAfter;
};

Template read(const OSSL_CRMF_CERTTEMPLATE *in)
{
    Template out;
    unsigned char *bytes = nullptr;
    const int length = i2d_OSSL_CRMF_CERTTEMPLATE(const_cast<OSSL_CRMF_CERTTEMPLATE *>(in), &bytes);
    const QByteArray der(reinterpret_cast<const char *>(bytes), length);
    OPENSSL_free(bytes);
    der::Reader fields(der::single(der, der::Sequence));
    while (!fields.atEnd()) {
        const der::Element field = fields.next();
        if (field.tag == der::Context + 6) {
            QByteArray spki = field.whole.toByteArray();
            spki[0] = char(der::Sequence);
            const auto *p = reinterpret_cast<const unsigned char *>(spki.constData());
            out.key = d2i_PUBKEY(nullptr, &p, long(spki.size()));
        } else if (field.tag == der::Context + 4) {
            der::Reader times(field.content);
            while (!times.atEnd()) {
                const der::Element time = times.next();
                if (time.tag == der::Context + 1)
                    out.notAfter = der::Reader(time.content).next().content.toByteArray();
            }
        }
    }
    return out;
}

bool addExtension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    const bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

} // namespace

CmpResponder::CmpResponder(const QString &caKey, const QString &caCertificate, const QByteArray &reference,
                           const QByteArray &secret, const QString &clientAnchor, const QString &protection, int port)
{
    m_key = keyOf(caKey);
    m_certificate = certificateOf(caCertificate);
    m_context = OSSL_CMP_SRV_CTX_new(nullptr, nullptr);
    OSSL_CMP_SRV_CTX_init(m_context, this, certRequest, revocation, nullptr, errorMessage, confirmation, poll);
    OSSL_CMP_SRV_CTX_set_accept_raverified(m_context, 1);
    OSSL_CMP_CTX *c = OSSL_CMP_SRV_CTX_get0_cmp_ctx(m_context);
    OSSL_CMP_CTX_set_log_cb(c, [](const char *, const char *, int, OSSL_CMP_severity, const char *) { return 1; });
    if (!secret.isEmpty()) {
        OSSL_CMP_CTX_set1_referenceValue(c, reinterpret_cast<const unsigned char *>(reference.constData()),
                                         int(reference.size()));
        OSSL_CMP_CTX_set1_secretValue(c, reinterpret_cast<const unsigned char *>(secret.constData()),
                                      int(secret.size()));
    }
    if (protection.isEmpty()) {
        OSSL_CMP_CTX_set1_cert(c, m_certificate);
        OSSL_CMP_CTX_set1_pkey(c, m_key);
    } else {
        X509 *own = certificateOf(protection + QStringLiteral(".pem"));
        EVP_PKEY *ownKey = keyOf(protection + QStringLiteral(".key"));
        OSSL_CMP_CTX_set1_cert(c, own);
        OSSL_CMP_CTX_set1_pkey(c, ownKey);
        X509_free(own);
        EVP_PKEY_free(ownKey);
    }
    if (!clientAnchor.isEmpty()) {
        X509_STORE *store = X509_STORE_new();
        X509 *anchor = certificateOf(clientAnchor);
        X509_STORE_add_cert(store, anchor);
        X509_free(anchor);
        OSSL_CMP_CTX_set0_trustedStore(c, store);
    }
    m_server =
        std::make_unique<HttpServer>([this](const ServedRequest &request) { return answer(request); }, nullptr, port);
}

void CmpResponder::grantImplicitConfirm()
{
    OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(m_context, 1);
}

CmpResponder::~CmpResponder()
{
    m_server.reset();
    for (OSSL_CMP_MSG *request : std::as_const(m_waiting))
        OSSL_CMP_MSG_free(request);
    OSSL_CMP_SRV_CTX_free(m_context);
    X509_free(m_certificate);
    EVP_PKEY_free(m_key);
}

ServedAnswer CmpResponder::answer(const ServedRequest &request)
{
    ServedAnswer out;
    if (request.method != "POST" || request.headers.value("content-type") != "application/pkixcmp") {
        out.status = 405;
        return out;
    }
    ++requests;
    const Fault now = fault;
    if (now == Fault::Unavailable) {
        out.status = 503;
        return out;
    }
    if (now == Fault::Silent) {
        out.silent = true;
        return out;
    }
    out.type = "application/pkixcmp";
    if (now == Fault::Garbage) {
        out.body = "this is no CMP";
        return out;
    }
    BIO *in = BIO_new_mem_buf(request.body.constData(), int(request.body.size()));
    OSSL_CMP_MSG *message = d2i_OSSL_CMP_MSG_bio(in, nullptr);
    BIO_free(in);
    const int before = confirmed + rejected, issuedBefore = issued;
    OSSL_CMP_MSG *reply = message ? OSSL_CMP_SRV_process_request(m_context, message) : nullptr;
    OSSL_CMP_MSG_free(message);
    if (!reply) {
        out.status = 500;
        ERR_clear_error();
        return out;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    i2d_OSSL_CMP_MSG_bio(bio, reply);
    OSSL_CMP_MSG_free(reply);
    char *start = nullptr;
    const long length = BIO_get_mem_data(bio, &start);
    out.body = QByteArray(start, length);
    BIO_free(bio);
    const bool confirm = confirmed + rejected != before;
    if ((now == Fault::LoseAnswer && !confirm) || (now == Fault::LoseConfirm && confirm)) {
        fault = Fault::None;
        out.drop = true;
    }
    if (issued != issuedBefore && beforeAnswer)
        beforeAnswer();
    if ((now == Fault::HoldAnswer && !confirm) || (now == Fault::HoldConfirm && confirm)) {
        fault = Fault::None;
        out.silent = true;
    }
    if (now == Fault::Cut)
        out.cutAfter = out.body.size() / 2;
    ERR_clear_error();
    return out;
}

OSSL_CMP_PKISI *CmpResponder::certRequest(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message, int,
                                          const OSSL_CRMF_MSG *crm, const X509_REQ *p10, X509 **out, STACK_OF(X509) **,
                                          STACK_OF(X509) **)
{
    auto *self = static_cast<CmpResponder *>(OSSL_CMP_SRV_CTX_get0_custom_ctx(context));
    const ASN1_OCTET_STRING *id = OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(message));
    const QByteArray transaction(reinterpret_cast<const char *>(ASN1_STRING_get0_data(id)), ASN1_STRING_length(id));
    const auto refuse = [](int info, const char *text) {
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, 1 << info, text);
    };
    const bool decided = self->m_waiting.contains(transaction) && !self->undecided; // after a pollReq
    if (decided) {
        OSSL_CMP_MSG_free(self->m_waiting.take(transaction));
        self->m_transactions.remove(transaction);
    }
    if (self->m_transactions.contains(transaction))
        return refuse(OSSL_CMP_PKIFAILUREINFO_transactionIdInUse, "this transaction is known");
    if (self->fault == Fault::Refuse)
        return refuse(OSSL_CMP_PKIFAILUREINFO_notAuthorized, "not for you");
    self->m_transactions.insert(transaction);
    if (self->undecided) {
        self->m_waiting.insert(transaction, OSSL_CMP_MSG_dup(message));
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, "a person looks at it");
    }

    Template wanted;
    const X509_NAME *subject = nullptr;
    const X509_EXTENSIONS *extensions = nullptr;
    X509_EXTENSIONS *ofRequest = nullptr;
    if (p10) {
        wanted.key = X509_REQ_get_pubkey(const_cast<X509_REQ *>(p10));
        subject = X509_REQ_get_subject_name(p10);
        extensions = ofRequest = X509_REQ_get_extensions(const_cast<X509_REQ *>(p10));
    } else {
        const OSSL_CRMF_CERTTEMPLATE *in = OSSL_CRMF_MSG_get0_tmpl(crm);
        wanted = read(in);
        subject = OSSL_CRMF_CERTTEMPLATE_get0_subject(in);
        extensions = OSSL_CRMF_CERTTEMPLATE_get0_extensions(in);
    }
    if (!wanted.key)
        return refuse(OSSL_CMP_PKIFAILUREINFO_badCertTemplate, "no key");
    if (wanted.notAfter.isEmpty())
        wanted.notAfter = "99991231235959Z";
    X509 *made = X509_new();
    std::array<unsigned char, 16> number{};
    RAND_bytes(number.data(), int(number.size()));
    number[0] = 0x41;
    BIGNUM *bn = BN_bin2bn(number.data(), int(number.size()), nullptr);
    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(made));
    BN_free(bn);
    X509_set_version(made, 2);
    X509_set_issuer_name(made, X509_get_subject_name(self->m_certificate));
    if (self->fault == Fault::OtherSubject) {
        X509_NAME *other = X509_NAME_new();
        X509_NAME_add_entry_by_txt(other, "serialNumber", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char *>("T1-99999999"), -1, -1, 0);
        X509_set_subject_name(made, other);
        X509_NAME_free(other);
    } else {
        X509_set_subject_name(made, subject);
    }
    X509_gmtime_adj(X509_getm_notBefore(made), -60);
    ASN1_TIME_set_string(X509_getm_notAfter(made), wanted.notAfter.constData());
    X509_set_pubkey(made, wanted.key);
    EVP_PKEY_free(wanted.key);
    addExtension(made, self->m_certificate, NID_subject_key_identifier, "hash");
    addExtension(made, self->m_certificate, NID_authority_key_identifier, "keyid:always");
    for (int i = 0; extensions && i < sk_X509_EXTENSION_num(extensions); ++i)
        X509_add_ext(made, sk_X509_EXTENSION_value(extensions, i), -1);
    sk_X509_EXTENSION_pop_free(ofRequest, X509_EXTENSION_free);
    X509_sign(made, self->m_key, EVP_sha256());
    unsigned char *bytes = nullptr;
    const int length = i2d_X509(made, &bytes);
    {
        const std::lock_guard lock(self->m_mutex);
        self->m_last = QByteArray(reinterpret_cast<const char *>(bytes), length);
    }
    OPENSSL_free(bytes);
    *out = made;
    ++self->issued;
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, nullptr);
}

// RFC 9810 section 5.3.22: the transaction says what is asked about.
int CmpResponder::poll(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message, int, OSSL_CMP_MSG **request,
                       int64_t *checkAfter)
{
    auto *self = static_cast<CmpResponder *>(OSSL_CMP_SRV_CTX_get0_custom_ctx(context));
    const ASN1_OCTET_STRING *id = OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(message));
    const QByteArray transaction(reinterpret_cast<const char *>(ASN1_STRING_get0_data(id)), ASN1_STRING_length(id));
    ++self->polled;
    *request = nullptr;
    *checkAfter = self->pollAfter;
    if (!self->m_waiting.contains(transaction))
        return 0;
    if (!self->undecided)
        *request = OSSL_CMP_MSG_dup(self->m_waiting.value(transaction));
    return 1;
}

OSSL_CMP_PKISI *CmpResponder::revocation(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *, const X509_NAME *,
                                         const ASN1_INTEGER *)
{
    ++static_cast<CmpResponder *>(OSSL_CMP_SRV_CTX_get0_custom_ctx(context))->revoked;
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, nullptr);
}

int CmpResponder::confirmation(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *, int, const ASN1_OCTET_STRING *,
                               const OSSL_CMP_PKISI *status)
{
    auto *self = static_cast<CmpResponder *>(OSSL_CMP_SRV_CTX_get0_custom_ctx(context));
    // No status means accepted, too (RFC 9810 section 5.3.18).
    std::array<char, 200> words{};
    const bool good = !status || !OSSL_CMP_snprint_PKIStatusInfo(status, words.data(), words.size()) ||
                      QByteArray(words.data()).contains("accepted");
    ++(good ? self->confirmed : self->rejected);
    return 1;
}

void CmpResponder::errorMessage(OSSL_CMP_SRV_CTX *, const OSSL_CMP_MSG *, const OSSL_CMP_PKISI *, const ASN1_INTEGER *,
                                const OSSL_CMP_PKIFREETEXT *)
{}

} // namespace slipway::test
