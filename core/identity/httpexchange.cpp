#include "core/identity/httpexchange.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QUrl>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <mutex>

namespace slipway {

namespace {

constexpr long connectWithinMs = 10'000;

struct Exchange {
    const HttpPeer *peer;
    qsizetype limit;
    QByteArray body;
    bool tooLarge = false;
    QString ownTrouble; // with our key or certificate
};

size_t takeBody(char *bytes, size_t size, size_t count, void *user)
{
    auto *exchange = static_cast<Exchange *>(user);
    const auto length = qsizetype(size * count);
    if (exchange->body.size() + length > exchange->limit) {
        exchange->tooLarge = true;
        return 0;
    }
    exchange->body.append(bytes, length);
    return size_t(length);
}

// The trust and the key of this exchange, straight into OpenSSL: nothing of them touches a file.
CURLcode prepareTls(CURL *, void *context, void *user)
{
    auto *exchange = static_cast<Exchange *>(user);
    auto *tls = static_cast<SSL_CTX *>(context);
    const HttpPeer &peer = *exchange->peer;
    ssl::Store store(X509_STORE_new());
    for (const QByteArray &der : peer.anchors) {
        const ssl::Certificate anchor = ssl::certificate(der);
        if (!anchor || X509_STORE_add_cert(store.get(), anchor.get()) != 1)
            return CURLE_SSL_CACERT_BADFILE;
    }
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN); // an anchor need not be a root
    SSL_CTX_set_cert_store(tls, store.release());
    if (peer.key && !peer.keyChain.isEmpty()) {
        const ssl::Certificate own = ssl::certificate(peer.keyChain.front());
        bool good =
            own && SSL_CTX_use_certificate(tls, own.get()) == 1 && SSL_CTX_use_PrivateKey(tls, peer.key->key()) == 1;
        for (qsizetype i = 1; good && i < peer.keyChain.size(); ++i) {
            const ssl::Certificate above = ssl::certificate(peer.keyChain[i]);
            good = above && SSL_CTX_add1_chain_cert(tls, above.get()) == 1;
        }
        if (!good) {
            exchange->ownTrouble = ssl::errors();
            return CURLE_SSL_CERTPROBLEM;
        }
    }
    return CURLE_OK;
}

// Why the server's certificate was not taken.
QString verifyWords(long result, const QString &detail)
{
    switch (result) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:
        return detail.contains(QLatin1String("subject name")) || detail.contains(QLatin1String("subjectAltName"))
                   ? QStringLiteral("its certificate is for another name")
                   : QStringLiteral("its certificate is not accepted");
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return QStringLiteral("its certificate has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return QStringLiteral("its certificate is not valid yet; this computer's clock may be slow");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return QStringLiteral("its certificate is for another name");
    case X509_V_ERR_INVALID_PURPOSE:
        return QStringLiteral("its certificate is not for servers");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return QStringLiteral("its certificate leads to none of the anchors that were given for it");
    default:
        return QString::fromLatin1(X509_verify_cert_error_string(result));
    }
}

struct ListFree {
    void operator()(curl_slist *p) const { curl_slist_free_all(p); }
};

// OpenSSL writes to its sockets without MSG_NOSIGNAL, and a peer that went away must not end the program.
class NoBrokenPipe
{
public:
    NoBrokenPipe()
    {
        sigemptyset(&m_pipe);
        sigaddset(&m_pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &m_pipe, &m_before);
    }
    ~NoBrokenPipe()
    {
        if (sigismember(&m_before, SIGPIPE) == 0) {
            const timespec now{};
            while (sigtimedwait(&m_pipe, nullptr, &now) == SIGPIPE) {
            }
        }
        pthread_sigmask(SIG_SETMASK, &m_before, nullptr);
    }
    NoBrokenPipe(const NoBrokenPipe &) = delete;
    NoBrokenPipe &operator=(const NoBrokenPipe &) = delete;

private:
    sigset_t m_pipe{}, m_before{};
};

// Runs the transfer until it ends, the deadline passes or a stop is asked for.
CURLcode perform(CURLM *multi, CURL *easy, const Deadline &deadline, const std::stop_token &stop, bool &stopped)
{
    const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
    curl_multi_add_handle(multi, easy);
    CURLcode result = CURLE_OPERATION_TIMEDOUT;
    for (;;) {
        int running = 0;
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            result = CURLE_RECV_ERROR;
            break;
        }
        if (running == 0) {
            int left = 0;
            if (const CURLMsg *message = curl_multi_info_read(multi, &left))
                result = message->data.result;
            break;
        }
        if (stop.stop_requested()) {
            stopped = true;
            break;
        }
        if (deadline.expired())
            break;
        const auto wait = std::min<qint64>(deadline.remaining().count() + 1, 1'000);
        curl_multi_poll(multi, nullptr, 0, int(wait), nullptr);
    }
    curl_multi_remove_handle(multi, easy);
    return result;
}

// Errors that say that the server did not take the request, or could not have got it.
[[noreturn]] void fail(CURL *easy, CURLcode code, const HttpPeer &peer, const HttpRequest &request,
                       const Exchange &exchange, QString detail, bool stopped)
{
    const QString address = httpAddress(peer.url);
    long sentBytes = 0, verified = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sentBytes);
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
    if (detail.isEmpty())
        detail = QString::fromLatin1(curl_easy_strerror(code));
    detail = oneLine(detail, 300);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        throw Fault("issuer.tls", {address, verifyWords(verified, detail)}, detail);
    if (code == CURLE_SSL_CERTPROBLEM)
        throw Fault("issuer.tls-own", {address, QStringLiteral("it cannot be used")}, detail + exchange.ownTrouble);
    // An alert ends the connection before the request is looked at. In TLS 1.3 it comes after the request was sent.
    if (detail.contains(QLatin1String("alert")) && !stopped) {
        const QString why = detail.contains(QLatin1String("certificate required")) ? QStringLiteral("it wants one")
                            : detail.contains(QLatin1String("unknown ca"))
                                ? QStringLiteral("it does not know its issuer")
                            : detail.contains(QLatin1String("certificate expired")) ? QStringLiteral("it has expired")
                            : detail.contains(QLatin1String("certificate revoked")) ? QStringLiteral("it was revoked")
                            : detail.contains(QLatin1String("certificate"))   ? QStringLiteral("it does not take it")
                            : detail.contains(QLatin1String("access denied")) ? QStringLiteral("access is denied")
                                                                              : QString();
        if (!why.isEmpty())
            throw Fault("issuer.tls-own", {address, why}, detail);
        throw Fault("issuer.tls", {address, QStringLiteral("no common protocol or cipher could be agreed")}, detail);
    }
    if (request.post && sentBytes > 0) {
        const QString why = stopped             ? QStringLiteral("it was stopped")
                            : exchange.tooLarge ? QStringLiteral("the answer is larger than any that is right")
                            : code == CURLE_OPERATION_TIMEDOUT ? QStringLiteral("no answer came in time")
                                                               : QStringLiteral("the connection broke");
        throw Fault("issuer.answer-lost", {address, why}, detail);
    }
    if (stopped)
        throw Fault("base.stopped");
    const QString why = exchange.tooLarge                    ? QStringLiteral("its answer is too large")
                        : code == CURLE_COULDNT_RESOLVE_HOST ? QStringLiteral("there is no computer of that name")
                        : code == CURLE_COULDNT_CONNECT      ? QStringLiteral("nobody answers there")
                        : code == CURLE_OPERATION_TIMEDOUT   ? QStringLiteral("no answer came in time")
                        : code == CURLE_SSL_CONNECT_ERROR    ? QStringLiteral("it does not speak TLS")
                        : code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL
                            ? QStringLiteral("it does not speak HTTP")
                            : QStringLiteral("the connection broke");
    throw Fault("issuer.unreachable", {address, why}, detail);
}

} // namespace

