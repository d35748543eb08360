#include "core/identity/privatekey.h"

#include "core/base/fault.h"
#include "core/identity/certificateview.h"
#include "core/identity/keyfile.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using Number = std::unique_ptr<BIGNUM, ssl::Freer<BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, ssl::Freer<BN_CTX_free>>;
using Group = std::unique_ptr<EC_GROUP, ssl::Freer<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, ssl::Freer<EC_POINT_free>>;

constexpr qsizetype pointSize = 65, extraSize = 40;
constexpr char salt[] = "slipway idevid p256 v1";

[[noreturn]] void failed()
{
    throw Fault("issuer.sign", {}, ssl::errors());
}

// OpenSSL's objects for one piece of work. Numbers lie in its secure heap.
struct Curve {
    Group group{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
    NumberContext context{BN_CTX_secure_new()};

    Curve()
    {
        if (!group || !context)
            failed();
    }
    const BIGNUM *order() const { return EC_GROUP_get0_order(group.get()); }
};

Number numberOf(QByteArrayView bytes)
{
    SecretBytes::locked(); // makes the heap
    Number number(BN_secure_new());
    if (!number || !BN_bin2bn(ssl::data(bytes), int(bytes.size()), number.get()))
        failed();
    BN_set_flags(number.get(), BN_FLG_CONSTTIME);
    return number;
}

QByteArray publicPoint(const SecretBytes &number)
{
    const Curve curve;
    const Number d = numberOf(number);
    const Point point(EC_POINT_new(curve.group.get()));
    QByteArray out(pointSize, '\0');
    if (!point || EC_POINT_mul(curve.group.get(), point.get(), d.get(), nullptr, nullptr, curve.context.get()) != 1 ||
        EC_POINT_point2oct(curve.group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                           reinterpret_cast<unsigned char *>(out.data()), size_t(out.size()),
                           curve.context.get()) != size_t(pointSize))
        failed();
    return out;
}

// SubjectPublicKeyInfo up to the point: id-ecPublicKey, prime256v1.
QByteArray publicHead()
{
    return QByteArray::fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
}

ssl::Key keyOf(const SecretBytes &number, const QByteArray &point)
{
    using Builder = std::unique_ptr<OSSL_PARAM_BLD, ssl::Freer<OSSL_PARAM_BLD_free>>;
    using Parameters = std::unique_ptr<OSSL_PARAM, ssl::Freer<OSSL_PARAM_free>>;
    const Number d = numberOf(number);
    const Builder builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
        OSSL_PARAM_BLD_push_BN_pad(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get(), size_t(PrivateKey::Size)) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.constData(),
                                         size_t(point.size())) != 1)
        failed();
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get())); // the number in the secure heap
    const ssl::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY *key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) != 1)
        failed();
    return ssl::Key(key);
}

SecretBytes numberIn(EVP_PKEY *key)
{
    BIGNUM *found = BN_secure_new();
    const bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &found) == 1;
    const Number d(found);
    SecretBytes number(PrivateKey::Size);
    if (!good || BN_bn2binpad(d.get(), number.bytes(), int(PrivateKey::Size)) != int(PrivateKey::Size))
        failed();
    return number;
}

SecretBytes framed(const char *head, const SecretBytes &number, const char *middle, QByteArrayView point)
{
    SecretBytes out;
    out.append(QByteArray::fromHex(head));
    out.append(number);
    out.append(QByteArray::fromHex(middle));
    out.append(point);
    return out;
}

} // namespace

PrivateKey::PrivateKey(SecretBytes number) : m_number(std::move(number)), m_public(publicHead() + publicPoint(m_number))
{}

PrivateKey PrivateKey::generate()
{
    const Curve curve;
    const Number two = numberOf(QByteArray(1, '\2'));
    const Number limit(BN_dup(curve.order()));
    if (!limit || BN_sub(limit.get(), limit.get(), two.get()) != 1)
        failed();
    SecretBytes number(Size);
    for (;;) {
        if (RAND_priv_bytes(number.bytes(), int(number.size())) != 1)
            failed();
        const Number c = numberOf(number);
        if (BN_cmp(c.get(), limit.get()) > 0)
            continue;
        if (BN_add_word(c.get(), 1) != 1 || BN_bn2binpad(c.get(), number.bytes(), int(Size)) != int(Size))
            failed();
        return PrivateKey(std::move(number));
    }
}

PrivateKey PrivateKey::derive(const SecretBytes &seed, const QString &serial)
{
    using Kdf = std::unique_ptr<EVP_KDF, ssl::Freer<EVP_KDF_free>>;
    using KdfContext = std::unique_ptr<EVP_KDF_CTX, ssl::Freer<EVP_KDF_CTX_free>>;
    if (seed.size() < SmallestSeed)
        throw Fault("identity.seed", {QString::number(seed.size() * 8)});
    QByteArray info = QByteArrayLiteral("IDevID") + '\0' + serial.toUtf8();
    QByteArray saltBytes(salt);
    QByteArray digest("SHA256");
    SecretBytes key = SecretBytes::copyOf(seed);
    const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    const KdfContext context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    const std::array parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), size_t(key.size())),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, saltBytes.data(), size_t(saltBytes.size())),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), size_t(info.size())),
        OSSL_PARAM_construct_end()};
    SecretBytes c(extraSize);
    if (!context || EVP_KDF_derive(context.get(), c.bytes(), size_t(c.size()), parameters.data()) != 1)
        failed();
    const Curve curve;
    const Number value = numberOf(c);
    const Number limit(BN_dup(curve.order()));
    const Number d(BN_secure_new());
    SecretBytes number(Size);
    if (!limit || !d || BN_sub_word(limit.get(), 1) != 1 ||
        BN_mod(d.get(), value.get(), limit.get(), curve.context.get()) != 1 || BN_add_word(d.get(), 1) != 1 ||
        BN_bn2binpad(d.get(), number.bytes(), int(Size)) != int(Size))
        failed();
    return PrivateKey(std::move(number));
}

