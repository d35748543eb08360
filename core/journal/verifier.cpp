#include "core/journal/verifier.h"

#include "core/base/fault.h"
#include "core/base/files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace slipway {

namespace {

struct FreeBio {
    void operator()(BIO *bio) const { BIO_free(bio); }
};
struct FreeX509 {
    void operator()(X509 *certificate) const { X509_free(certificate); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Certificate = std::unique_ptr<X509, FreeX509>;

Bio reading(const QByteArray &bytes)
{
    return Bio(BIO_new_mem_buf(bytes.constData(), int(bytes.size())));
}

} // namespace

JournalVerifier JournalVerifier::fromDer(const QByteArray &der)
{
    JournalVerifier verifier;
    EVP_PKEY *key = nullptr;
    const auto *data = reinterpret_cast<const unsigned char *>(der.constData());
    if (const Certificate certificate{d2i_X509(nullptr, &data, long(der.size()))}) {
        key = X509_get_pubkey(certificate.get());
    } else {
        data = reinterpret_cast<const unsigned char *>(der.constData());
        key = d2i_PUBKEY(nullptr, &data, long(der.size()));
    }
    ERR_clear_error();
    if (!key)
        throw Fault("journal.no-key", {QStringLiteral("The station's public key")});
    verifier.m_keys.emplace_back(key);
    return verifier;
}

JournalVerifier JournalVerifier::fromFile(const QString &path)
{
    const QByteArray content = readFile(path, 64 * 1024, QStringLiteral("a certificate"));
    if (!content.contains("-----BEGIN")) {
        try {
            return fromDer(content);
        } catch (const Fault &) {
            throw Fault("journal.no-key", {path});
        }
    }
    JournalVerifier verifier;
    std::vector<std::unique_ptr<EVP_PKEY, Free>> authorities;
    const Bio bio = reading(content);
    while (const Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
        if (EVP_PKEY *key = X509_get_pubkey(certificate.get()))
            (X509_check_ca(certificate.get()) ? authorities : verifier.m_keys).emplace_back(key);
    }
    if (verifier.m_keys.empty())
        verifier.m_keys = std::move(authorities);
    if (verifier.m_keys.empty()) {
        if (EVP_PKEY *key = PEM_read_bio_PUBKEY(reading(content).get(), nullptr, nullptr, nullptr))
            verifier.m_keys.emplace_back(key);
    }
    ERR_clear_error();
    if (verifier.m_keys.empty())
        throw Fault("journal.no-key", {path});
    return verifier;
}

bool JournalVerifier::verify(const QByteArray &message, const QByteArray &signature) const
{
    struct FreeContext {
        void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
    };
    for (const auto &key : m_keys) {
        const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
        const bool good =
            context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
            EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.constData()),
                             size_t(signature.size()), reinterpret_cast<const unsigned char *>(message.constData()),
                             size_t(message.size())) == 1;
        ERR_clear_error();
        if (good)
            return true;
    }
    return false;
}

} // namespace slipway
