#include "core/identity/estissuer.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/verifysignature.h"

#include <QUrl>

#include <algorithm>

namespace slipway {

namespace {

constexpr qint64 shortestRetry = 1;
constexpr qint64 longestRetry = 24 * 3600;
constexpr qint64 usualRetry = 10; // where a 202 says nothing

// The text of an answer that is no certificate, for the log.
QString words(const HttpAnswer &answer)
{
    return QStringLiteral("HTTP %1 %2").arg(answer.status).arg(oneLine(QString::fromUtf8(answer.body.left(300)), 200));
}

bool signedBy(const CertificateView &certificate, const CertificateView &above)
{
    return certificate.issuer == above.subject &&
           verifyAlgorithm(above.publicKey, keyTypeOf(above.publicKey), certificate.outerAlgorithm, certificate.tbs,
                           certificate.signature);
}

} // namespace

QString EstIssuer::base(const QString &url)
{
    if (QUrl(url).scheme() != u"https")
        throw Fault("issuer.url", {oneLine(url, 120)});
    httpAddress(url);
    const QString trimmed = url.endsWith(u'/') ? url.chopped(1) : url;
    return trimmed.contains(QLatin1String("/.well-known/est")) ? trimmed : trimmed + QStringLiteral("/.well-known/est");
}

EstIssuer::EstIssuer(RemoteAccess access)
    : RemoteIssuer(
          [&access] {
              access.url = base(access.url);
              return std::move(access);
          }(),
          QStringLiteral("EST"))
{}

QList<QByteArray> EstIssuer::authorityCertificates(const Task &task) const
{
    HttpRequest request;
    request.path = QStringLiteral("/cacerts");
    request.accept = "application/pkcs7-mime";
    const HttpAnswer answer = httpExchange(peer(), request, task);
    if (answer.status != 200)
        throw Fault("issuer.refused", {name(), QStringLiteral("it does not give out its certificates")}, words(answer));
    return estCertificates(answer.body, name());
}

void EstIssuer::checkHealth() const
{
    checkAccess();
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(10));
    const auto certificates = authorityCertificates(task);
    if (!certificates.contains(chain().front()))
        throw Fault("issuer.other-authority", {name()});
}

// What the server wants in a request is asked once (RFC 7030 section 4.5); one that has no such list says 204 or 404.
void EstIssuer::checkAttributes(const IssueOrder &order, const Task &task)
{
    const std::lock_guard lock(m_mutex);
    if (!m_asked) {
        HttpRequest request;
        request.path = QStringLiteral("/csrattrs");
        request.accept = "application/csrattrs";
        request.answerLimit = 16 * 1024;
        const HttpAnswer answer = httpExchange(peer(), request, task);
        if (answer.status == 200 && !answer.body.isEmpty())
            m_attributes = estAttributes(answer.body, name());
        m_asked = true;
    }
    if (!m_attributes.keyType.isEmpty() && !order.request.keyType.startsWith(m_attributes.keyType))
        throw Fault("issuer.key-type", {name(), m_attributes.keyType, order.request.keyType});
    // challengePassword would bind the request to this TLS session, which only the device itself could do.
    if (m_attributes.wanted.contains(QLatin1String("1.2.840.113549.1.9.7")))
        task.say(QStringLiteral("%1 would like requests bound to the connection, which a registration authority cannot "
                                "do for a device")
                     .arg(name()));
}

