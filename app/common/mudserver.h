#pragma once
// Serves a folder of MUD files and signatures over HTTP or HTTPS, for a bench and for tests: the media types, entity
// tags and max-age that managers are to see (core/mud/mudsite.h), If-None-Match, GET and HEAD, and nothing else: no
// listing of folders, no hidden files, nothing outside the folder. Made and used in one thread with an event loop.
// Throws mud.serve, file.unreadable.

#include <QByteArray>
#include <QHostAddress>
#include <QString>

#include <functional>
#include <memory>

namespace slipway {

class MudServer
{
public:
    struct Options {
        QString folder;
        QHostAddress address = QHostAddress(QHostAddress::LocalHost);
        quint16 port = 0;          // 0: any
        QByteArray certificatePem; // with its chain; empty: plain HTTP
        QByteArray keyPem;
        QByteArray passphrase;
    };
    struct Request {
        QString peer, method, path;
        int status = 0;
        qint64 bytes = 0; // of the body
    };

    // seen: called after each request.
    MudServer(const Options &options, std::function<void(const Request &)> seen);
    ~MudServer();
    MudServer(const MudServer &) = delete;
    MudServer &operator=(const MudServer &) = delete;

    QString url() const; // "https://127.0.0.1:8443/"

private:
    class Server;
    std::unique_ptr<Server> m_server;
    QString m_url;
};

} // namespace slipway
