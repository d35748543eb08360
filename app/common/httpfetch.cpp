#include "app/common/httpfetch.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QCryptographicHash>
#include <QEventLoop>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QSslConfiguration>
#include <QTimer>
#include <QUrlQuery>

#include <memory>

namespace slipway {

namespace {

constexpr int silenceMs = 30'000;
constexpr int mostRedirects = 5;

// The SHA-256 that the address states, or nothing.
QByteArray statedDigest(const QUrl &url)
{
    const QString text = QUrlQuery(url.fragment()).queryItemValue(QStringLiteral("sha256"));
    if (text.isEmpty())
        return {};
    const auto digest = fromHex(text);
    if (!digest || digest->size() != 32)
        throw Fault("fetch.url", {oneLine(url.toDisplayString(), 200)});
    return *digest;
}

} // namespace

void checkFetch(const FetchOrder &order)
{
    const QString scheme = order.url.scheme();
    if (!order.url.isValid() || order.url.host().isEmpty() || (scheme != u"http" && scheme != u"https") ||
        !order.url.userInfo().isEmpty())
        throw Fault("fetch.url", {oneLine(order.url.toDisplayString(), 200)});
    if (scheme == u"http" && !order.authenticated && statedDigest(order.url).isEmpty())
        throw Fault("fetch.plain", {oneLine(order.url.toDisplayString(), 200)});
}

QByteArray fetch(const FetchOrder &order, const Task &task)
{
    checkFetch(order);
    const QString shown = oneLine(order.url.toDisplayString(QUrl::RemoveFragment), 200);
    const QByteArray digest = statedDigest(order.url);
    QNetworkAccessManager network;
    QNetworkRequest request(order.url.adjusted(QUrl::RemoveFragment));
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::SameOriginRedirectPolicy);
    request.setMaximumRedirectsAllowed(mostRedirects);
    request.setTransferTimeout(silenceMs);
    // What is unpacked on the way could grow without limit, and a digest is of the file as it lies there.
    request.setRawHeader("Accept-Encoding", "identity");
    request.setHeader(QNetworkRequest::UserAgentHeader, QStringLiteral("slipway"));
    if (!order.anchorsPem.isEmpty()) {
        QSslConfiguration tls = request.sslConfiguration();
        tls.setCaCertificates(QSslCertificate::fromData(order.anchorsPem));
        request.setSslConfiguration(tls);
    }

    QByteArray content;
    bool tooLarge = false;
    QEventLoop loop;
    const std::unique_ptr<QNetworkReply> reply(network.get(request));
    const auto take = [&] {
        content += reply->read(order.limit + 1 - content.size());
        if (content.size() > order.limit && !tooLarge) {
            tooLarge = true;
            reply->abort();
        }
    };
    QObject::connect(reply.get(), &QNetworkReply::readyRead, &loop, take);
    QObject::connect(reply.get(), &QNetworkReply::finished, &loop, &QEventLoop::quit);
    QTimer watch;
    QObject::connect(&watch, &QTimer::timeout, &loop, [&] {
        if (task.stop.stop_requested() || task.deadline.expired())
            reply->abort();
    });
    watch.start(100);
    if (!reply->isFinished())
        loop.exec();

    if (tooLarge)
        throw Fault("file.too-large", {shown, order.what});
    task.check(QStringLiteral("Fetching %1").arg(shown));
    if (reply->error() == QNetworkReply::InsecureRedirectError)
        throw Fault("fetch.failed", {shown, QStringLiteral("it sends on to another server")});
    if (reply->error() != QNetworkReply::NoError) {
        const int status = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
        throw Fault("fetch.failed", {shown, status >= 400 ? QStringLiteral("the server answers %1").arg(status)
                                                          : oneLine(reply->errorString(), 200)});
    }
    take();
    if (tooLarge)
        throw Fault("file.too-large", {shown, order.what});
    if (!digest.isEmpty() && QCryptographicHash::hash(content, QCryptographicHash::Sha256) != digest)
        throw Fault("fetch.digest", {shown});
    return content;
}

} // namespace slipway
