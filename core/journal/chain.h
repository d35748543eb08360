#pragma once
// The hash chain over the entries and the messages that the station key signs. The exact form, with the shell commands
// that check it, stands in core/journal/README.md; a test runs those commands.
// SHA-256: FIPS 180-4, through OpenSSL. Throws internal.defect when OpenSSL fails.

#include <QByteArray>
#include <QByteArrayView>

#include <openssl/evp.h>

#include <memory>

namespace slipway {

inline constexpr char entryTag[] = "slipway-entry-1";
inline constexpr char headTag[] = "slipway-head-1";
inline constexpr char checkpointTag[] = "slipway-checkpoint-1";
inline constexpr qsizetype hashBytes = 32;
inline constexpr qint64 checkpointEvery = 1000; // entries

// What stands before the first entry: 32 zero bytes.
QByteArray chainStart();

// The text that is hashed: eight lines, each ended by a newline: tag, seq, at, kind, run, device, body in lower-case
// hex, prev in lower-case hex. Texts are UTF-8 and hold no control characters.
class EntryHasher
{
public:
    EntryHasher();
    QByteArray operator()(qint64 seq, QByteArrayView at, QByteArrayView kind, QByteArrayView run, QByteArrayView device,
                          QByteArrayView body, QByteArrayView prev);

private:
    struct Free {
        void operator()(EVP_MD *md) const { EVP_MD_free(md); }
        void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD, Free> m_md;
    std::unique_ptr<EVP_MD_CTX, Free> m_context;
    QByteArray m_text; // kept for its memory
};

// "slipway-head-1\n<seq>\n<hash in hex>\n"
QByteArray headMessage(qint64 seq, QByteArrayView hash);
// "slipway-checkpoint-1\n<seq>\n<at>\n<hash in hex>\n"
QByteArray checkpointMessage(qint64 seq, QByteArrayView at, QByteArrayView hash);

} // namespace slipway
