#pragma once
// One HTTP request and its answer (libcurl), for EST and CMP. Blocking; a stop is honoured at once, a deadline to the
// millisecond. No redirects, no proxies, no connection is used twice unless the caller keeps it: a request that is not
// idempotent must never be repeated behind our back. TLS 1.2 or later with the anchors given and no others.
// Room-internal.
//
// Throws issuer.url; issuer.unreachable, issuer.tls, issuer.tls-own: the request was not taken; issuer.answer-lost:
// it was sent, and what became of it is not known (for GET issuer.unreachable); base.stopped before it was sent.

#include "core/base/task.h"
#include "core/identity/keyfile.h"

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

struct HttpPeer {
    QString url;               // http or https, with a path or without
    QList<QByteArray> anchors; // DER; for https
    bool provisional = false;  // take any server: only to fetch what is then compared with a fingerprint
    const Signer *key = nullptr;
    QList<QByteArray> keyChain; // certificate of the key first, DER
    std::chrono::milliseconds answerWithin{30'000};
};

struct HttpRequest {
    bool post = false;
    QString path; // behind the peer's url
    QByteArray contentType, accept, body;
    QByteArray transferEncoding; // of MIME, "base64", or none
    qsizetype answerLimit = 256 * 1024;
};

struct HttpAnswer {
    int status = 0;
    QByteArray contentType; // without parameters, lower case
    qint64 retryAfter = 0;  // seconds, 0: not said
    QByteArray body;
};

// Keeps a connection open from one exchange to the next, for messages of one transaction behind its first: some servers
// know a transaction only by its connection.
class HttpConnection
{
public:
    HttpConnection();
    ~HttpConnection();
    HttpConnection(const HttpConnection &) = delete;
    HttpConnection &operator=(const HttpConnection &) = delete;

private:
    friend HttpAnswer httpExchange(const HttpPeer &, const HttpRequest &, const Task &, HttpConnection *);
    void *m_easy, *m_multi;
};

HttpAnswer httpExchange(const HttpPeer &peer, const HttpRequest &request, const Task &task,
                        HttpConnection *kept = nullptr);

// "https://ca.example:8443": scheme, host and port, checked. Throws issuer.url.
QString httpAddress(const QString &url);

} // namespace slipway
