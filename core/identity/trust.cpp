#include "core/identity/trust.h"

#include "core/identity/openssl.h"

#include <openssl/err.h>

namespace slipway {

namespace {

struct StackFreer {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};

} // namespace

QString whyNotTrusted(const QList<QByteArray> &chain, const QList<QByteArray> &anchors)
{
    constexpr qsizetype longest = 10, mostAnchors = 100;
    if (chain.isEmpty())
        return QStringLiteral("there is no certificate");
    if (chain.size() > longest || anchors.size() > mostAnchors)
        return QStringLiteral("there are too many certificates");
    const ssl::Store store(X509_STORE_new());
    const std::unique_ptr<STACK_OF(X509), StackFreer> between(sk_X509_new_null());
    const ssl::Certificate own = ssl::certificate(chain.first());
    bool good = store && between && own;
    for (qsizetype i = 1; good && i < chain.size(); ++i) {
        ssl::Certificate one = ssl::certificate(chain[i]);
        good = one && sk_X509_push(between.get(), one.get()) > 0;
        if (good)
            (void)one.release();
    }
    for (qsizetype i = 0; good && i < anchors.size(); ++i) {
        const ssl::Certificate anchor = ssl::certificate(anchors[i]);
        good = anchor && X509_STORE_add_cert(store.get(), anchor.get()) == 1;
    }
    const ssl::StoreContext context(X509_STORE_CTX_new());
    if (!good || !context || X509_STORE_CTX_init(context.get(), store.get(), own.get(), between.get()) != 1) {
        ERR_clear_error();
        return QStringLiteral("a certificate cannot be read");
    }
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_ANY);
    const bool holds = X509_verify_cert(context.get()) == 1;
    const int error = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    return holds ? QString() : QString::fromLatin1(X509_verify_cert_error_string(error));
}

} // namespace slipway
