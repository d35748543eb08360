#define OPENSSL_SUPPRESS_DEPRECATED // EC_KEY_METHOD and RSA_METHOD, see the header

#include "core/identity/tokenpkey.h"

#include "core/base/fault.h"
#include "core/identity/token.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <cstring>

namespace slipway {

namespace {

using Held = std::shared_ptr<const TokenKey>;

void freeHeld(void *, void *held, CRYPTO_EX_DATA *, int, long, void *)
{
    delete static_cast<Held *>(held);
}

int copyHeld(CRYPTO_EX_DATA *, const CRYPTO_EX_DATA *, void **held, int, long, void *)
{
    if (*held)
        *held = new Held(*static_cast<Held *>(*held));
    return 1;
}

int ecIndex()
{
    static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EC_KEY, 0, nullptr, nullptr, copyHeld, freeHeld);
    return index;
}

int rsaIndex()
{
    static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_RSA, 0, nullptr, nullptr, copyHeld, freeHeld);
    return index;
}

// No exception may cross OpenSSL; what the token said is in its error queue.
template <typename Sign> QByteArray guarded(Sign sign)
{
    try {
        return sign();
    } catch (const Fault &fault) {
        ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s", qPrintable(fault.sentence()));
    } catch (const std::exception &fault) {
        ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s", fault.what());
    }
    return {};
}

int ecdsaSign(int, const unsigned char *digest, int length, unsigned char *out, unsigned *outLength, const BIGNUM *,
              const BIGNUM *, EC_KEY *key)
{
    const auto *held = static_cast<Held *>(EC_KEY_get_ex_data(key, ecIndex()));
    const QByteArray signature =
        held ? guarded([&] { return (*held)->signEcdsa(QByteArrayView(digest, length)); }) : QByteArray();
    if (signature.isEmpty() || signature.size() > ECDSA_size(key))
        return 0;
    std::memcpy(out, signature.constData(), size_t(signature.size()));
    *outLength = unsigned(signature.size());
    return 1;
}

int rsaPrivate(int length, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    const auto *held = static_cast<Held *>(RSA_get_ex_data(rsa, rsaIndex()));
    if (!held || (padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING))
        return -1;
    const QByteArray signature =
        guarded([&] { return (*held)->signRsa(QByteArrayView(from, length), padding == RSA_PKCS1_PADDING); });
    if (signature.size() != RSA_size(rsa))
        return -1;
    std::memcpy(to, signature.constData(), size_t(signature.size()));
    return int(signature.size());
}

const EC_KEY_METHOD *ecMethod()
{
    static const EC_KEY_METHOD *const method = [] {
        EC_KEY_METHOD *own = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
        EC_KEY_METHOD_set_sign(own, ecdsaSign, nullptr, nullptr);
        return own;
    }();
    return method;
}

const RSA_METHOD *rsaMethod()
{
    static const RSA_METHOD *const method = [] {
        RSA_METHOD *own = RSA_meth_dup(RSA_PKCS1_OpenSSL());
        RSA_meth_set1_name(own, "PKCS#11 token");
        RSA_meth_set_flags(own, RSA_meth_get_flags(own) | RSA_METHOD_FLAG_NO_CHECK);
        RSA_meth_set_priv_enc(own, rsaPrivate);
        return own;
    }();
    return method;
}

} // namespace

ssl::Key tokenEvpKey(const QByteArray &publicKey, std::shared_ptr<const TokenKey> key)
{
    const unsigned char *p = ssl::data(publicKey);
    const ssl::Key plain(d2i_PUBKEY(nullptr, &p, long(publicKey.size())));
    ssl::Key own(EVP_PKEY_new());
    auto held = std::make_unique<Held>(std::move(key));
    bool good = false;
    if (plain && own && EVP_PKEY_get_base_id(plain.get()) == EVP_PKEY_EC) {
        EC_KEY *ec = EVP_PKEY_get1_EC_KEY(plain.get());
        good = ec && EC_KEY_set_method(ec, ecMethod()) == 1 && EC_KEY_set_ex_data(ec, ecIndex(), held.get()) == 1;
        if (good) {
            (void)held.release();
            good = EVP_PKEY_assign_EC_KEY(own.get(), ec) == 1;
        }
        if (!good)
            EC_KEY_free(ec);
    } else if (plain && own && EVP_PKEY_get_base_id(plain.get()) == EVP_PKEY_RSA) {
        RSA *rsa = EVP_PKEY_get1_RSA(plain.get());
        good = rsa && RSA_set_method(rsa, rsaMethod()) == 1 && RSA_set_ex_data(rsa, rsaIndex(), held.get()) == 1;
        if (good) {
            (void)held.release();
            good = EVP_PKEY_assign_RSA(own.get(), rsa) == 1;
        }
        if (!good)
            RSA_free(rsa);
    }
    if (!good)
        throw Fault("issuer.sign", {}, ssl::errors());
    return own;
}

} // namespace slipway
