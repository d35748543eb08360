#include "core/identity/cmpissuer.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/fileissuer.h"
#include "core/identity/layout.h"
#include "core/identity/validity.h"

#include <openssl/cmp.h>
#include <openssl/cmp_util.h>
#include <openssl/crmf.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <exception>

namespace slipway {

namespace {

using Context = std::unique_ptr<OSSL_CMP_CTX, ssl::Freer<OSSL_CMP_CTX_free>>;
using Message = std::unique_ptr<OSSL_CMP_MSG, ssl::Freer<OSSL_CMP_MSG_free>>;
using RequestMessage = std::unique_ptr<OSSL_CRMF_MSG, ssl::Freer<OSSL_CRMF_MSG_free>>;

constexpr qsizetype maximumAnswer = 128 * 1024;
constexpr int bodyError = 23, bodyPollReq = 25; // of PKIBody, RFC 9810 section 5.1.2
constexpr int shortestPoll = 1, longestPoll = 24 * 3600;

struct StackFreer {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
using Stack = std::unique_ptr<STACK_OF(X509), StackFreer>;

Stack stackOf(const QList<QByteArray> &certificates)
{
    Stack stack(sk_X509_new_null());
    for (const QByteArray &der : certificates) {
        ssl::Certificate certificate = ssl::certificate(der);
        if (!certificate || sk_X509_push(stack.get(), certificate.get()) <= 0)
            throw Fault("issuer.certificate", {QStringLiteral("of the authority"), QStringLiteral("it is damaged")});
        (void)certificate.release();
    }
    return stack;
}

QByteArray derOf(X509 *certificate)
{
    unsigned char *bytes = nullptr;
    const int length = i2d_X509(certificate, &bytes);
    QByteArray der(reinterpret_cast<const char *>(bytes), std::max(0, length));
    OPENSSL_free(bytes);
    return der;
}

int noLog(const char *, const char *, int, OSSL_CMP_severity, const char *)
{
    return 1; // what matters comes back in the error queue
}

QString statusWords(OSSL_CMP_CTX *context)
{
    QStringList texts;
    OSSL_CMP_PKIFREETEXT *list = OSSL_CMP_CTX_get0_statusString(context);
    for (int i = 0; list && i < sk_ASN1_UTF8STRING_num(list) && i < 8; ++i) {
        const ASN1_UTF8STRING *text = sk_ASN1_UTF8STRING_value(list, i);
        texts << QString::fromUtf8(reinterpret_cast<const char *>(ASN1_STRING_get0_data(text)),
                                   ASN1_STRING_length(text));
    }
    return oneLine(texts.join(QStringLiteral("; ")), 200);
}

// What a certificate after this profile would look like under the authority: its subject and its extensions.
struct Wish {
    QByteArray certificate;
    CertificateView view;
    QString notAfter;
};

Wish wishFor(const IssueOrder &order, const QByteArray &authority)
{
    Wish wish;
    const CertificateView ca = CertificateView::read(authority);
    const QByteArray algorithm = ca.innerAlgorithm.toByteArray();
    const CertificateLayout layout(order.profile, ca.subject, QByteArray(), algorithm);
    const auto validity = layout.validityAt(std::time(nullptr), timeText(ca.notBefore));
    const QByteArray tbs =
        layout.tbs(order, QByteArray(1, '\1'), validity,
                   order.mudUrl.isEmpty() ? QByteArray() : CertificateLayout::mudExtension(order.mudUrl));
    wish.certificate = der::tlv(der::Sequence, {tbs, algorithm, der::tlv(der::BitString, QByteArray(1, '\0'))});
    wish.view = CertificateView::read(wish.certificate);
    wish.notAfter = validity.notAfter;
    return wish;
}

} // namespace

// One transaction with the authority, from the request to the confirmation.
struct CmpIssuer::Session {
    const CmpIssuer &issuer;
    Task task;
    const IssueOrder *order = nullptr;
    Context context{OSSL_CMP_CTX_new(nullptr, nullptr)};
    HttpConnection connection;
    std::exception_ptr thrown; // within a callback of OpenSSL
    IssuedCertificate issued;
    std::function<void(const QByteArray &)> accept; // judges the station's own certificate
    QList<QByteArray> replay;                       // what the authority said before, to be read once more
    QByteArray unnoted;                             // its last answer, where that was not made durable
    int answers = 0;                                // of CMP that came
    bool confirming = false, refusedAsError = false;

