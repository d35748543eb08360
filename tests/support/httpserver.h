#pragma once
// A small HTTP/1.1 server for tests, plain or with TLS: one request a connection, one connection at a time, in a thread
// of its own. It is as strict as a test wants its handler to be. Link OpenSSL::SSL and a threads library.

#include <QByteArray>
#include <QMap>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway::test {

struct ServedRequest {
    QByteArray method, path, body;
    QMap<QByteArray, QByteArray> headers; // names in lower case
    X509 *client = nullptr;               // verified certificate of the TLS client
};

struct ServedAnswer {
    int status = 200;
    QByteArray type, body;
    QMap<QByteArray, QByteArray> headers;
    bool drop = false;       // close the connection without a word
    qsizetype cutAfter = -1; // send so much of the body and close
    bool silent = false;     // hold the connection until the server ends
};

class HttpServer
{
public:
    using Handler = std::function<ServedAnswer(const ServedRequest &)>;

    // tls: null for plain HTTP; the server takes it over. port: 0 for any that is free.
    explicit HttpServer(Handler handler, SSL_CTX *tls = nullptr, int port = 0)
        : m_handler(std::move(handler)), m_tls(tls)
    {
        std::signal(SIGPIPE, SIG_IGN);
        m_listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(uint16_t(port));
        const int again = 1;
        ::setsockopt(m_listener, SOL_SOCKET, SO_REUSEADDR, &again, sizeof again);
        ::bind(m_listener, reinterpret_cast<sockaddr *>(&address), sizeof address);
        ::listen(m_listener, 16);
        socklen_t length = sizeof address;
        ::getsockname(m_listener, reinterpret_cast<sockaddr *>(&address), &length);
        m_port = ntohs(address.sin_port);
        m_thread = std::thread([this] { serve(); });
    }
    ~HttpServer()
    {
        m_stop = true;
        m_thread.join();
        ::close(m_listener);
        SSL_CTX_free(m_tls);
    }
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    int port() const { return m_port; }
    int served() const { return m_served; } // requests that reached the handler

private:
    bool ready(int fd)
    {
        for (;;) {
            pollfd wait{fd, POLLIN, 0};
            if (::poll(&wait, 1, 20) > 0)
                return true;
            if (m_stop)
                return false;
        }
    }
    void serve()
    {
        while (ready(m_listener)) {
            const int fd = ::accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0)
                continue;
            timeval within{5, 0};
            ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within);
            SSL *ssl = nullptr;
            if (m_tls) {
                ssl = SSL_new(m_tls);
                SSL_set_fd(ssl, fd);
                if (SSL_accept(ssl) != 1) {
                    SSL_free(ssl);
                    ::close(fd);
                    continue;
                }
            }
            converse(fd, ssl);
            if (ssl) {
                SSL_shutdown(ssl);
                SSL_free(ssl);
            }
            ::close(fd);
        }
    }
    static qsizetype read(int fd, SSL *ssl, char *to, int size)
    {
        return ssl ? SSL_read(ssl, to, size) : ::recv(fd, to, size_t(size), 0);
    }
    static void write(int fd, SSL *ssl, const QByteArray &bytes)
    {
        qsizetype at = 0;
        while (at < bytes.size()) {
            const qsizetype n = ssl ? SSL_write(ssl, bytes.constData() + at, int(bytes.size() - at))
                                    : ::send(fd, bytes.constData() + at, size_t(bytes.size() - at), MSG_NOSIGNAL);
            if (n <= 0)
                return;
            at += n;
        }
    }
    void converse(int fd, SSL *ssl)
    {
        QByteArray in;
        char buffer[4096];
        qsizetype end = -1, length = 0;
        ServedRequest request;
        for (;;) {
            const qsizetype n = read(fd, ssl, buffer, sizeof buffer);
            if (n <= 0)
                return;
            in.append(buffer, n);
            if (end < 0 && (end = in.indexOf("\r\n\r\n")) >= 0) {
                const QList<QByteArray> lines = in.left(end).split('\n');
                request.method = lines[0].split(' ').value(0);
                request.path = lines[0].split(' ').value(1);
                for (qsizetype i = 1; i < lines.size(); ++i) {
                    const qsizetype colon = lines[i].indexOf(':');
                    request.headers.insert(lines[i].left(colon).trimmed().toLower(), lines[i].mid(colon + 1).trimmed());
                }
                length = request.headers.value("content-length").toLongLong();
            }
            if (end >= 0 && in.size() >= end + 4 + length)
                break;
        }
        request.body = in.mid(end + 4, length);
        if (ssl && SSL_get_verify_result(ssl) == X509_V_OK)
            request.client = SSL_get0_peer_certificate(ssl);
        ++m_served;
        const ServedAnswer answer = m_handler(request);
        if (answer.drop)
            return;
        if (answer.silent) {
            while (!m_stop) {
                pollfd wait{fd, POLLIN, 0}; // until the client goes away
                if (::poll(&wait, 1, 20) > 0)
                    return;
            }
            return;
        }
        QByteArray out = "HTTP/1.1 " + QByteArray::number(answer.status) +
                         " Test\r\nContent-Length: " + QByteArray::number(answer.body.size()) +
                         "\r\nConnection: close\r\n";
        if (!answer.type.isEmpty())
            out += "Content-Type: " + answer.type + "\r\n";
        for (auto it = answer.headers.begin(); it != answer.headers.end(); ++it)
            out += it.key() + ": " + it.value() + "\r\n";
        out += "\r\n";
        out += answer.cutAfter >= 0 ? answer.body.left(answer.cutAfter) : answer.body;
        write(fd, ssl, out);
    }

    Handler m_handler;
    SSL_CTX *m_tls;
    int m_listener = -1, m_port = 0;
    std::atomic<bool> m_stop = false;
    std::atomic<int> m_served = 0;
    std::thread m_thread;
};

} // namespace slipway::test
