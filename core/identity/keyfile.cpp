#include "core/identity/keyfile.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/token.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <cstring>

namespace slipway {

namespace {

// OpenSSL asks for the passphrase here, and only when the key is encrypted.
struct Asked {
    const QByteArray &passphrase;
    bool asked = false;
};

int givePassphrase(char *buffer, int size, int, void *user)
{
    auto *asked = static_cast<Asked *>(user);
    asked->asked = true;
    const int length = std::min(size, int(asked->passphrase.size()));
    if (length == 0)
        return -1;
    std::memcpy(buffer, asked->passphrase.constData(), size_t(length));
    return length;
}

} // namespace

ssl::Key newKey(const QString &type)
{
    ssl::Key key;
    if (type == u"Ed25519")
        key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    else if (type.startsWith(QLatin1String("RSA-")))
        key.reset(EVP_RSA_gen(type.mid(4).toUInt()));
    else
        key.reset(EVP_EC_gen(type == u"P-384" ? "P-384" : "P-256"));
    if (!key)
        throw Fault("issuer.sign", {}, ssl::errors());
    return key;
}

QByteArray keyToPem(EVP_PKEY *key, const QByteArray &passphrase)
{
    const ssl::Bio out(BIO_new(BIO_s_secmem()));
    using KeyInfo = std::unique_ptr<PKCS8_PRIV_KEY_INFO, ssl::Freer<PKCS8_PRIV_KEY_INFO_free>>;
    const KeyInfo info(EVP_PKEY2PKCS8(key));
    bool good = info != nullptr;
    if (good && passphrase.isEmpty()) {
        good = PEM_write_bio_PKCS8_PRIV_KEY_INFO(out.get(), info.get()) == 1;
    } else if (good) {
        X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, 16384, 8, 1);
        std::unique_ptr<X509_SIG, ssl::Freer<X509_SIG_free>> sealed;
        if (algorithm) {
            sealed.reset(PKCS8_set0_pbe(passphrase.constData(), int(passphrase.size()), info.get(), algorithm));
            if (!sealed)
                X509_ALGOR_free(algorithm);
        }
        good = sealed && PEM_write_bio_PKCS8(out.get(), sealed.get()) == 1;
    }
    if (!good)
        throw Fault("issuer.sign", {}, ssl::errors());
    return ssl::content(out.get());
}

ssl::Key loadKey(const QString &path, const QByteArray &passphrase)
{
    QByteArray pem;
    try {
        pem = readFile(path, 64 * 1024, QStringLiteral("a private key"));
    } catch (const Fault &fault) {
        throw Fault("issuer.key", {path, QStringLiteral("it cannot be read")}, fault.sentence());
    }
    Asked asked{passphrase};
    ssl::Key key(PEM_read_bio_PrivateKey(ssl::reader(pem).get(), nullptr, givePassphrase, &asked));
    cleanse(pem);
    if (!key) {
        const QString detail = ssl::errors();
        if (asked.asked)
            throw Fault("issuer.passphrase", {path}, detail);
        throw Fault("issuer.key", {path, QStringLiteral("it is no private key in PEM form")}, detail);
    }
    ERR_clear_error();
    QString type;
    try {
        type = keyTypeOf(publicKeyInfo(key.get()));
    } catch (const der::Error &) { // an exotic curve
    }
    const int bits = type.startsWith(QLatin1String("RSA-")) ? type.mid(4).toInt() : 2048;
    if (type.isEmpty() || bits < 2048)
        throw Fault("issuer.key", {path, QStringLiteral("it is neither P-256, P-384, Ed25519 nor RSA from 2048 bits")});
    return key;
}

QByteArray publicKeyInfo(EVP_PKEY *key)
{
    unsigned char *der = nullptr;
    const int length = i2d_PUBKEY(key, &der);
    QByteArray bytes(reinterpret_cast<const char *>(der), std::max(0, length));
    OPENSSL_free(der);
    return bytes;
}

Signer::Signer(ssl::Key key) : m_key(std::move(key))
{
    setKind(publicKeyInfo(m_key.get()));
}

