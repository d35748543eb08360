#include "drivers/virtual/deviceidentity.h"

#include "core/base/fault.h"
#include "drivers/virtual/openssl.h"

#include <openssl/ec.h>

namespace slipway {

namespace {

[[noreturn]] void failed(const char *what)
{
    throw Fault("internal.defect", {}, QStringLiteral("virtual device, OpenSSL: ") + QLatin1String(what));
}

KeyPtr load(const QByteArray &key)
{
    const auto *at = reinterpret_cast<const unsigned char *>(key.constData());
    KeyPtr pkey(d2i_AutoPrivateKey(nullptr, &at, key.size()));
    if (!pkey)
        failed("private key");
    return pkey;
}

// Runs an i2d function and returns its bytes.
template <typename Function> QByteArray toDer(Function encode)
{
    unsigned char *der = nullptr;
    const int length = encode(&der);
    if (length <= 0)
        failed("DER");
    const QByteArray bytes(reinterpret_cast<const char *>(der), length);
    OPENSSL_clear_free(der, static_cast<size_t>(length));
    return bytes;
}

} // namespace

QByteArray DeviceIdentity::newKey()
{
    const KeyPtr key(EVP_EC_gen("P-256"));
    if (!key)
        failed("key generation");
    return toDer([&](unsigned char **out) { return i2d_PrivateKey(key.get(), out); });
}

void DeviceIdentity::generate()
{
    m_previous = m_key;
    m_key = newKey();
}

void DeviceIdentity::setKey(const QByteArray &key, const QByteArray &previous)
{
    m_key = key;
    m_previous = previous;
}

QByteArray DeviceIdentity::publicKey() const
{
    if (m_key.isEmpty())
        return {};
    const KeyPtr key = load(m_key);
    return toDer([&](unsigned char **out) { return i2d_PUBKEY(key.get(), out); });
}

QByteArray DeviceIdentity::request(const QByteArray &keyDer, const QString &serial)
{
    const KeyPtr key = load(keyDer);
    const RequestPtr request(X509_REQ_new());
    const QByteArray text = serial.toUtf8();
    if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request.get()), NID_serialNumber, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char *>(text.constData()),
                                   static_cast<int>(text.size()), -1, 0) != 1 ||
        X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
        X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0)
        failed("certificate request");
    return toDer([&](unsigned char **out) { return i2d_X509_REQ(request.get(), out); });
}

QByteArray DeviceIdentity::sign(const QByteArray &keyDer, const QByteArray &bytes)
{
    const KeyPtr key = load(keyDer);
    const DigestContextPtr context(EVP_MD_CTX_new());
    size_t length = 128;
    QByteArray signature(static_cast<qsizetype>(length), '\0');
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &length,
                       reinterpret_cast<const unsigned char *>(bytes.constData()),
                       static_cast<size_t>(bytes.size())) != 1)
        failed("signature");
    signature.truncate(static_cast<qsizetype>(length));
    return signature;
}

} // namespace slipway
