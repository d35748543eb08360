#include "core/identity/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>

namespace slipway::ssl {

namespace {

// A digest fetched once per process and a context per thread: looking algorithms up costs more than hashing a
// certificate.
QByteArray digest(const EVP_MD *md, QByteArrayView bytes)
{
    static thread_local const DigestContext context(EVP_MD_CTX_new());
    std::array<unsigned char, EVP_MAX_MD_SIZE> out;
    unsigned length = 0;
    EVP_DigestInit_ex2(context.get(), md, nullptr);
    EVP_DigestUpdate(context.get(), bytes.data(), size_t(bytes.size()));
    EVP_DigestFinal_ex(context.get(), out.data(), &length);
    return QByteArray(reinterpret_cast<const char *>(out.data()), qsizetype(length));
}

} // namespace

QByteArray sha256(QByteArrayView bytes)
{
    static EVP_MD *const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return digest(md, bytes);
}

QByteArray sha384(QByteArrayView bytes)
{
    static EVP_MD *const md = EVP_MD_fetch(nullptr, "SHA384", nullptr);
    return digest(md, bytes);
}

QByteArray sha1(QByteArrayView bytes)
{
    static EVP_MD *const md = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    return digest(md, bytes);
}

Bio reader(const QByteArray &bytes)
{
    return Bio(BIO_new_mem_buf(bytes.constData(), int(std::min<qsizetype>(bytes.size(), 1 << 30))));
}

QByteArray content(BIO *memory)
{
    char *start = nullptr;
    const long length = BIO_get_mem_data(memory, &start);
    return QByteArray(start, std::max(0L, length));
}

Certificate certificate(QByteArrayView der)
{
    const unsigned char *p = data(der);
    Certificate found(d2i_X509(nullptr, &p, long(der.size())));
    if (!found || p != data(der) + der.size()) {
        ERR_clear_error();
        return nullptr;
    }
    return found;
}

QString errors()
{
    QString text;
    std::array<char, 256> line;
    while (const unsigned long code = ERR_get_error()) {
        ERR_error_string_n(code, line.data(), line.size());
        if (!text.isEmpty())
            text += QLatin1String("; ");
        text += QString::fromLatin1(line.data());
    }
    return text;
}

} // namespace slipway::ssl