PrivateKey PrivateKey::open(const QString &path, const QByteArray &passphrase)
{
    SecretBytes::locked();
    const ssl::Key key = loadKey(path, passphrase);
    if (const QString type = keyTypeOf(publicKeyInfo(key.get())); type != u"P-256")
        throw Fault("identity.private-key", {path, type});
    return PrivateKey(numberIn(key.get()));
}

PrivateKey PrivateKey::fromPkcs8(const SecretBytes &der, const QString &name)
{
    const unsigned char *at = der.bytes();
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, ssl::Freer<PKCS8_PRIV_KEY_INFO_free>> info(
        d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, long(der.size())));
    const ssl::Key key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC || EVP_PKEY_get_bits(key.get()) != 256)
        throw Fault("issuer.key", {name, u"it is no key of P-256"_s}, ssl::errors());
    return PrivateKey(numberIn(key.get()));
}

SecretBytes PrivateKey::sec1() const
{
    return framed("30770201010420", m_number, "a00a06082a8648ce3d030107a144034200",
                  QByteArrayView(m_public).last(pointSize));
}

SecretBytes PrivateKey::pkcs8() const
{
    return framed("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420", m_number, "a144034200",
                  QByteArrayView(m_public).last(pointSize));
}

CertificateRequest PrivateKey::request(const QString &serial) const
{
    using Request = std::unique_ptr<X509_REQ, ssl::Freer<X509_REQ_free>>;
    const ssl::Key key = keyOf(m_number, m_public.last(pointSize));
    const Request request(X509_REQ_new());
    const QByteArray text = serial.toLatin1();
    unsigned char *der = nullptr;
    if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request.get()), NID_serialNumber, MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char *>(text.constData()), int(text.size()), -1,
                                   0) != 1 ||
        X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
        X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0)
        failed();
    const int length = i2d_X509_REQ(request.get(), &der);
    if (length <= 0)
        failed();
    const QByteArray bytes(reinterpret_cast<const char *>(der), length);
    OPENSSL_free(der);
    return CertificateRequest::parse(bytes);
}

namespace {

int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// At least 256 bits of hex; empty: it is none.
SecretBytes seedOf(QByteArrayView text)
{
    constexpr qsizetype longest = 1024;
    if (text.size() % 2 != 0 || text.size() < 2 * PrivateKey::SmallestSeed || text.size() > 2 * longest)
        return {};
    SecretBytes out(text.size() / 2);
    for (qsizetype i = 0; i < out.size(); ++i) {
        const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return {};
        out.data()[i] = char(high << 4 | low);
    }
    return out;
}

} // namespace

SeedTable SeedTable::parse(SecretBytes text)
{
    SeedTable out;
    int line = 0;
    const auto wrong = [&line](const QString &what) { throw Fault("identity.seeds", {QString::number(line), what}); };
    for (qsizetype at = 0; at < text.size();) {
        ++line;
        const QByteArrayView rest = text.view().sliced(at);
        const qsizetype end = rest.indexOf('\n');
        const QByteArrayView row = rest.first(end < 0 ? rest.size() : end).trimmed();
        at += end < 0 ? rest.size() : end + 1;
        if (row.isEmpty() || row.startsWith('#'))
            continue;
        const auto space = std::find_if(row.begin(), row.end(), [](char c) { return c == ' ' || c == '\t'; });
        const qsizetype name = space == row.end() ? 0 : qsizetype(space - row.begin());
        SecretBytes seed = seedOf(row.sliced(name).trimmed());
        if (seed.isEmpty())
            wrong(u"a seed is at least 64 hex digits"_s);
        if (name == 0) {
            if (!out.isEmpty())
                wrong(u"a seed for all devices stands alone"_s);
            out.m_common = std::move(seed);
            continue;
        }
        const QString id = QString::fromUtf8(row.first(name));
        if (!out.m_common.isEmpty())
            wrong(u"a seed for all devices stands alone"_s);
        if (!out.m_seeds.emplace(id, std::move(seed)).second)
            wrong(u"this device is there twice"_s);
    }
    ++line;
    if (out.isEmpty())
        wrong(u"there is no seed"_s);
    return out;
}

const SecretBytes &SeedTable::of(const QString &serial) const
{
    if (!m_common.isEmpty())
        return m_common;
    const auto found = m_seeds.find(serial);
    if (found == m_seeds.end())
        throw Fault("identity.no-seed", {serial});
    return found->second;
}

} // namespace slipway
