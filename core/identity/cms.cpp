#include "core/identity/cms.h"

#include "core/base/fault.h"
#include "core/codec/pem.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/name.h"
#include "core/identity/openssl.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace slipway {

namespace {

constexpr qsizetype maximumBytes = 1024 * 1024;

struct StackFreer {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
struct ListFreer { // the list only; its certificates belong to the CMS
    void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), StackFreer>;
using List = std::unique_ptr<STACK_OF(X509), ListFreer>;

QByteArray derOf(const X509 *certificate)
{
    unsigned char *der = nullptr;
    const int length = i2d_X509(certificate, &der);
    QByteArray bytes(reinterpret_cast<const char *>(der), std::max(0, length));
    OPENSSL_free(der);
    return bytes;
}

QByteArray keyIdentifierOf(X509 *certificate)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(certificate);
    return id ? QByteArray(reinterpret_cast<const char *>(ASN1_STRING_get0_data(id)), ASN1_STRING_length(id))
              : QByteArray();
}

QString subjectOf(const QByteArray &der)
{
    try {
        return nameText(CertificateView::read(der).subject);
    } catch (const der::Error &error) {
        throw Fault("cms.damaged", {}, QString::fromLatin1(error.what));
    }
}

QString timeOf(const QByteArray &der, bool end)
{
    try {
        const CertificateView view = CertificateView::read(der);
        return timeText(end ? view.notAfter : view.notBefore);
    } catch (const der::Error &) {
        return {};
    }
}

// "20271121143207Z" as "2027-11-21".
QString dayOf(const QString &time)
{
    return time.left(4) + u'-' + time.mid(4, 2) + u'-' + time.mid(6, 2);
}

// The chain that leads to an anchor. Throws what is wrong with it.
QList<CmsSigner::Link> chainOf(X509 *signer, const QString &subject, STACK_OF(X509) * others, X509_STORE *anchors,
                               const CmsRules &rules, bool sayMore)
{
    const ssl::StoreContext context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), anchors, signer, others) != 1)
        throw Fault("cms.untrusted", {subject, QStringLiteral("the chain cannot be checked")}, ssl::errors());
    // Any purpose: what the signer may do is judged below, by key usage alone.
    X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_ANY);
    // Keys of 112 bits of strength at least, and no certificate signed by SHA-1.
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context.get()), 2);
    if (rules.anyAnchor)
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
    if (rules.at)
        X509_STORE_CTX_set_time(context.get(), 0, time_t(*rules.at));
    const bool good = X509_verify_cert(context.get()) == 1;
    ERR_clear_error();
    if (!good) {
        const int error = X509_STORE_CTX_get_error(context.get());
        X509 *which = X509_STORE_CTX_get_current_cert(context.get());
        const QByteArray der = which ? derOf(which) : QByteArray();
        if (sayMore && error == X509_V_ERR_CERT_HAS_EXPIRED && which)
            throw Fault("cms.expired", {subjectOf(der), dayOf(timeOf(der, true))});
        if (sayMore && error == X509_V_ERR_CERT_NOT_YET_VALID && which)
            throw Fault("cms.not-yet-valid", {subjectOf(der), dayOf(timeOf(der, false))});
        if (sayMore && which &&
            (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
             error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE))
            throw Fault("cms.no-issuer", {subjectOf(der), certificateFacts(der).issuer});
        throw Fault("cms.untrusted", {subject, QString::fromLatin1(X509_verify_cert_error_string(error))});
    }
    QList<CmsSigner::Link> chain;
    STACK_OF(X509) *links = X509_STORE_CTX_get0_chain(context.get());
    for (int i = 0; i < sk_X509_num(links); ++i) {
        X509 *link = sk_X509_value(links, i);
        const QByteArray der = derOf(link);
        chain.append({subjectOf(der), keyIdentifierOf(link), der});
    }
    return chain;
}