QByteArray EstIssuer::enroll(const QString &function, const QByteArray &der,
                             const std::function<void(const QByteArray &)> &whileWaiting, const Task &task) const
{
    HttpRequest request;
    request.post = true;
    request.path = function;
    request.contentType = "application/pkcs10";
    request.accept = "application/pkcs7-mime";
    request.transferEncoding = "base64";
    const QByteArray text = der.toBase64();
    for (qsizetype at = 0; at < text.size(); at += 64)
        request.body += text.mid(at, 64) + "\r\n";
    bool pending = false; // it has the request; whatever goes wrong from now on does not take that back
    const auto exchange = [&] {
        try {
            return httpExchange(peer(), request, task);
        } catch (const Fault &fault) {
            if (!pending || fault.is(u"issuer.answer-lost"))
                throw;
            if (fault.is(u"issuer.unreachable"))
                throw Fault("issuer.pending-away", {name(), fault.sentence()}, fault.text());
            throw Fault("issuer.pending", {name(), QStringLiteral("a while")}, fault.text());
        }
    };
    for (;;) {
        const HttpAnswer answer = exchange();
        if (answer.status == 202) {
            if (!pending && whileWaiting)
                whileWaiting({}); // it has the request, and asks for the same once more
            pending = true;
            const qint64 wait =
                std::clamp(answer.retryAfter > 0 ? answer.retryAfter : usualRetry, shortestRetry, longestRetry);
            if (!task.deadline.isNever() && task.deadline.remaining() < std::chrono::seconds(wait))
                throw Fault("issuer.pending", {name(), humanSpan(double(wait))});
            task.say(QStringLiteral("%1 has not decided yet; asking again in %2").arg(name(), humanSpan(double(wait))));
            try {
                pauseFor(std::chrono::seconds(wait), task, QStringLiteral("%1 has not decided yet").arg(name()));
            } catch (const Fault &fault) {
                throw Fault("issuer.pending", {name(), humanSpan(double(wait))}, fault.sentence());
            }
            continue;
        }
        if (answer.status >= 500 && answer.status != 501 && answer.status != 503)
            throw Fault("issuer.answer-lost", {access().url, QStringLiteral("it failed while it worked on it")},
                        words(answer));
        if (answer.status == 503) {
            const QString why = QStringLiteral("it is overloaded or being maintained");
            throw pending ? Fault("issuer.pending-away", {name(), why}, words(answer))
                          : Fault("issuer.unreachable", {name(), why}, words(answer));
        }
        if (answer.status == 401 || answer.status == 403)
            throw Fault("issuer.refused", {name(), QStringLiteral("this station has no permission there")},
                        words(answer));
        if (answer.status >= 300 && answer.status < 400)
            throw Fault("issuer.refused", {name(), QStringLiteral("it sends us to another address")}, words(answer));
        if (answer.status != 200)
            throw Fault("issuer.refused", {name(), QStringLiteral("it does not take the request")}, words(answer));
        if (answer.contentType != "application/pkcs7-mime")
            throw Fault("issuer.answer", {name(), QStringLiteral("it is of another kind (%1)")
                                                      .arg(oneLine(QString::fromLatin1(answer.contentType), 60))});
        // The certificate, and perhaps those above it, in any order (RFC 5652 section 10.2.3): ours has our key.
        const auto certificates = estCertificates(answer.body, name());
        if (certificates.size() == 1)
            return certificates.front();
        for (const QByteArray &certificate : certificates) {
            try {
                der::Reader info(der::Reader(der::single(der, der::Sequence)).next(der::Sequence));
                info.next(der::Integer);
                info.next(der::Sequence);
                if (CertificateView::read(certificate).publicKey == info.next(der::Sequence).whole)
                    return certificate;
            } catch (const der::Error &) {
                continue;
            }
        }
        return certificates.front();
    }
}

IssuedCertificate EstIssuer::issue(const IssueOrder &order, const Task &task)
{
    check(order);
    checkAccess();
    checkAttributes(order, task);
    QByteArray der;
    try {
        der = enroll(QStringLiteral("/simpleenroll"), order.request.der, order.whileWaiting, task);
    } catch (const Fault &fault) {
        // It did answer, and with success: something was issued.
        if (fault.is(u"issuer.answer"))
            throw Fault("issuer.answer-lost", {access().url, QStringLiteral("what came is unusable")},
                        fault.sentence());
        throw;
    }
    IssuedCertificate issued = judge(der, order);
    if (issued.deviation.isEmpty() && order.beforeConfirm)
        order.beforeConfirm(issued); // EST has no confirmation; what is durable now is durable
    return issued;
}

QByteArray EstIssuer::renew(const QByteArray &request, const Task &task) const
{
    return enroll(QStringLiteral("/simplereenroll"), request, {}, task);
}

QList<QByteArray> estBootstrap(const QString &url, const QByteArray &sha256, const Task &task)
{
    HttpPeer peer;
    peer.url = EstIssuer::base(url);
    peer.provisional = true;
    HttpRequest request;
    request.path = QStringLiteral("/cacerts");
    request.accept = "application/pkcs7-mime";
    const HttpAnswer answer = httpExchange(peer, request, task);
    if (answer.status != 200)
        throw Fault("issuer.refused", {url, QStringLiteral("it does not give out its certificates")}, words(answer));
    const auto found = estCertificates(answer.body, url);
    const auto anchor =
        std::find_if(found.begin(), found.end(), [&](const QByteArray &der) { return ssl::sha256(der) == sha256; });
    if (anchor == found.end()) {
        QStringList have;
        for (const QByteArray &der : found)
            have << hex(ssl::sha256(der));
        throw Fault("issuer.fingerprint", {url, hex(sha256)}, have.join(QStringLiteral(", ")));
    }
    // From the anchor downwards, each signed by the one before it.
    QList<QByteArray> chain{*anchor};
    try {
        for (bool more = true; more;) {
            more = false;
            for (const QByteArray &der : found) {
                if (chain.contains(der) || !signedBy(CertificateView::read(der), CertificateView::read(chain.front())))
                    continue;
                chain.prepend(der);
                more = true;
                break;
            }
        }
    } catch (const der::Error &error) {
        throw Fault("issuer.answer", {url, QStringLiteral("a certificate in it ") + QString::fromLatin1(error.what)});
    }
    return chain;
}

} // namespace slipway