    Session(const CmpIssuer &of, const Task &by);
    [[noreturn]] void fail();
    static OSSL_CMP_MSG *transfer(OSSL_CMP_CTX *context, const OSSL_CMP_MSG *request);
    OSSL_CMP_MSG *readAgain();
    void noteWaiting();
    static int judgeCertificate(OSSL_CMP_CTX *context, X509 *certificate, int failInfo, const char **text);
    void must(int result)
    {
        if (result != 1)
            throw Fault("issuer.sign", {}, ssl::errors());
    }
    // Request, waiting and confirmation. Throws, or the certificate is in `issued`.
    void request(int kind, const OSSL_CRMF_MSG *message);
};

CmpIssuer::Session::Session(const CmpIssuer &of, const Task &by) : issuer(of), task(by)
{
    OSSL_CMP_CTX *c = context.get();
    const RemoteAccess &access = of.access();
    if (!c)
        throw Fault("issuer.sign", {}, ssl::errors());
    must(OSSL_CMP_CTX_set_log_cb(c, noLog));
    must(OSSL_CMP_CTX_set_transfer_cb(c, transfer));
    must(OSSL_CMP_CTX_set_transfer_cb_arg(c, this));
    must(OSSL_CMP_CTX_set_certConf_cb(c, judgeCertificate));
    must(OSSL_CMP_CTX_set_certConf_cb_arg(c, this));
    const ssl::Certificate authority = ssl::certificate(access.chain.front());
    must(authority ? 1 : 0);
    must(OSSL_CMP_CTX_set1_recipient(c, X509_get_subject_name(authority.get())));
    ssl::Store anchors(X509_STORE_new());
    for (const QByteArray &der : access.anchors.isEmpty() ? access.chain : access.anchors) {
        const ssl::Certificate anchor = ssl::certificate(der);
        must(anchor && X509_STORE_add_cert(anchors.get(), anchor.get()) == 1 ? 1 : 0);
    }
    X509_STORE_set_flags(anchors.get(), X509_V_FLAG_PARTIAL_CHAIN);
    must(OSSL_CMP_CTX_set0_trustedStore(c, anchors.release()));
    const Stack untrusted = stackOf(access.chain);
    must(OSSL_CMP_CTX_set1_untrusted(c, untrusted.get()));
    if (access.key) {
        const ssl::Certificate own = ssl::certificate(access.keyChain.front());
        must(own ? OSSL_CMP_CTX_set1_cert(c, own.get()) : 0);
        must(OSSL_CMP_CTX_set1_pkey(c, access.key->key()));
        const Stack above = stackOf(access.keyChain.mid(1));
        must(OSSL_CMP_CTX_set1_extraCertsOut(c, above.get()));
    } else {
        const std::lock_guard lock(of.m_mutex);
        if (of.m_secret.isEmpty()) {
            Secret secret =
                fetchSecret(of.m_settings.secret, QStringLiteral("the shared secret with %1").arg(of.name()));
            of.m_secret = secret.bytes;
            of.m_secret.detach();
        }
        const QByteArray reference = of.m_settings.reference.toUtf8();
        must(OSSL_CMP_CTX_set1_referenceValue(c, ssl::data(reference), int(reference.size())));
        must(OSSL_CMP_CTX_set1_secretValue(c, ssl::data(of.m_secret), int(of.m_secret.size())));
        must(OSSL_CMP_CTX_set_option(c, OSSL_CMP_OPT_MAC_ALGNID, NID_hmacWithSHA256));
    }
    if (of.m_settings.implicitConfirm)
        must(OSSL_CMP_CTX_set_option(c, OSSL_CMP_OPT_IMPLICIT_CONFIRM, 1));
}

OSSL_CMP_MSG *CmpIssuer::Session::transfer(OSSL_CMP_CTX *context, const OSSL_CMP_MSG *request)
{
    auto *session = static_cast<Session *>(OSSL_CMP_CTX_get_transfer_cb_arg(context));
    try {
        if (!session->replay.isEmpty())
            return session->readAgain();
        if (OSSL_CMP_MSG_get_bodytype(request) == bodyPollReq)
            session->noteWaiting();
        HttpRequest post;
        post.post = true;
        post.contentType = post.accept = "application/pkixcmp";
        post.answerLimit = maximumAnswer;
        const ssl::Bio out(BIO_new(BIO_s_mem()));
        if (i2d_OSSL_CMP_MSG_bio(out.get(), request) <= 0)
            throw Fault("issuer.sign", {}, ssl::errors());
        post.body = ssl::content(out.get());
        const HttpAnswer answer = httpExchange(session->issuer.peer(), post, session->task, &session->connection);
        // RFC 9811 section 3.4: errors of HTTP are no answers of the authority.
        if (answer.status != 200) {
            const QString words = QStringLiteral("HTTP %1").arg(answer.status);
            if (answer.status == 503)
                throw Fault("issuer.unreachable",
                            {session->issuer.name(), QStringLiteral("it is overloaded or being maintained")}, words);
            if (answer.status >= 500)
                throw Fault("issuer.answer-lost",
                            {session->issuer.address(), QStringLiteral("it failed while it worked on it")}, words);
            throw Fault("issuer.refused", {session->issuer.name(), QStringLiteral("it does not take the request")},
                        words);
        }
        Message message(d2i_OSSL_CMP_MSG_bio(ssl::reader(answer.body).get(), nullptr));
        if (!message) {
            throw Fault("issuer.answer-lost",
                        {session->issuer.address(), QStringLiteral("what came is no answer of CMP")}, ssl::errors());
        }
        ++session->answers;
        session->refusedAsError = OSSL_CMP_MSG_get_bodytype(message.get()) == bodyError;
        session->unnoted = answer.body;
        return message.release();
    } catch (...) {
        session->thrown = std::current_exception();
        return nullptr;
    }
}

// An answer of an earlier session in the place of one to the message that is not sent now. It is verified like any
// other; only the nonce that it gives back is that of the message to which it was the answer.
OSSL_CMP_MSG *CmpIssuer::Session::readAgain()
{
    Message message(d2i_OSSL_CMP_MSG_bio(ssl::reader(replay.takeFirst()).get(), nullptr));
    const ASN1_OCTET_STRING *nonce =
        message ? OSSL_CMP_HDR_get0_recipNonce(OSSL_CMP_MSG_get0_header(message.get())) : nullptr;
    if (!message || (nonce && OSSL_CMP_CTX_set1_senderNonce(context.get(), nonce) != 1))
        throw Fault("issuer.forgotten", {issuer.name()}, ssl::errors());
    ++answers;
    return message.release();
}

// The authority has said that it has not decided; it will be asked again.
void CmpIssuer::Session::noteWaiting()
{
    if (!unnoted.isEmpty() && order && order->whileWaiting)
        order->whileWaiting(unnoted);
    unnoted.clear();
}

int CmpIssuer::Session::judgeCertificate(OSSL_CMP_CTX *context, X509 *certificate, int failInfo, const char **text)
{
    auto *session = static_cast<Session *>(OSSL_CMP_CTX_get_certConf_cb_arg(context));
    try {
        session->confirming = true;
        if (!session->order) { // of the station's own access
            session->issued.der = derOf(certificate);
            session->issued.certificateSerial = certificateFacts(session->issued.der).certificateSerial;
            session->accept(session->issued.der);
            return failInfo;
        }
        session->issued = session->issuer.judge(derOf(certificate), *session->order);
        if (session->issued.deviation.isEmpty() && failInfo != 0)
            session->issued.deviation = QStringLiteral("it is not for the key that was asked for");
        if (session->issued.deviation.isEmpty()) {
            if (session->order->beforeConfirm)
                session->order->beforeConfirm(session->issued);
            return 0;
        }
        *text = "certificate is not what was requested";
        return failInfo != 0 ? failInfo : 1 << OSSL_CMP_PKIFAILUREINFO_badCertTemplate;
    } catch (...) {
        session->thrown = std::current_exception();
        *text = "certificate cannot be recorded";
        return 1 << OSSL_CMP_PKIFAILUREINFO_systemFailure;
    }
}

// Why the transaction did not lead to a certificate.
void CmpIssuer::Session::fail()
{
    const QString detail = ssl::errors();
    const QString name = issuer.name();
    const int status = OSSL_CMP_CTX_get_status(context.get());
    const int info = OSSL_CMP_CTX_get_failInfoCode(context.get());
    if (thrown) {
        // Once a certificate has come only its confirmation can have gone wrong.
        try {
            std::rethrow_exception(thrown);
        } catch (const Fault &fault) {
            if (confirming && (fault.is(u"issuer.answer-lost") || fault.is(u"issuer.unreachable") ||
                               fault.is(u"issuer.refused") || fault.is(u"base.stopped") || fault.is(u"base.timeout")))
                throw Fault("issuer.unconfirmed", {issued.certificateSerial, name}, fault.text());
            // It said "waiting" before: what goes wrong now does not take the order back.
            if (answers > 0 && !confirming && fault.is(u"issuer.unreachable"))
                throw Fault("issuer.pending-away", {name, fault.sentence()}, fault.text());
            if (answers > 0 && !confirming && !fault.is(u"issuer.answer-lost") && !fault.is(u"issuer.refused") &&
                !fault.is(u"issuer.forgotten"))
                throw Fault("issuer.pending", {name, QStringLiteral("a while")}, fault.text());
            throw;
        }
    }
    if (answers == 0) // the request could not be made
        throw Fault("issuer.sign", {}, detail);
    if (confirming)
        throw Fault("issuer.unconfirmed", {issued.certificateSerial, name}, detail);
    // It was asked what came of the request, and says neither yes nor no: it does not know the transaction any more.
    if (answers > 1 && refusedAsError)
        throw Fault("issuer.forgotten", {name}, detail);
    if (info >= 0 && (info & 1 << OSSL_CMP_PKIFAILUREINFO_transactionIdInUse))
        throw Fault("issuer.already-asked", {name}, detail);
    if (status == OSSL_CMP_PKISTATUS_rejection) {
        QString words = statusWords(context.get());
        if (words.isEmpty())
            words = QStringLiteral("it gives no reason");
        throw Fault("issuer.refused", {name, words}, detail);
    }
    // Something came that is not protected by what we trust, or is no answer to this request. Whoever sent it, the
    // authority may have issued.
    throw Fault("issuer.answer-lost", {issuer.address(), QStringLiteral("what came cannot be trusted or is damaged")},
                detail);
}

void CmpIssuer::Session::request(int kind, const OSSL_CRMF_MSG *message)
{
    ERR_clear_error();
    const auto old = int(replay.size());
    for (;;) {
        int again = 0;
        const int result = OSSL_CMP_try_certreq(context.get(), kind, message, &again);
        if (result > 0)
            return;
        if (result == 0 && order && !issued.deviation.isEmpty())
            return; // refused by us; whether the authority heard it changes nothing
        if (result == 0)
            fail();
        ERR_clear_error();
        if (answers == old)
            continue; // all of it was read again; now it is asked
        noteWaiting();
        const int wait = std::clamp(again, shortestPoll, longestPoll);
        if (!task.deadline.isNever() && task.deadline.remaining() < std::chrono::seconds(wait))
            throw Fault("issuer.pending", {issuer.name(), humanSpan(wait)});
        task.say(QStringLiteral("%1 has not decided yet; asking again in %2").arg(issuer.name(), humanSpan(wait)));
        try {
            pauseFor(std::chrono::seconds(wait), task, QStringLiteral("%1 has not decided yet").arg(issuer.name()));
        } catch (const Fault &fault) {
            throw Fault("issuer.pending", {issuer.name(), humanSpan(wait)}, fault.sentence());
        }
    }
}

CmpIssuer::CmpIssuer(RemoteAccess access, CmpSettings settings)
    : RemoteIssuer(std::move(access), QStringLiteral("CMP")), m_settings(std::move(settings))
{}

CmpIssuer::~CmpIssuer()
{
    cleanse(m_secret);
}

IssuedCertificate CmpIssuer::issue(const IssueOrder &order, const Task &task)
{
    check(order);
    checkAccess();
    Session session(*this, task);
    session.order = &order;
    OSSL_CMP_CTX *c = session.context.get();
    const QByteArray transaction = order.transaction.isEmpty() ? newCertificateSerial() : order.transaction;
    const std::unique_ptr<ASN1_OCTET_STRING, ssl::Freer<ASN1_OCTET_STRING_free>> id(ASN1_OCTET_STRING_new());
    session.must(ASN1_OCTET_STRING_set(id.get(), ssl::data(transaction), int(transaction.size())));
    session.must(OSSL_CMP_CTX_set1_transactionID(c, id.get()));
    session.replay = order.heard;

    if (m_settings.p10cr) {
        const unsigned char *p = ssl::data(order.request.der);
        const std::unique_ptr<X509_REQ, ssl::Freer<X509_REQ_free>> csr(
            d2i_X509_REQ(nullptr, &p, long(order.request.der.size())));
        session.must(csr ? OSSL_CMP_CTX_set1_p10CSR(c, csr.get()) : 0);
        session.request(OSSL_CMP_P10CR, nullptr);
        return session.issued;
    }
    const Wish wish = wishFor(order, chain().front());
    const unsigned char *p = ssl::data(order.request.publicKeyDer);
    ssl::Key key(d2i_PUBKEY(nullptr, &p, long(order.request.publicKeyDer.size())));
    session.must(key ? OSSL_CMP_CTX_set0_newPkey(c, 0, key.get()) : 0);
    (void)key.release();
    p = ssl::data(wish.view.subject);
    const std::unique_ptr<X509_NAME, ssl::Freer<X509_NAME_free>> subject(
        d2i_X509_NAME(nullptr, &p, long(wish.view.subject.size())));
    session.must(subject ? OSSL_CMP_CTX_set1_subjectName(c, subject.get()) : 0);
    X509_EXTENSIONS *extensions = sk_X509_EXTENSION_new_null();
    for (const auto &extension : wish.view.extensions) {
        // The authority's own affair.
        if (extension.oid == oid::view(oid::authorityKeyIdentifier) ||
            extension.oid == oid::view(oid::subjectKeyIdentifier))
            continue;
        const QByteArray name = der::oidText(extension.oid);
        const std::unique_ptr<ASN1_OBJECT, ssl::Freer<ASN1_OBJECT_free>> object(OBJ_txt2obj(name.constData(), 1));
        const std::unique_ptr<ASN1_OCTET_STRING, ssl::Freer<ASN1_OCTET_STRING_free>> value(ASN1_OCTET_STRING_new());
        ASN1_OCTET_STRING_set(value.get(), ssl::data(extension.value), int(extension.value.size()));
        sk_X509_EXTENSION_push(
            extensions, X509_EXTENSION_create_by_OBJ(nullptr, object.get(), extension.critical ? 1 : 0, value.get()));
    }
    session.must(OSSL_CMP_CTX_set0_reqExtensions(c, extensions));
    session.must(OSSL_CMP_CTX_set_option(c, OSSL_CMP_OPT_POPO_METHOD, OSSL_CRMF_POPO_RAVERIFIED));
    const RequestMessage message(OSSL_CMP_CTX_setup_CRM(c, 0, 0));
    ASN1_TIME *notAfter = ASN1_TIME_new();
    if (!message || ASN1_TIME_set_string_X509(notAfter, wish.notAfter.toLatin1().constData()) != 1 ||
        OSSL_CRMF_MSG_set0_validity(message.get(), nullptr, notAfter) != 1) {
        ASN1_TIME_free(notAfter);
        throw Fault("issuer.sign", {}, ssl::errors());
    }
    session.must(
        OSSL_CRMF_MSG_create_popo(OSSL_CRMF_POPO_RAVERIFIED, message.get(), nullptr, EVP_sha256(), nullptr, nullptr));
    session.request(OSSL_CMP_IR, message.get());
    return session.issued;
}

void CmpIssuer::checkHealth() const
{
    checkAccess();
    // A GET is no request of CMP: whatever the server says to it, it is there, and TLS with it has worked.
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(10));
    HttpRequest request;
    request.answerLimit = maximumAnswer;
    httpExchange(peer(), request, task);
}

bool CmpIssuer::revoke(const QByteArray &certificate, const QString &reason, const Task &task)
{
    checkAccess();
    Session session(*this, task);
    OSSL_CMP_CTX *c = session.context.get();
    const ssl::Certificate old = ssl::certificate(certificate);
    if (!old)
        throw Fault("identity.certificate", {QStringLiteral("it is damaged")});
    session.must(OSSL_CMP_CTX_set1_oldCert(c, old.get()));
    const qsizetype number = revocationReasonNumber(reason);
    if (number > 0)
        session.must(OSSL_CMP_CTX_set_option(c, OSSL_CMP_OPT_REVOCATION_REASON, int(number)));
    ERR_clear_error();
    if (OSSL_CMP_exec_RR_ses(c) != 1)
        session.fail();
    return true;
}

QByteArray CmpIssuer::renew(EVP_PKEY *newKey, const std::function<void(const QByteArray &)> &accept,
                            const Task &task) const
{
    Session session(*this, task);
    session.accept = accept;
    OSSL_CMP_CTX *c = session.context.get();
    if (access().keyChain.isEmpty())
        throw Fault("issuer.access", {name(), QStringLiteral("there is none to renew")});
    const ssl::Certificate old = ssl::certificate(access().keyChain.front());
    session.must(old ? OSSL_CMP_CTX_set1_oldCert(c, old.get()) : 0);
    X509_EXTENSIONS *extensions = sk_X509_EXTENSION_new_null();
    for (const int nid : {NID_key_usage, NID_ext_key_usage, NID_subject_alt_name}) {
        if (const int at = X509_get_ext_by_NID(old.get(), nid, -1); at >= 0)
            sk_X509_EXTENSION_push(extensions, X509_EXTENSION_dup(X509_get_ext(old.get(), at)));
    }
    session.must(OSSL_CMP_CTX_set0_reqExtensions(c, extensions));
    EVP_PKEY_up_ref(newKey);
    if (OSSL_CMP_CTX_set0_newPkey(c, 1, newKey) != 1) {
        EVP_PKEY_free(newKey);
        session.must(0);
    }
    session.request(OSSL_CMP_KUR, nullptr);
    return session.issued.der;
}

} // namespace slipway