QByteArray sign(const SigningKey &key, const QByteArray &content, unsigned form, const QList<QByteArray> &more = {})
{
    const auto fail = [] { return Fault("cms.sign", {}, ssl::errors()); };
    const ssl::Certificate own = ssl::certificate(key.certificate());
    const Stack others(sk_X509_new_null());
    QList<QByteArray> chain = key.chain().mid(1);
    for (const QByteArray &der : more) {
        if (!chain.contains(der) && der != key.certificate())
            chain += der;
    }
    for (const QByteArray &der : std::as_const(chain)) {
        ssl::Certificate above = ssl::certificate(der);
        if (!above || sk_X509_push(others.get(), above.get()) <= 0)
            throw fail();
        (void)above.release();
    }
    const ssl::Cms cms(
        CMS_sign(own.get(), key.key(), others.get(), ssl::reader(content).get(), CMS_BINARY | CMS_NOSMIMECAP | form));
    const ssl::Bio out(BIO_new(BIO_s_mem()));
    if (!own || !cms || i2d_CMS_bio(out.get(), cms.get()) != 1)
        throw fail();
    return ssl::content(out.get());
}

ssl::Store storeOf(const QByteArray &anchorsPem)
{
    ssl::Store anchors(X509_STORE_new());
    const auto trusted = certificatesFromPem(anchorsPem);
    for (const QByteArray &der : trusted) {
        const ssl::Certificate anchor = ssl::certificate(der);
        if (!anchor || X509_STORE_add_cert(anchors.get(), anchor.get()) != 1)
            throw Fault("identity.certificate", {QStringLiteral("a trust anchor is damaged")}, ssl::errors());
    }
    return anchors;
}

ssl::Cms read(const QByteArray &cmsDer)
{
    const unsigned char *p = ssl::data(cmsDer);
    ssl::Cms cms(cmsDer.size() > maximumBytes ? nullptr : d2i_CMS_ContentInfo(nullptr, &p, long(cmsDer.size())));
    if (!cms || p != ssl::data(cmsDer) + cmsDer.size() || OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed) {
        ERR_clear_error();
        throw Fault("cms.damaged");
    }
    return cms;
}

// The signature alone, by the certificates inside. detached: the content beside it; null where it is inside, and then
// goes to *inside.
bool covers(CMS_ContentInfo *cms, const QByteArray *detached, QByteArray *inside, QString *detail = nullptr)
{
    const ssl::Bio out(BIO_new(inside ? BIO_s_mem() : BIO_s_null()));
    // Behind a buffer: of a memory BIO OpenSSL 3.0 makes a copy, which it loses where a digest is unknown.
    const ssl::Bio in(detached ? BIO_push(BIO_new(BIO_f_buffer()), ssl::reader(*detached).release()) : nullptr);
    const bool holds = CMS_verify(cms, nullptr, nullptr, in.get(), out.get(),
                                  CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY | (detached ? CMS_DETACHED : 0)) == 1;
    const QString errors = ssl::errors();
    if (detail)
        *detail = errors;
    if (holds && inside)
        *inside = ssl::content(out.get());
    return holds;
}

// Whether OpenSSL judges signatures of that kind; where it does not, it would call the file changed.
void checkAlgorithms(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    for (int i = 0; i < sk_CMS_SignerInfo_num(infos); ++i) {
        X509_ALGOR *digest = nullptr, *signature = nullptr;
        CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(infos, i), nullptr, nullptr, &digest, &signature);
        const int kind = signature ? OBJ_obj2nid(signature->algorithm) : NID_undef;
        if (kind == NID_ED25519 || kind == NID_ED448)
            throw Fault("cms.algorithm", {QString::fromLatin1(OBJ_nid2ln(kind))});
        switch (digest ? OBJ_obj2nid(digest->algorithm) : NID_undef) {
        case NID_md2:
        case NID_md4:
        case NID_md5:
        case NID_sha1:
        case NID_ripemd160:
            throw Fault("cms.weak", {QString::fromLatin1(OBJ_nid2sn(OBJ_obj2nid(digest->algorithm)))});
        default:
            break;
        }
    }
}