Signer::Signer(std::shared_ptr<TokenKey> token, const QByteArray &publicKey)
    : m_key(token->evpKey()), m_token(std::move(token))
{
    setKind(publicKey);
}

std::unique_ptr<Signer> Signer::open(const QString &keyPath, const QByteArray &passphrase, const SecretSource &pin,
                                     const QByteArray &publicKey)
{
    if (Pkcs11Uri::is(keyPath))
        return std::make_unique<Signer>(TokenKey::open(Pkcs11Uri::parse(keyPath), pin, publicKey), publicKey);
    return std::make_unique<Signer>(loadKey(keyPath, passphrase));
}

void Signer::setKind(const QByteArray &publicKey)
{
    const auto identifier = [](QByteArrayView oid, const QByteArray &parameters) {
        return der::tlv(der::Sequence, {der::tlv(der::Oid, oid), parameters});
    };
    const QString type = keyTypeOf(publicKey);
    if (type == u"P-256") {
        m_kind = Kind::P256;
        m_algorithm = identifier(oid::view(oid::ecdsaWithSha256), {});
    } else if (type == u"P-384") {
        m_kind = Kind::P384;
        m_algorithm = identifier(oid::view(oid::ecdsaWithSha384), {});
    } else if (type == u"Ed25519") {
        m_kind = Kind::Ed25519;
        m_algorithm = identifier(oid::view(oid::ed25519), {});
    } else if (type.startsWith(QLatin1String("RSA-"))) {
        m_kind = Kind::Rsa;
        m_algorithm = identifier(oid::view(oid::rsaWithSha256), QByteArray("\x05\x00", 2));
    } else {
        throw Fault("issuer.key", {type, QStringLiteral("it is neither P-256, P-384, Ed25519 nor RSA")});
    }
}

ssl::KeyContext Signer::take() const
{
    {
        const std::lock_guard lock(m_mutex);
        if (!m_idle.empty()) {
            ssl::KeyContext context = std::move(m_idle.back());
            m_idle.pop_back();
            return context;
        }
    }
    ssl::KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, m_key.get(), nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1)
        throw Fault("issuer.sign", {}, ssl::errors());
    return context;
}

QByteArray Signer::sign(QByteArrayView message) const
{
    if (m_kind == Kind::Ed25519)
        return signEd25519(message);
    return signDigest(m_kind == Kind::P384 ? ssl::sha384(message) : ssl::sha256(message));
}

QByteArray Signer::signSha256(QByteArrayView message) const
{
    return m_kind == Kind::Ed25519 ? signEd25519(message) : signDigest(ssl::sha256(message));
}

QByteArray Signer::signEd25519(QByteArrayView message) const
{
    const ssl::DigestContext context(EVP_MD_CTX_new());
    QByteArray signature(64, Qt::Uninitialized);
    size_t length = size_t(signature.size());
    if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, m_key.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &length, ssl::data(message),
                       size_t(message.size())) != 1)
        throw Fault("issuer.sign", {}, ssl::errors());
    return signature;
}

QByteArray Signer::signDigest(const QByteArray &digest) const
{
    QByteArray block = digest;
    if (m_kind == Kind::Rsa) // DigestInfo, RFC 8017 section 9.2
        block.prepend(QByteArray::fromHex("3031300d060960864801650304020105000420"));
    if (m_token)
        return m_kind == Kind::Rsa ? m_token->signRsa(block, true) : m_token->signEcdsa(block);
    ssl::KeyContext context = take();
    QByteArray signature(EVP_PKEY_get_size(m_key.get()), Qt::Uninitialized);
    size_t length = size_t(signature.size());
    if (EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &length, ssl::data(block),
                      size_t(block.size())) != 1)
        throw Fault("issuer.sign", {}, ssl::errors());
    signature.truncate(qsizetype(length));
    const std::lock_guard lock(m_mutex);
    m_idle.push_back(std::move(context));
    return signature;
}

} // namespace slipway
