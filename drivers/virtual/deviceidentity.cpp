#include "drivers/virtual/deviceidentity.h"

#include "core/base/fault.h"
#include "drivers/virtual/openssl.h"

#include <QCryptographicHash>
#include <QMessageAuthenticationCode>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <memory>

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
    m_key = masked(newKey());
}

void DeviceIdentity::take(const QByteArray &key)
{
    m_previous = m_key;
    m_key = masked(key);
}

QByteArray DeviceIdentity::masked(QByteArray bytes)
{
    for (char &c : bytes)
        c = char(c ^ 0x5a);
    return bytes;
}

QByteArray DeviceIdentity::fromPkcs8(const QByteArray &der)
{
    const auto *at = reinterpret_cast<const unsigned char *>(der.constData());
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(&PKCS8_PRIV_KEY_INFO_free)> info(
        d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, der.size()), PKCS8_PRIV_KEY_INFO_free);
    const KeyPtr key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
    char group[64] = {};
    size_t length = 0;
    const bool good = key && at == reinterpret_cast<const unsigned char *>(der.constData()) + der.size() &&
                      EVP_PKEY_get_group_name(key.get(), group, sizeof group, &length) == 1 &&
                      qstrcmp(group, "prime256v1") == 0;
    ERR_clear_error();
    if (!good)
        return {};
    return toDer([&](unsigned char **out) { return i2d_PrivateKey(key.get(), out); });
}

QByteArray DeviceIdentity::derivedKey(const QByteArray &seed, const QString &serial)
{
    // HKDF by two steps of HMAC (RFC 5869 sections 2.2 and 2.3); 40 bytes are two rounds of SHA-256.
    using Mac = QMessageAuthenticationCode;
    const QByteArray pseudoRandom = Mac::hash(seed, "slipway idevid p256 v1", QCryptographicHash::Sha256);
    const QByteArray info = QByteArray("IDevID") + '\0' + serial.toUtf8();
    const QByteArray first = Mac::hash(info + '\1', pseudoRandom, QCryptographicHash::Sha256);
    const QByteArray c = (first + Mac::hash(first + info + '\2', pseudoRandom, QCryptographicHash::Sha256)).first(40);
    // FIPS 186-5 A.2.1
    const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1),
                                                                    EC_GROUP_free);
    const std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> context(BN_CTX_new(), BN_CTX_free);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> value(
        BN_bin2bn(reinterpret_cast<const unsigned char *>(c.constData()), int(c.size()), nullptr), BN_free);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> limit(BN_dup(EC_GROUP_get0_order(group.get())), BN_free);
    BN_sub_word(limit.get(), 1);
    if (BN_mod(value.get(), value.get(), limit.get(), context.get()) != 1 || BN_add_word(value.get(), 1) != 1)
        failed("derivation");
    QByteArray number(32, '\0');
    BN_bn2binpad(value.get(), reinterpret_cast<unsigned char *>(number.data()), int(number.size()));
    const std::unique_ptr<EC_POINT, decltype(&EC_POINT_free)> point(EC_POINT_new(group.get()), EC_POINT_free);
    QByteArray place(65, '\0');
    if (EC_POINT_mul(group.get(), point.get(), value.get(), nullptr, nullptr, context.get()) != 1 ||
        EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                           reinterpret_cast<unsigned char *>(place.data()), size_t(place.size()), context.get()) == 0)
        failed("derivation");
    return QByteArray::fromHex("30770201010420") + number + QByteArray::fromHex("a00a06082a8648ce3d030107a144034200") +
           place;
}

void DeviceIdentity::setKey(const QByteArray &key, const QByteArray &previous)
{
    m_key = masked(key);
    m_previous = masked(previous);
}

QByteArray DeviceIdentity::publicKey() const
{
    if (m_key.isEmpty())
        return {};
    const KeyPtr key = load(this->key());
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
