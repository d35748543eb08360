#pragma once
// One station's DTLS 1.2 session with a virtual device, over OpenSSL itself and not over libcoap: datagrams in and out.
// A new ClientHello begins a new session. Throws virtual.credentials from DtlsSettings only.

#include "drivers/virtual/virtualcoap.h"

#include <openssl/ssl.h>

#include <deque>

namespace slipway {

class DtlsSettings
{
public:
    explicit DtlsSettings(const VirtualCoapOptions &options);
    bool wanted() const { return m_context != nullptr; }
    SSL_CTX *context() const { return m_context.get(); }

private:
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> m_context{nullptr, &SSL_CTX_free};
};

class DtlsPeer
{
public:
    explicit DtlsPeer(const DtlsSettings &settings);
    // What a datagram held, decrypted; what must go out in answer is in takeOut().
    std::deque<QByteArray> receive(const QByteArray &datagram);
    void send(const QByteArray &plain);
    void timeout(); // resends a flight of the handshake that was lost
    // Until timeout() is due; nothing when it is not.
    std::optional<std::chrono::milliseconds> due() const;
    std::deque<QByteArray> takeOut();
    bool established() const { return SSL_is_init_finished(m_ssl.get()) == 1; }
    bool failed() const { return m_failed; }
    static bool isClientHello(const QByteArray &datagram);

private:
    std::unique_ptr<SSL, decltype(&SSL_free)> m_ssl{nullptr, &SSL_free};
    bool m_failed = false;
};

} // namespace slipway
