#include "core/identity/cms.h"

#include "core/base/fault.h"
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

// Whether the chain leads to an anchor; the reason when not.
QString chainTrouble(X509 *signer, STACK_OF(X509) * others, X509_STORE *anchors)
{
    const ssl::StoreContext context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), anchors, signer, others) != 1)
        return QStringLiteral("the chain cannot be checked");
    // Any purpose: what the signer may do is judged below, by key usage alone.
    X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_ANY);
    if (X509_verify_cert(context.get()) == 1)
        return {};
    return QString::fromLatin1(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

QByteArray sign(const SigningKey &key, const QByteArray &content, unsigned form)
{
    const auto fail = [] { return Fault("cms.sign", {}, ssl::errors()); };
    const ssl::Certificate own = ssl::certificate(key.certificate());
    const Stack others(sk_X509_new_null());
    const auto chain = key.chain();
    for (qsizetype i = 1; i < chain.size(); ++i) {
        ssl::Certificate above = ssl::certificate(chain[i]);
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

// detached: the content beside it; null where it is inside, and then goes to *inside.
CmsSigner verify(const QByteArray *detached, const QByteArray &cmsDer, const QByteArray &anchorsPem, QByteArray *inside)
{
    const ssl::Store anchors(X509_STORE_new());
    const auto trusted = certificatesFromPem(anchorsPem);
    for (const QByteArray &der : trusted) {
        const ssl::Certificate anchor = ssl::certificate(der);
        if (!anchor || X509_STORE_add_cert(anchors.get(), anchor.get()) != 1)
            throw Fault("identity.certificate", {QStringLiteral("a trust anchor is damaged")}, ssl::errors());
    }
    const unsigned char *p = ssl::data(cmsDer);
    const ssl::Cms cms(cmsDer.size() > maximumBytes ? nullptr : d2i_CMS_ContentInfo(nullptr, &p, long(cmsDer.size())));
    if (!cms || p != ssl::data(cmsDer) + cmsDer.size() || OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed) {
        ERR_clear_error();
        throw Fault("cms.damaged");
    }
    // The signature first, by the certificate inside; whether that one is trusted comes after, with its own words.
    const ssl::Bio out(BIO_new(inside ? BIO_s_mem() : BIO_s_null()));
    // Behind a buffer: of a memory BIO OpenSSL 3.0 makes a copy, which it loses where a digest is unknown.
    const ssl::Bio in(detached ? BIO_push(BIO_new(BIO_f_buffer()), ssl::reader(*detached).release()) : nullptr);
    const bool holds = CMS_verify(cms.get(), nullptr, nullptr, in.get(), out.get(),
                                  CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY | (detached ? CMS_DETACHED : 0)) == 1;
    const QString detail = ssl::errors();
    if (!holds)
        throw Fault("cms.content", {}, detail);

    const List signers(CMS_get0_signers(cms.get()));
    const Stack others(CMS_get1_certs(cms.get()));
    if (!signers || sk_X509_num(signers.get()) < 1)
        throw Fault("cms.damaged");
    CmsSigner result;
    for (int i = 0; i < sk_X509_num(signers.get()); ++i) {
        X509 *signer = sk_X509_value(signers.get(), i);
        const QByteArray der = derOf(signer);
        QString subject;
        try {
            subject = nameText(CertificateView::read(der).subject);
        } catch (const der::Error &error) {
            throw Fault("cms.damaged", {}, QString::fromLatin1(error.what));
        }
        const QString trouble = chainTrouble(signer, others.get(), anchors.get());
        ERR_clear_error();
        if (!trouble.isEmpty())
            throw Fault("cms.untrusted", {subject, trouble});
        // RFC 8520 section 13.2: the extension must be there, and say digitalSignature. The store accepts others.
        if (!(X509_get_extension_flags(signer) & EXFLAG_KUSAGE) ||
            !(X509_get_key_usage(signer) & X509v3_KU_DIGITAL_SIGNATURE))
            throw Fault("cms.key-usage", {subject});
        if (i == 0)
            result = {der, subject};
    }
    if (inside)
        *inside = ssl::content(out.get());
    return result;
}

} // namespace

QByteArray cmsSignDetached(const SigningKey &key, const QByteArray &content)
{
    return sign(key, content, CMS_DETACHED);
}

QByteArray cmsSign(const SigningKey &key, const QByteArray &content)
{
    return sign(key, content, 0);
}

CmsSigner cmsVerifyDetached(const QByteArray &content, const QByteArray &cmsDer, const QByteArray &anchorsPem)
{
    return verify(&content, cmsDer, anchorsPem, nullptr);
}

QByteArray cmsVerify(const QByteArray &cmsDer, const QByteArray &anchorsPem)
{
    QByteArray content;
    verify(nullptr, cmsDer, anchorsPem, &content);
    return content;
}

} // namespace slipway