// The signature first, by the certificates inside; whether those are trusted comes after, with its own words.
QList<CmsSigner> verify(CMS_ContentInfo *cms, const QByteArray *detached, const QByteArray &anchorsPem,
                        const CmsRules &rules, bool sayMore, QByteArray *inside)
{
    const ssl::Store anchors = storeOf(anchorsPem);
    QByteArray content;
    QString detail;
    checkAlgorithms(cms);
    if (!covers(cms, detached, inside ? &content : nullptr, &detail))
        throw Fault("cms.content", {}, detail);

    const List signers(CMS_get0_signers(cms));
    const Stack others(CMS_get1_certs(cms));
    if (!signers || sk_X509_num(signers.get()) < 1)
        throw Fault("cms.damaged");
    QList<CmsSigner> found;
    for (int i = 0; i < sk_X509_num(signers.get()); ++i) {
        X509 *signer = sk_X509_value(signers.get(), i);
        CmsSigner result;
        result.certificate = derOf(signer);
        result.subject = subjectOf(result.certificate);
        result.notAfter = timeOf(result.certificate, true);
        result.chain = chainOf(signer, result.subject, others.get(), anchors.get(), rules, sayMore);
        // RFC 8520 section 13.2: the extension must be there, and say digitalSignature. The store accepts others.
        if (!(X509_get_extension_flags(signer) & EXFLAG_KUSAGE) ||
            !(X509_get_key_usage(signer) & X509v3_KU_DIGITAL_SIGNATURE))
            throw Fault("cms.key-usage", {result.subject});
        found += result;
    }
    if (inside)
        *inside = content;
    return found;
}

// DER as it is; of PEM the first block.
QByteArray derOfSignature(const QByteArray &signature)
{
    if (signature.startsWith("MIME-Version:") || signature.startsWith("Content-Type:"))
        throw Fault("cms.smime");
    if (!signature.contains("-----BEGIN "))
        return signature;
    for (const char *label : {"CMS", "PKCS7"}) {
        const auto blocks = fromPem(signature, label);
        if (!blocks.isEmpty())
            return blocks.front();
    }
    throw Fault("cms.damaged");
}

} // namespace

QByteArray cmsSignDetached(const SigningKey &key, const QByteArray &content, const QList<QByteArray> &above)
{
    return sign(key, content, CMS_DETACHED, above);
}

QByteArray cmsSign(const SigningKey &key, const QByteArray &content)
{
    return sign(key, content, 0);
}

CmsSigner cmsVerifyDetached(const QByteArray &content, const QByteArray &cmsDer, const QByteArray &anchorsPem)
{
    return verify(read(cmsDer).get(), &content, anchorsPem, {}, false, nullptr).front();
}

QByteArray cmsVerify(const QByteArray &cmsDer, const QByteArray &anchorsPem, CmsSigner *signer)
{
    QByteArray content;
    const CmsSigner found = verify(read(cmsDer).get(), nullptr, anchorsPem, {}, false, &content).front();
    if (signer)
        *signer = found;
    return content;
}

QList<CmsSigner> cmsSignersDetached(const QByteArray &content, const QByteArray &signature,
                                    const QByteArray &anchorsPem, const CmsRules &rules)
{
    const ssl::Cms cms = read(derOfSignature(signature));
    if (CMS_is_detached(cms.get()) != 1)
        throw Fault("cms.not-detached");
    return verify(cms.get(), &content, anchorsPem, rules, true, nullptr);
}

bool cmsCovers(const QByteArray &content, const QByteArray &signature)
{
    const ssl::Cms cms = read(derOfSignature(signature));
    if (CMS_is_detached(cms.get()) != 1)
        throw Fault("cms.not-detached");
    return covers(cms.get(), &content, nullptr);
}

} // namespace slipway
