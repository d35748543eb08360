#include "drivers/coap/coapsecurity.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QFileInfo>

#include <openssl/err.h>
#include <openssl/pem.h>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestFile = 256 * 1024;
constexpr qsizetype longestPsk = 64; // what libcoap passes on; the same for the identity

QByteArray secretFile(const QString &path)
{
    const QFileInfo info(path);
    const auto others =
        QFileDevice::ReadGroup | QFileDevice::WriteGroup | QFileDevice::ReadOther | QFileDevice::WriteOther;
    if (info.isFile() && (info.permissions() & others))
        throw Fault("coap.secret-readable", {path});
    return readFile(path, longestFile, u"a file with a key"_s);
}

std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(const QByteArray &bytes)
{
    return {BIO_new_mem_buf(bytes.constData(), int(bytes.size())), &BIO_free_all};
}

std::vector<std::shared_ptr<X509>> certificates(const QString &path)
{
    const QByteArray pem = readFile(path, longestFile, u"a file of certificates"_s);
    const auto bio = memory(pem);
    std::vector<std::shared_ptr<X509>> out;
    while (X509 *certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
        out.emplace_back(certificate, &X509_free);
    const bool atEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (out.empty() || !atEnd)
        throw Fault("coap.pem-file", {path, u"certificates"_s});
    return out;
}

} // namespace

void CoapSecurity::parsePsk(const QByteArray &content, const QString &file, QByteArray &identity, QByteArray &key)
{
    const auto wrong = [&](const QString &why) { return Fault("coap.psk-file", {file, why}); };
    const QList<QByteArray> lines = content.split('\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
        QByteArray line = lines[i].trimmed();
        if (line.isEmpty() || line.startsWith('#'))
            continue;
        const qsizetype colon = line.indexOf(':');
        const QByteArray name = line.left(std::max<qsizetype>(0, colon)).trimmed();
        QByteArray value = line.mid(colon + 1).trimmed();
        cleanse(line);
        if (name == "identity" && identity.isEmpty()) {
            identity = value;
        } else if (name == "key" && key.isEmpty()) {
            if (value.startsWith("text:")) {
                key = value.mid(5);
            } else if (value.startsWith("hex:")) {
                const auto bytes = fromHex(QString::fromLatin1(value.mid(4).trimmed()));
                if (!bytes)
                    throw wrong(u"line %1 holds no hex digits"_s.arg(i + 1));
                key = *bytes;
            } else {
                throw wrong(u"line %1 says neither hex: nor text:"_s.arg(i + 1));
            }
            cleanse(value);
        } else {
            throw wrong(u"line %1 is not expected"_s.arg(i + 1));
        }
    }
    if (identity.isEmpty() || identity.size() > longestPsk)
        throw wrong(u"the identity must have 1 to %1 bytes"_s.arg(longestPsk));
    if (key.isEmpty() || key.size() > longestPsk)
        throw wrong(u"the key must have 1 to %1 bytes"_s.arg(longestPsk));
}

CoapSecurity CoapSecurity::load(const QMap<QString, QString> &files)
{
    CoapSecurity out;
    const QString psk = files.value(u"psk"_s), anchors = files.value(u"anchors"_s),
                  certificate = files.value(u"certificate"_s), key = files.value(u"key"_s);
    if (!files.value(u"raw-public-key"_s).isEmpty())
        throw Fault("coap.no-rpk"); // of libcoap's back ends only GnuTLS, TinyDTLS and mbedTLS have them
    if (!psk.isEmpty()) {
        if (!anchors.isEmpty() || !certificate.isEmpty() || !key.isEmpty())
            throw Fault("coap.credentials", {u"a pre-shared key and certificates exclude each other"_s});
        out.kind = Kind::Psk;
        QByteArray content = secretFile(psk);
        out.psk = std::shared_ptr<QByteArray>(new QByteArray, [](QByteArray *secret) {
            cleanse(*secret);
            delete secret;
        });
        try {
            parsePsk(content, psk, out.identity, *out.psk);
        } catch (const Fault &) {
            cleanse(content);
            throw;
        }
        cleanse(content);
        return out;
    }
    if (anchors.isEmpty())
        throw Fault("coap.credentials", {certificate.isEmpty() && key.isEmpty()
                                             ? u"neither a pre-shared key nor trust anchors are named"_s
                                             : u"trust anchors for the device's certificate are missing"_s});
    if (certificate.isEmpty() != key.isEmpty())
        throw Fault("coap.credentials", {u"certificate and key come together"_s});
    out.kind = Kind::Certificate;
    out.name = files.value(u"name"_s) == "serial"_L1 ? Name::Serial : Name::Host;
    out.anchors.reset(X509_STORE_new(), &X509_STORE_free);
    for (const auto &anchor : certificates(anchors))
        X509_STORE_add_cert(out.anchors.get(), anchor.get());
    // An anchor need not be a root: what is named is trusted, and nothing else.
    X509_STORE_set_flags(out.anchors.get(), X509_V_FLAG_PARTIAL_CHAIN);
    if (certificate.isEmpty())
        return out;
    out.chain = certificates(certificate);
    out.certificate = out.chain.front();
    out.chain.erase(out.chain.begin());
    QByteArray pem = secretFile(key);
    bool asked = false;
    {
        const auto bio = memory(pem);
        const auto passphrase = [](char *, int, int, void *flag) {
            *static_cast<bool *>(flag) = true; // without this, OpenSSL would ask the terminal
            return 0;
        };
        out.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, passphrase, &asked), &EVP_PKEY_free);
    }
    cleanse(pem);
    ERR_clear_error();
    if (asked)
        throw Fault("coap.key-encrypted", {key});
    if (!out.key)
        throw Fault("coap.pem-file", {key, u"private key"_s});
    if (X509_check_private_key(out.certificate.get(), out.key.get()) != 1) {
        ERR_clear_error();
        throw Fault("coap.credentials", {u"%1 and %2 do not belong together"_s.arg(certificate, key)});
    }
    return out;
}

QString subjectSerial(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(name, NID_serialNumber, -1);
    if (at < 0)
        return {};
    unsigned char *utf8 = nullptr;
    const int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (length < 0)
        return {};
    const QString text = QString::fromUtf8(reinterpret_cast<const char *>(utf8), length);
    OPENSSL_free(utf8);
    return oneLine(text, 64);
}

QString subjectText(X509 *certificate)
{
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0,
                       XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    char *data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return oneLine(QString::fromUtf8(data, qsizetype(size)), 80);
}

} // namespace slipway
