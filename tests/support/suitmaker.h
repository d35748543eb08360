#pragma once
// SUIT envelopes made by hand, also ones that break the rules, signed with a key of their own.

#include "core/codec/cbor.h"

#include <QCborArray>
#include <QCborMap>
#include <QCryptographicHash>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace slipway::test {

class SuitSigner
{
public:
    explicit SuitSigner(const char *curve = "P-256", qint64 algorithm = -9)
        : m_algorithm(algorithm),
          m_key(curve ? EVP_EC_gen(curve) : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free),
          m_raw(curve != nullptr)
    {}

    QByteArray publicPem() const
    {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
        PEM_write_bio_PUBKEY(bio.get(), m_key.get());
        char *text = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &text);
        return QByteArray(text, size);
    }

    QByteArray sign(const QByteArray &message) const
    {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        const EVP_MD *md = !m_raw ? nullptr : EVP_PKEY_get_bits(m_key.get()) == 384 ? EVP_sha384() : EVP_sha256();
        EVP_DigestSignInit(context.get(), nullptr, md, nullptr, m_key.get());
        const auto *data = reinterpret_cast<const unsigned char *>(message.constData());
        size_t size = 0;
        EVP_DigestSign(context.get(), nullptr, &size, data, size_t(message.size()));
        QByteArray signature(qsizetype(size), '\0');
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &size, data,
                       size_t(message.size()));
        signature.resize(qsizetype(size));
        if (!m_raw)
            return signature;
        const auto *der = reinterpret_cast<const unsigned char *>(signature.constData());
        const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
            d2i_ECDSA_SIG(nullptr, &der, long(signature.size())), &ECDSA_SIG_free);
        const int half = EVP_PKEY_get_bits(m_key.get()) / 8;
        QByteArray raw(2 * half, '\0');
        BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), reinterpret_cast<unsigned char *>(raw.data()), half);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), reinterpret_cast<unsigned char *>(raw.data()) + half, half);
        return raw;
    }

    // A COSE_Sign1 with a detached payload, or a COSE_Sign of two signatures whose first is nonsense.
    QByteArray cose(const QByteArray &payload, bool several = false, const QCborMap &moreHeaders = {}) const
    {
        QCborMap headers = moreHeaders;
        headers.insert(1, m_algorithm);
        const QByteArray header = toDeterministicCbor(headers);
        if (!several) {
            const QCborArray structure{QStringLiteral("Signature1"), header, QByteArray(), payload};
            const QByteArray signature = sign(toDeterministicCbor(structure));
            return toDeterministicCbor(
                QCborValue(QCborTag(18), QCborArray{header, QCborMap(), QCborValue(nullptr), signature}));
        }
        const QCborArray structure{QStringLiteral("Signature"), QByteArray(), header, QByteArray(), payload};
        const QCborArray good{header, QCborMap(), sign(toDeterministicCbor(structure))};
        const QCborArray bad{header, QCborMap(), QByteArray(64, 'x')};
        return toDeterministicCbor(
            QCborValue(QCborTag(98), QCborArray{QByteArray(), QCborMap(), QCborValue(nullptr), QCborArray{bad, good}}));
    }

private:
    qint64 m_algorithm;
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> m_key;
    bool m_raw;
};

inline QByteArray suitBytes(const QCborValue &value)
{
    return toDeterministicCbor(value);
}

// SUIT_Digest over the bytes.
inline QCborArray suitDigest(const QByteArray &bytes)
{
    return {-16, QCryptographicHash::hash(bytes, QCryptographicHash::Sha256)};
}

inline QByteArray suitWrapped(const QByteArray &bytes)
{
    QByteArray out;
    appendCborHead(out, 2, quint64(bytes.size()));
    return out + bytes;
}

// One component that is fetched, with everything a good manifest has; the fields may be changed before it is made.
struct SuitMaker {
    QByteArray vendor = QByteArray(16, 'v');
    QByteArray deviceClass = QByteArray(16, 'c');
    QByteArray payload = "firmware of the boat";
    QString uri = QStringLiteral("#boat.bin");
    QCborArray components{QCborArray{QByteArray(1, '\0')}};
    QCborArray shared, install, validate; // filled by the constructor
    QCborMap manifest;                    // what is added to it, or stands in for it
    QCborMap envelope;                    // the same for the envelope
    bool integrated = true;

    SuitMaker()
    {
        shared = {
            20,
            QCborMap{{1, vendor}, {2, deviceClass}, {3, suitBytes(suitDigest(payload))}, {14, qint64(payload.size())}},
            1,
            15,
            2,
            15};
        install = {20, QCborMap{{21, uri}}, 21, 2, 3, 15};
        validate = {3, 15};
    }

    QByteArray manifestBytes() const
    {
        QCborMap common;
        common.insert(2, components);
        if (!shared.isEmpty())
            common.insert(4, suitBytes(shared));
        QCborMap map{{1, 1}, {2, 7}, {3, suitBytes(common)}, {7, suitBytes(validate)}, {20, suitBytes(install)}};
        for (auto it = manifest.constBegin(); it != manifest.constEnd(); ++it) {
            if (it.value().isUndefined())
                map.remove(it.key());
            else
                map.insert(it.key(), it.value());
        }
        return suitBytes(map);
    }

    QByteArray make(const SuitSigner &signer, bool several = false) const
    {
        const QByteArray bytes = manifestBytes();
        const QByteArray digest = suitBytes(suitDigest(suitWrapped(bytes)));
        return wrap(suitBytes(QCborArray{digest, signer.cose(digest, several)}), bytes);
    }

    QByteArray wrap(const QByteArray &authentication, const QByteArray &manifestContent) const
    {
        QCborMap map{{2, authentication}, {3, manifestContent}};
        if (integrated)
            map.insert(uri, payload);
        for (auto it = envelope.constBegin(); it != envelope.constEnd(); ++it)
            map.insert(it.key(), it.value());
        return suitBytes(QCborValue(QCborTag(107), map));
    }
};

} // namespace slipway::test
