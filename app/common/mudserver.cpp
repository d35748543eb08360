#include "app/common/mudserver.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/mud/mudsite.h"

#include <QDir>
#include <QFileInfo>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslKey>
#include <QTcpServer>
#include <QTcpSocket>
#include <QUrl>
#include <QtHttpServer/QAbstractHttpServer>
#include <QtHttpServer/QHttpServerRequest>
#include <QtHttpServer/QHttpServerResponder>

#include <optional>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 pageLimit = 4 * 1024 * 1024;

QString methodName(QHttpServerRequest::Method method)
{
    switch (method) {
    case QHttpServerRequest::Method::Get:
        return u"GET"_s;
    case QHttpServerRequest::Method::Head:
        return u"HEAD"_s;
    case QHttpServerRequest::Method::Put:
        return u"PUT"_s;
    case QHttpServerRequest::Method::Post:
        return u"POST"_s;
    case QHttpServerRequest::Method::Delete:
        return u"DELETE"_s;
    case QHttpServerRequest::Method::Options:
        return u"OPTIONS"_s;
    default:
        return u"other"_s;
    }
}

// RFC 9110 section 13.1.2: the weak comparison.
bool isAmong(const QByteArray &list, const QByteArray &etag)
{
    for (QByteArray tag : list.split(',')) {
        tag = tag.trimmed();
        if (tag.startsWith("W/"))
            tag.remove(0, 2);
        if (tag == "*" || tag == etag)
            return true;
    }
    return false;
}

// The path of a request as a path below the folder; nothing where it is none that a file could have.
std::optional<QString> pathBelow(const QUrl &url)
{
    const QByteArray encoded = url.path(QUrl::FullyEncoded).toLatin1();
    if (!encoded.startsWith('/'))
        return {};
    QStringList names;
    for (const QByteArray &segment : encoded.mid(1).split('/')) {
        const QByteArray name = QByteArray::fromPercentEncoding(segment);
        if (name.isEmpty() || name.startsWith('.') || name.contains('/') || name.contains('\\') ||
            name.contains('\0') || !name.isValidUtf8())
            return {};
        names += QString::fromUtf8(name);
    }
    return names.join(u'/');
}

} // namespace

class MudServer::Server : public QAbstractHttpServer
{
public:
    Server(const QString &folder, std::function<void(const Request &)> seen)
        : m_root(QFileInfo(folder).canonicalFilePath()), m_seen(std::move(seen))
    {}

protected:
    bool handleRequest(const QHttpServerRequest &request, QTcpSocket *socket) override
    {
        Request record{socket->peerAddress().toString(), methodName(request.method()),
                       oneLine(request.url().path(QUrl::FullyEncoded), 255), 404, 0};
        const bool head = request.method() == QHttpServerRequest::Method::Head;
        if (!head && request.method() != QHttpServerRequest::Method::Get) {
            record.status = 405;
            answer(socket, "405 Method Not Allowed", {{"Allow", "GET, HEAD"}}, "Only GET and HEAD.\n", head);
        } else if (const auto file = find(request.url())) {
            const MudPage page = mudPage(QFileInfo(*file).fileName(), m_content);
            const bool same = isAmong(request.value("If-None-Match"), page.etag);
            Headers headers{{"ETag", page.etag}, {"Cache-Control", page.cacheControl}};
            record.status = same ? 304 : 200;
            record.bytes = same || head ? 0 : m_content.size();
            if (same) {
                answer(socket, "304 Not Modified", headers, {}, true);
            } else {
                headers.append(std::pair<QByteArray, QByteArray>("Content-Type", page.mediaType));
                headers.append(std::pair<QByteArray, QByteArray>("X-Content-Type-Options", "nosniff"));
                answer(socket, "200 OK", headers, m_content, head);
            }
        } else {
            answer(socket, "404 Not Found", {}, "There is no such file.\n", head);
        }
        if (m_seen)
            m_seen(record);
        return true;
    }
    void missingHandler(const QHttpServerRequest &, QTcpSocket *) override {}

private:
    using Headers = QList<std::pair<QByteArray, QByteArray>>;

    // A regular file within the folder, also behind links; its content goes to m_content.
    std::optional<QString> find(const QUrl &url)
    {
        const auto path = pathBelow(url);
        if (!path)
            return {};
        const QString real = QFileInfo(m_root + u'/' + *path).canonicalFilePath();
        if (real.isEmpty() || !real.startsWith(m_root + u'/') || !QFileInfo(real).isFile())
            return {};
        try {
            m_content = readFile(real, pageLimit, u"a MUD file"_s);
        } catch (const Fault &) {
            return {};
        }
        return real;
    }

    // By hand: the responder of Qt 6.4 gives HEAD and 304 a body's length only together with the body.
    static void answer(QTcpSocket *socket, const QByteArray &status, const Headers &headers, const QByteArray &body,
                       bool headOnly)
    {
        QByteArray out = "HTTP/1.1 " + status + "\r\n";
        for (const auto &[name, value] : headers)
            out += name + ": " + value + "\r\n";
        if (!status.startsWith("304"))
            out += "Content-Length: " + QByteArray::number(body.size()) + "\r\n";
        out += "\r\n";
        socket->write(out);
        if (!headOnly)
            socket->write(body);
    }

    QString m_root;
    QByteArray m_content;
    std::function<void(const Request &)> m_seen;
};

MudServer::MudServer(const Options &options, std::function<void(const Request &)> seen)
{
    if (!QFileInfo(options.folder).isDir())
        throw Fault("file.unreadable", {options.folder, u"it is no folder"_s});
    m_server = std::make_unique<Server>(options.folder, std::move(seen));
    const bool tls = !options.certificatePem.isEmpty();
    if (tls) {
        const auto chain = QSslCertificate::fromData(options.certificatePem, QSsl::Pem);
        QSslKey key;
        for (const QSsl::KeyAlgorithm algorithm : {QSsl::Ec, QSsl::Rsa}) {
            if (key.isNull())
                key = QSslKey(options.keyPem, algorithm, QSsl::Pem, QSsl::PrivateKey, options.passphrase);
        }
        if (chain.isEmpty() || key.isNull())
            throw Fault("mud.serve", {chain.isEmpty() ? u"the certificate cannot be read"_s
                                                      : u"the key cannot be read, or needs another passphrase"_s});
        QSslConfiguration configuration = QSslConfiguration::defaultConfiguration();
        configuration.setLocalCertificateChain(chain);
        configuration.setPrivateKey(key);
        configuration.setPeerVerifyMode(QSslSocket::VerifyNone); // anybody may fetch
        m_server->sslSetup(configuration);
    }
    const quint16 port = m_server->listen(options.address, options.port);
    if (port == 0)
        throw Fault(
            "mud.serve",
            {u"%1 port %2 is taken or not of this computer"_s.arg(options.address.toString()).arg(options.port)});
    const QString host = options.address.protocol() == QAbstractSocket::IPv6Protocol
                             ? u'[' + options.address.toString() + u']'
                             : options.address.toString();
    m_url = u"%1://%2:%3/"_s.arg(tls ? u"https"_s : u"http"_s, host).arg(port);
}

MudServer::~MudServer() = default;

QString MudServer::url() const
{
    return m_url;
}

} // namespace slipway
