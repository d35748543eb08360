#pragma once
// A certification authority that speaks CMP, on OpenSSL's server half (OSSL_CMP_SRV_CTX): it issues for the key, the
// subject and the extensions that are asked for, takes raVerified from those it trusts, knows a transaction again and
// refuses it (transactionIdInUse), and keeps what is not confirmed apart from what is.

#include "tests/support/httpserver.h"

#include <QMap>
#include <QSet>
#include <QString>

#include <openssl/cmp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace slipway::test {

class CmpResponder
{
public:
    enum class Fault {
        None,
        LoseAnswer,   // of the next request: it is carried out, and the connection closed
        LoseConfirm,  // the same for the next certConf
        HoldAnswer,   // it is carried out, and the answer never comes
        HoldConfirm,  // the same for certConf
        Refuse,       // says no
        OtherSubject, // issues with another subject
        Garbage,      // answers with what is no CMP
        Cut,          // half an answer
        Unavailable,  // HTTP 503
        Silent        // never answers
    };
    // caKey, caCertificate: PEM files. reference and secret protect messages; clientAnchor: PEM, whose signatures are
    // taken too. protection: NAME of NAME.key and NAME.pem that sign its answers where there is no secret; the CA's own
    // certificate would need digitalSignature for that.
    CmpResponder(const QString &caKey, const QString &caCertificate, const QByteArray &reference,
                 const QByteArray &secret, const QString &clientAnchor = {}, const QString &protection = {},
                 int port = 0);
    ~CmpResponder();

    QString url() const { return QStringLiteral("http://127.0.0.1:%1/pkix/").arg(m_server->port()); }
    int port() const { return m_server->port(); }
    void grantImplicitConfirm(); // where it is asked for
    std::atomic<Fault> fault{Fault::None};
    std::atomic<int> issued{0}, confirmed{0}, rejected{0}, revoked{0}, requests{0}, polled{0};
    std::atomic<int> pollAfter{1};        // seconds
    std::atomic<bool> undecided{false};   // says "waiting", and goes on saying so as long as this holds
    std::function<void()> beforeAnswer{}; // after it has issued; set it before the first request
    QByteArray lastIssued()               // DER
    {
        const std::lock_guard lock(m_mutex);
        return m_last;
    }

private:
    static OSSL_CMP_PKISI *certRequest(OSSL_CMP_SRV_CTX *, const OSSL_CMP_MSG *, int, const OSSL_CRMF_MSG *,
                                       const X509_REQ *, X509 **, STACK_OF(X509) **, STACK_OF(X509) **);
    static int poll(OSSL_CMP_SRV_CTX *, const OSSL_CMP_MSG *, int, OSSL_CMP_MSG **, int64_t *);
    static OSSL_CMP_PKISI *revocation(OSSL_CMP_SRV_CTX *, const OSSL_CMP_MSG *, const X509_NAME *,
                                      const ASN1_INTEGER *);
    static int confirmation(OSSL_CMP_SRV_CTX *, const OSSL_CMP_MSG *, int, const ASN1_OCTET_STRING *,
                            const OSSL_CMP_PKISI *);
    static void errorMessage(OSSL_CMP_SRV_CTX *, const OSSL_CMP_MSG *, const OSSL_CMP_PKISI *, const ASN1_INTEGER *,
                             const OSSL_CMP_PKIFREETEXT *);
    ServedAnswer answer(const ServedRequest &request);

    EVP_PKEY *m_key = nullptr;
    X509 *m_certificate = nullptr;
    OSSL_CMP_SRV_CTX *m_context = nullptr;
    std::mutex m_mutex;
    QSet<QByteArray> m_transactions;
    QMap<QByteArray, OSSL_CMP_MSG *> m_waiting; // requests by transaction
    QByteArray m_last;
    std::unique_ptr<HttpServer> m_server;
};

} // namespace slipway::test