QString httpAddress(const QString &url)
{
    const QUrl parsed(url, QUrl::StrictMode);
    if (!parsed.isValid() || (parsed.scheme() != u"http" && parsed.scheme() != u"https") || parsed.host().isEmpty() ||
        !parsed.userInfo().isEmpty() || parsed.hasQuery() || parsed.hasFragment() || url.size() > 500)
        throw Fault("issuer.url", {oneLine(url, 120)});
    return parsed.scheme() + QStringLiteral("://") + parsed.authority();
}

HttpConnection::HttpConnection()
{
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    m_easy = curl_easy_init();
    m_multi = curl_multi_init();
}

HttpConnection::~HttpConnection()
{
    const NoBrokenPipe noBrokenPipe;
    curl_easy_cleanup(m_easy);
    curl_multi_cleanup(m_multi);
}

HttpAnswer httpExchange(const HttpPeer &peer, const HttpRequest &request, const Task &task, HttpConnection *kept)
{
    const NoBrokenPipe noBrokenPipe;
    const QString address = httpAddress(peer.url);
    task.check(QStringLiteral("Asking %1").arg(address));
    const QByteArray url = (peer.url + request.path).toUtf8();
    Exchange exchange{&peer, request.answerLimit, {}, false, {}};

    HttpConnection once;
    HttpConnection &connection = kept ? *kept : once;
    curl_easy_reset(connection.m_easy);
    std::unique_ptr<curl_slist, ListFree> headers;
    const auto header = [&headers](const QByteArray &line) {
        headers.reset(curl_slist_append(headers.release(), line.constData()));
    };
    if (!request.contentType.isEmpty())
        header("Content-Type: " + request.contentType);
    if (!request.transferEncoding.isEmpty())
        header("Content-Transfer-Encoding: " + request.transferEncoding);
    if (!request.accept.isEmpty())
        header("Accept: " + request.accept);
    header("Expect:"); // no waiting for "100 Continue"
    const Deadline deadline = task.deadline.sooner(peer.answerWithin);
    std::array<char, CURL_ERROR_SIZE> words{};
    CURL *e = connection.m_easy;
    curl_easy_setopt(e, CURLOPT_URL, url.constData());
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, kept ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connectWithinMs);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "slipway");
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, words.data());
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, takeBody);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, peer.provisional ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, peer.provisional ? 0L : 2L);
    curl_easy_setopt(e, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(e, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, prepareTls);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, &exchange);
    if (request.post) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.size()));
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, request.body.constData());
    }
    bool stopped = false;
    const CURLcode code = perform(connection.m_multi, e, deadline, task.stop, stopped);
    const QString detail = QString::fromUtf8(words.data());
    ERR_clear_error();
    if (code != CURLE_OK || stopped)
        fail(e, code, peer, request, exchange, detail, stopped);

    HttpAnswer answer;
    long status = 0;
    curl_off_t retryAfter = 0;
    const char *type = nullptr;
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(e, CURLINFO_RETRY_AFTER, &retryAfter);
    curl_easy_getinfo(e, CURLINFO_CONTENT_TYPE, &type);
    answer.status = int(status);
    answer.retryAfter = std::max<qint64>(0, retryAfter);
    answer.contentType = QByteArray(type).split(';').front().trimmed().toLower();
    answer.body = std::move(exchange.body);
    return answer;
}

} // namespace slipway
