#include "core/journal/verifier.h"

#include "core/base/fault.h"
#include "core/base/files.h"

#include <QCryptographicHash>
#include <QFileInfo>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace slipway {

namespace {

constexpr qint64 fileLimit = 64 * 1024;

struct FreeBio {
    void operator()(BIO *bio) const { BIO_free(bio); }
};
struct FreeX509 {
    void operator()(X509 *certificate) const { X509_free(certificate); }
};
struct FreeKey {
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Certificate = std::unique_ptr<X509, FreeX509>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

QByteArray sha256(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

QByteArray sha256Of(X509 *certificate)
{
    unsigned char *der = nullptr;
    const int size = i2d_X509(certificate, &der);
    const QByteArray hash = size > 0 ? sha256({reinterpret_cast<const char *>(der), size}) : QByteArray();
    OPENSSL_free(der);
    return hash;
}

QByteArray sha256Of(EVP_PKEY *key)
{
    unsigned char *der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    const QByteArray hash = size > 0 ? sha256({reinterpret_cast<const char *>(der), size}) : QByteArray();
    OPENSSL_free(der);
    return hash;
}

// What a file holds, CAs apart.
struct Content {
    std::vector<Certificate> authorities, stations;
    Key key; // where there is no certificate
};

Content contentOf(const QByteArray &bytes)
{
    Content content;
    const auto add = [&content](Certificate certificate) {
        if (X509_get0_pubkey(certificate.get()))
            (X509_check_ca(certificate.get()) == 1 ? content.authorities : content.stations)
                .push_back(std::move(certificate));
    };
    if (bytes.contains("-----BEGIN")) {
        const Bio bio(BIO_new_mem_buf(bytes.constData(), int(bytes.size())));
        while (X509 *certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
            add(Certificate(certificate));
        if (content.authorities.empty() && content.stations.empty()) {
            const Bio again(BIO_new_mem_buf(bytes.constData(), int(bytes.size())));
            content.key.reset(PEM_read_bio_PUBKEY(again.get(), nullptr, nullptr, nullptr));
        }
    } else {
        const auto *data = reinterpret_cast<const unsigned char *>(bytes.constData());
        if (X509 *certificate = d2i_X509(nullptr, &data, long(bytes.size()))) {
            add(Certificate(certificate));
        } else {
            data = reinterpret_cast<const unsigned char *>(bytes.constData());
            content.key.reset(d2i_PUBKEY(nullptr, &data, long(bytes.size())));
        }
    }
    ERR_clear_error();
    return content;
}

X509 *issuerOf(X509 *certificate, const std::vector<Certificate> &authorities)
{
    for (const Certificate &authority : authorities) {
        const bool issued = X509_check_issued(authority.get(), certificate) == X509_V_OK &&
                            X509_verify(certificate, X509_get0_pubkey(authority.get())) == 1;
        ERR_clear_error();
        if (issued)
            return authority.get();
    }
    return nullptr;
}

} // namespace

JournalVerifier JournalVerifier::fromDer(const QByteArray &der)
{
    const Content content = contentOf(der);
    JournalVerifier verifier;
    for (const auto *certificates : {&content.stations, &content.authorities}) {
        for (const Certificate &certificate : *certificates) {
            verifier.m_keys.emplace_back(X509_get_pubkey(certificate.get()));
            verifier.m_anchorSha256 = sha256Of(certificate.get());
        }
    }
    if (content.key) {
        EVP_PKEY_up_ref(content.key.get());
        verifier.m_keys.emplace_back(content.key.get());
        verifier.m_anchorSha256 = sha256Of(content.key.get());
    }
    if (verifier.m_keys.empty())
        throw Fault("journal.no-key", {QStringLiteral("The station's public key")});
    return verifier;
}

JournalVerifier JournalVerifier::fromFile(const QString &anchorFile, const QString &stationFile)
{
    const QString what = QStringLiteral("a certificate");
    Content content = contentOf(readFile(anchorFile, fileLimit, what));
    JournalVerifier verifier;
    if (content.key) {
        verifier.m_anchorSha256 = sha256Of(content.key.get());
        verifier.m_keys.emplace_back(content.key.release());
        return verifier;
    }
    QString vouched = anchorFile;
    if (content.stations.empty() && !content.authorities.empty() && !stationFile.isEmpty()) {
        vouched = stationFile;
        if (!QFileInfo(stationFile).isFile())
            throw Fault("journal.not-vouched", {stationFile, QStringLiteral("it is missing")});
        content.stations = contentOf(readFile(stationFile, fileLimit, what)).stations;
        if (content.stations.empty())
            throw Fault("journal.not-vouched",
                        {stationFile, QStringLiteral("it holds no certificate of a station under its CA")});
    }
    if (content.stations.empty())
        throw Fault("journal.no-key", {anchorFile});
    for (const Certificate &station : content.stations) {
        X509 *anchor = station.get();
        if (!content.authorities.empty()) {
            anchor = issuerOf(station.get(), content.authorities);
            if (!anchor)
                throw Fault("journal.not-vouched",
                            {vouched, QStringLiteral("it was not issued by the CA in %1").arg(anchorFile)});
        }
        verifier.m_keys.emplace_back(X509_get_pubkey(station.get()));
        if (verifier.m_anchorSha256.isEmpty())
            verifier.m_anchorSha256 = sha256Of(anchor);
    }
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
