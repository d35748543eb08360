#include "core/identity/keyfile.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <array>
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

bool isP256(const EVP_PKEY *key)
{
    std::array<char, 64> group{};
    size_t length = 0;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
           qstrcmp(group.data(), "prime256v1") == 0;
}

} // namespace

ssl::Key newKey()
{
    ssl::Key key(EVP_EC_gen("P-256"));
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
    if (!isP256(key.get()))
        throw Fault("issuer.key", {path, QStringLiteral("it is no P-256 key")});
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
    const QByteArray digest = ssl::sha256(message);
    ssl::KeyContext context = take();
    QByteArray signature(80, Qt::Uninitialized); // a P-256 signature has at most 72 bytes
    size_t length = size_t(signature.size());
    if (EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &length, ssl::data(digest),
                      size_t(digest.size())) != 1)
        throw Fault("issuer.sign", {}, ssl::errors());
    signature.truncate(qsizetype(length));
    const std::lock_guard lock(m_mutex);
    m_idle.push_back(std::move(context));
    return signature;
}

} // namespace slipway
