#include "core/identity/keylot.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/keyfile.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <openssl/err.h>

namespace slipway {

namespace {

constexpr qint64 sealedLimit = 64 * 1024;

QString fileOf(const QString &folder, const QByteArray &publicKeySha256)
{
    return folder + u'/' + hex(publicKeySha256) + QLatin1String(".p7m");
}

// Self-signed, for the key agreement alone.
ssl::Certificate transportCertificate(EVP_PKEY *key)
{
    ssl::Certificate certificate(X509_new());
    X509 *x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 1);
    ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20200101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z");
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char *>("Slipway transport key"), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    if (X509_set_pubkey(x, key) != 1 || X509_sign(x, key, EVP_sha256()) <= 0)
        throw Fault("issuer.sign", {}, ssl::errors());
    return certificate;
}

QByteArray derOf(X509 *certificate)
{
    unsigned char *bytes = nullptr;
    const int length = i2d_X509(certificate, &bytes);
    const QByteArray der(reinterpret_cast<const char *>(bytes), std::max(0, length));
    OPENSSL_free(bytes);
    return der;
}

// Zeros over the content before the name goes. A flash drive may keep the old cells; they hold a sealed key only.
void overwriteAndRemove(const QString &path)
{
    QFile file(path);
    if (file.open(QIODevice::ReadWrite)) {
        file.write(QByteArray(file.size(), '\0'));
        file.flush();
    }
    file.close();
    file.remove();
}

} // namespace

struct KeyLot::Private {
    QString folder;
    ssl::Certificate recipient;
    ssl::Key transport; // null: for sealing only
};

KeyLot::KeyLot(std::unique_ptr<Private> p) : d(std::move(p)) {}
KeyLot::KeyLot(KeyLot &&) noexcept = default;
KeyLot &KeyLot::operator=(KeyLot &&) noexcept = default;
KeyLot::~KeyLot() = default;

KeyLot KeyLot::create(const QString &folder, const QByteArray &passphrase)
{
    if (passphrase.isEmpty())
        throw Fault("identity.lot-passphrase");
    const QFileInfo info(folder);
    if (info.exists() || !QDir().mkpath(folder))
        throw Fault("file.unwritable", {folder, info.exists() ? QStringLiteral("it is there already")
                                                              : QStringLiteral("the folder could not be made")});
    QFile::setPermissions(folder, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    auto p = std::make_unique<Private>();
    p->folder = folder;
    p->transport = newKey();
    p->recipient = transportCertificate(p->transport.get());
    QByteArray pem = keyToPem(p->transport.get(), passphrase);
    writeFile(folder + QStringLiteral("/transport.key"), pem, Access::OwnerOnly);
    cleanse(pem);
    writeFile(folder + QStringLiteral("/transport.pem"), certificateToPem(derOf(p->recipient.get())));
    return KeyLot(std::move(p));
}

KeyLot KeyLot::open(const QString &folder, const QByteArray &passphrase)
{
    const QString key = folder + QStringLiteral("/transport.key");
    if (!QFileInfo::exists(key))
        throw Fault("identity.lot-missing", {folder});
    auto p = std::make_unique<Private>();
    p->folder = folder;
    p->transport = loadKey(key, passphrase);
    p->recipient = ssl::certificate(certificateFromFile(
        readFile(folder + QStringLiteral("/transport.pem"), sealedLimit, QStringLiteral("a certificate"))));
    return KeyLot(std::move(p));
}

CertificateRequest KeyLot::makePair(const QString &keyType, const QString &serial)
{
    const ssl::Key key = newKey(keyType);
    unsigned char *bytes = nullptr;
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, ssl::Freer<PKCS8_PRIV_KEY_INFO_free>> info(EVP_PKEY2PKCS8(key.get()));
    const int length = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &bytes) : -1;
    if (length <= 0)
        throw Fault("issuer.sign", {}, ssl::errors());
    struct Recipients {
        STACK_OF(X509) *list = sk_X509_new_null();
        ~Recipients() { sk_X509_free(list); }
    } recipients;
    sk_X509_push(recipients.list, d->recipient.get());
    const ssl::Bio in(BIO_new_mem_buf(bytes, length));
    const ssl::Cms cms(CMS_encrypt(recipients.list, in.get(), EVP_aes_256_gcm(), CMS_BINARY));
    OPENSSL_clear_free(bytes, size_t(length));
    const ssl::Bio out(BIO_new(BIO_s_mem()));
    if (!cms || i2d_CMS_bio(out.get(), cms.get()) != 1)
        throw Fault("issuer.sign", {}, ssl::errors());

    CertificateRequest request;
    request.publicKeyDer = publicKeyInfo(key.get());
    request.publicKeySha256 = ssl::sha256(request.publicKeyDer);
    request.serialNumber = serial;
    request.keyType = keyTypeOf(request.publicKeyDer);
    writeFile(fileOf(d->folder, request.publicKeySha256), ssl::content(out.get()), Access::OwnerOnly);
    return request;
}

SecretBytes KeyLot::unseal(const QByteArray &publicKeySha256) const
{
    const QString path = fileOf(d->folder, publicKeySha256);
    if (!QFileInfo::exists(path))
        throw Fault("identity.lot-key", {hex(publicKeySha256), QStringLiteral("its file is gone")});
    const QByteArray sealed = readFile(path, sealedLimit, QStringLiteral("a sealed key"));
    const unsigned char *p = ssl::data(sealed);
    const ssl::Cms cms(d2i_CMS_ContentInfo(nullptr, &p, long(sealed.size())));
    SecretBytes::locked(); // makes the heap
    const ssl::Bio out(BIO_new(BIO_s_secmem()));
    if (!cms || CMS_decrypt(cms.get(), d->transport.get(), d->recipient.get(), nullptr, out.get(), 0) != 1)
        throw Fault("identity.lot-key", {hex(publicKeySha256), QStringLiteral("it cannot be unsealed")}, ssl::errors());
    char *bytes = nullptr;
    const long length = BIO_get_mem_data(out.get(), &bytes);
    SecretBytes pkcs8 = SecretBytes::copyOf({bytes, length});
    const unsigned char *k = pkcs8.bytes();
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, ssl::Freer<PKCS8_PRIV_KEY_INFO_free>> info(
        d2i_PKCS8_PRIV_KEY_INFO(nullptr, &k, long(pkcs8.size())));
    const ssl::Key key(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
    if (!key || ssl::sha256(publicKeyInfo(key.get())) != publicKeySha256) {
        ERR_clear_error();
        throw Fault("identity.lot-key", {hex(publicKeySha256), QStringLiteral("it is another key")});
    }
    return pkcs8;
}

void KeyLot::discard(const QByteArray &publicKeySha256) const
{
    discard(d->folder, publicKeySha256);
}

void KeyLot::discard(const QString &folder, const QByteArray &publicKeySha256)
{
    overwriteAndRemove(fileOf(folder, publicKeySha256));
}

void KeyLot::discardAll(const QString &folder)
{
    const auto files =
        QDir(folder).entryInfoList({QStringLiteral("*.p7m"), QStringLiteral("transport.*")}, QDir::Files);
    for (const QFileInfo &file : files)
        overwriteAndRemove(file.filePath());
}

} // namespace slipway
