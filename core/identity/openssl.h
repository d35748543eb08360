#pragma once
// Owners for OpenSSL's objects, fetched digests, and the library's own words for the log. Room-internal.

#include <QByteArray>
#include <QByteArrayView>
#include <QString>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace slipway::ssl {

template <auto free> struct Freer {
    template <typename T> void operator()(T *p) const { free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using Crl = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using Cms = std::unique_ptr<CMS_ContentInfo, Freer<CMS_ContentInfo_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

inline const unsigned char *data(QByteArrayView bytes)
{
    return reinterpret_cast<const unsigned char *>(bytes.data());
}

Bio reader(const QByteArray &bytes); // over the bytes, which must outlive it
QByteArray content(BIO *memory);
Certificate certificate(QByteArrayView der); // null when it is none

QByteArray sha256(QByteArrayView bytes);
QByteArray sha384(QByteArrayView bytes);
QByteArray sha1(QByteArrayView bytes); // for key identifiers only (RFC 5280 section 4.2.1.2)

// OpenSSL's error queue in one line, emptied.
QString errors();

} // namespace slipway::ssl
