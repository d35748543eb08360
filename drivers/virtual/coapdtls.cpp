#include "drivers/virtual/coapdtls.h"

#include "core/base/fault.h"
#include "drivers/virtual/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstring>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr long mtu = 1232;
constexpr qsizetype recordHead = 13;

unsigned int onPsk(SSL *ssl, const char *identity, unsigned char *psk, unsigned int room)
{
    const auto *options = static_cast<const VirtualCoapOptions *>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (!options || options->pskIdentity != identity || options->psk.size() > qsizetype(room))
        return 0;
    std::memcpy(psk, options->psk.constData(), size_t(options->psk.size()));
    return unsigned(options->psk.size());
}

[[noreturn]] void unusable(const QString &what)
{
    ERR_clear_error();
    throw Fault("virtual.credentials", {what});
}

} // namespace

DtlsSettings::DtlsSettings(const VirtualCoapOptions &options)
{
    if (options.psk.isEmpty() && options.certificate.isEmpty())
        return;
    m_context.reset(SSL_CTX_new(DTLS_server_method()));
    SSL_CTX *context = m_context.get();
    SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_app_data(context, const_cast<VirtualCoapOptions *>(&options));
    if (!options.psk.isEmpty()) {
        SSL_CTX_set_cipher_list(context, "PSK-AES128-CCM8:PSK-AES128-GCM-SHA256:ECDHE-PSK-AES128-CBC-SHA256");
        SSL_CTX_set_psk_server_callback(context, onPsk);
        return;
    }
    const BioPtr key(BIO_new_mem_buf(options.key.constData(), int(options.key.size())));
    const KeyPtr pkey(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, const_cast<char *>("")));
    const BioPtr pem(BIO_new_mem_buf(options.certificate.constData(), int(options.certificate.size())));
    bool first = true;
    while (X509 *certificate = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)) {
        if (first)
            SSL_CTX_use_certificate(context, certificate);
        else
            SSL_CTX_add1_chain_cert(context, certificate);
        X509_free(certificate);
        first = false;
    }
    ERR_clear_error();
    if (first)
        unusable(u"there is no certificate in PEM"_s);
    if (!pkey || SSL_CTX_use_PrivateKey(context, pkey.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
        unusable(u"the key is not the certificate's, or no PEM"_s);
    if (options.anchors.isEmpty())
        return;
    const BioPtr anchors(BIO_new_mem_buf(options.anchors.constData(), int(options.anchors.size())));
    while (X509 *anchor = PEM_read_bio_X509(anchors.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), anchor);
        SSL_CTX_add_client_CA(context, anchor);
        X509_free(anchor);
    }
    ERR_clear_error();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

DtlsPeer::DtlsPeer(const DtlsSettings &settings) : m_ssl(SSL_new(settings.context()), &SSL_free)
{
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(m_ssl.get(), in, out);
    SSL_set_mtu(m_ssl.get(), mtu);
    SSL_set_accept_state(m_ssl.get());
}

bool DtlsPeer::isClientHello(const QByteArray &datagram)
{
    // A handshake record of epoch 0 whose message is ClientHello (RFC 6347 section 4.1).
    return datagram.size() > recordHead && datagram[0] == 22 && datagram[3] == 0 && datagram[4] == 0 &&
           datagram[recordHead] == 1;
}

std::deque<QByteArray> DtlsPeer::receive(const QByteArray &datagram)
{
    std::deque<QByteArray> plain;
    BIO *in = SSL_get_rbio(m_ssl.get());
    BIO_write(in, datagram.constData(), int(datagram.size()));
    for (;;) {
        char buffer[2048];
        const int n = SSL_read(m_ssl.get(), buffer, sizeof buffer);
        if (n > 0) {
            plain.emplace_back(buffer, n);
            continue;
        }
        const int error = SSL_get_error(m_ssl.get(), n);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            m_failed = true;
        break;
    }
    ERR_clear_error();
    (void)BIO_reset(in); // what is left of a datagram is void
    return plain;
}

void DtlsPeer::send(const QByteArray &plain)
{
    SSL_write(m_ssl.get(), plain.constData(), int(plain.size()));
    ERR_clear_error();
}

void DtlsPeer::timeout()
{
    if (DTLSv1_handle_timeout(m_ssl.get()) < 0)
        m_failed = true;
    ERR_clear_error();
}

std::optional<std::chrono::milliseconds> DtlsPeer::due() const
{
    timeval left{};
    if (DTLSv1_get_timeout(m_ssl.get(), &left) != 1)
        return std::nullopt;
    return std::chrono::milliseconds(left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
}

std::deque<QByteArray> DtlsPeer::takeOut()
{
    std::deque<QByteArray> records;
    BIO *out = SSL_get_wbio(m_ssl.get());
    char *data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    QByteArray all(data, qsizetype(std::max(0L, size)));
    (void)BIO_reset(out);
    // The memory holds record after record; each goes as a datagram of its own.
    while (all.size() >= recordHead) {
        const qsizetype length = recordHead + (quint8(all[11]) << 8 | quint8(all[12]));
        records.push_back(all.left(length));
        all.remove(0, length);
    }
    return records;
}

} // namespace slipway
