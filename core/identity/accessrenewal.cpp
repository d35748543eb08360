#include "core/identity/accessrenewal.h"

#include "core/base/fault.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/cmpissuer.h"
#include "core/identity/estissuer.h"

namespace slipway {

namespace {

// PKCS#10 with the subject and the subjectAltName of the old certificate, as RFC 7030 section 4.2.2 wants it, and with
// what the old key was for: without cmcRA the new one would be of no use.
QByteArray requestFor(EVP_PKEY *key, const QByteArray &oldCertificate)
{
    const ssl::Certificate old = ssl::certificate(oldCertificate);
    const std::unique_ptr<X509_REQ, ssl::Freer<X509_REQ_free>> request(X509_REQ_new());
    bool good = old && request && X509_REQ_set_version(request.get(), 0) == 1 &&
                X509_REQ_set_subject_name(request.get(), X509_get_subject_name(old.get())) == 1 &&
                X509_REQ_set_pubkey(request.get(), key) == 1;
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    for (const int nid : {NID_key_usage, NID_ext_key_usage, NID_subject_alt_name}) {
        if (const int at = good ? X509_get_ext_by_NID(old.get(), nid, -1) : -1; at >= 0)
            sk_X509_EXTENSION_push(extensions, X509_get_ext(old.get(), at));
    }
    if (sk_X509_EXTENSION_num(extensions) > 0)
        good = X509_REQ_add_extensions(request.get(), extensions) == 1;
    sk_X509_EXTENSION_free(extensions);
    good = good && X509_REQ_sign(request.get(), key, EVP_sha256()) > 0;
    unsigned char *bytes = nullptr;
    const int length = good ? i2d_X509_REQ(request.get(), &bytes) : 0;
    const QByteArray der(reinterpret_cast<const char *>(bytes), std::max(0, length));
    OPENSSL_free(bytes);
    if (der.isEmpty())
        throw Fault("issuer.sign", {}, ssl::errors());
    return der;
}

} // namespace

KeyAndCertificate renewAccess(Issuer &issuer, const QByteArray &passphrase, const Task &task)
{
    const auto *remote = dynamic_cast<RemoteIssuer *>(&issuer);
    const QByteArray old = remote ? remote->accessCertificate() : QByteArray();
    if (old.isEmpty())
        throw Fault("issuer.settings",
                    {issuer.name(), QStringLiteral("the station has no certificate of its own there")});
    const ssl::Key key = newKey();
    const auto accept = [&](const QByteArray &made) {
        const CertificateFacts was = certificateFacts(old), is = certificateFacts(made);
        const auto refuse = [&](const QString &why) { return Fault("issuer.answer", {issuer.name(), why}); };
        if (is.publicKeyDer != publicKeyInfo(key.get()) || is.subject != was.subject)
            throw refuse(QStringLiteral("the certificate is not the one that was asked for"));
        if (const QString why = remote->whyNoAccess(made, true); !why.isEmpty())
            throw refuse(QStringLiteral("with the certificate in it the station could not ask any more: ") + why);
    };
    QByteArray made;
    if (const auto *est = dynamic_cast<EstIssuer *>(&issuer)) {
        made = est->renew(requestFor(key.get(), old), task);
        accept(made);
    } else if (const auto *cmp = dynamic_cast<CmpIssuer *>(&issuer)) {
        made = cmp->renew(key.get(), accept, task);
    }
    return {keyToPem(key.get(), passphrase), certificateToPem(made)};
}

} // namespace slipway
