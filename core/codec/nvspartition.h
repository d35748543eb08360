#pragma once
// A partition of ESP-IDF's non-volatile storage (ESP-IDF, "Non-Volatile Storage Library", "NVS Internals", "NVS
// Encryption"): pages of 4096 bytes, each a header of 32 bytes (state, sequence number, version, CRC-32), 32 bytes with
// two bits for the state of each entry, 126 entries of 32 bytes. An entry has namespace, type, span, chunk, CRC-32, a
// key of up to 15 characters and 8 bytes of data; strings and blobs go on in the entries behind it. Blobs are pieces
// with an index entry (version 2) or one item (version 1). Namespace 0 holds the names of the others.
//
// Encrypted, each written entry of 32 bytes is AES-256-XTS of its own, with its offset in the partition as tweak. The
// key partition holds 64 bytes of keys, their CRC-32, and blank flash memory.
//
// parse() throws codec.nvs where the bytes are no such pages; damage within is kept in defects(), so that the rest can
// be shown. Sizes in bytes.

#include "core/base/secret.h"

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>
#include <QStringList>

#include <memory>

namespace slipway {

// The two keys of an encrypted partition.
class NvsKeys
{
public:
    static constexpr qsizetype Size = 64, PartitionSize = 4096;

    static NvsKeys generate();
    // 64 bytes, or a key partition, whose checksum must hold. Throws codec.nvs-keys.
    static NvsKeys read(QByteArrayView bytes);
    static bool looksLikePartition(QByteArrayView bytes);
    const SecretBytes &secret() const { return m_keys; }
    SecretBytes partition() const;

private:
    explicit NvsKeys(SecretBytes keys) : m_keys(std::move(keys)) {}
    SecretBytes m_keys;
};

// Encrypts or decrypts entries of 32 bytes.
class NvsCipher
{
public:
    enum class Direction { Encrypt, Decrypt };
    NvsCipher(const NvsKeys &keys, Direction direction); // Throws codec.nvs-keys
    ~NvsCipher();
    NvsCipher(const NvsCipher &) = delete;
    NvsCipher &operator=(const NvsCipher &) = delete;
    // In place. offset: of the entry in the partition.
    void run(char *entry, quint64 offset);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

struct NvsPartition {
    static constexpr qsizetype PageSize = 4096, EntrySize = 32, EntriesOffset = 64, EntriesPerPage = 126;
    static constexpr qsizetype MaximumBytes = 4 * 1024 * 1024;
    static constexpr qsizetype LongestKey = 15;

    enum class State { Blank, Active, Full, Freeing, Corrupt, Unknown };
    static QString toString(State state);
    struct Page {
        State state = State::Blank;
        quint32 sequence = 0;
        int version = 0; // 1 or 2
        bool crcHolds = true;
        int written = 0, erased = 0, blank = 0; // entries
    };
    struct Item {
        QString space, key;
        QString type;       // "u8" ... "i64", "string", "blob"
        qsizetype size = 0; // of the value; a string's with its NUL
        QByteArray value;   // may be private; integers as in flash memory, little-endian
    };

    QList<Page> pages;
    QList<Item> items; // in the order written; only those that count
    QStringList spaces;
    bool sealed = false; // not one entry makes sense: encrypted with other keys than given, or none given
    QStringList defects;

    // Could these bytes be such a partition? It looks at the first page that is not blank.
    static bool looksLike(QByteArrayView bytes);
    // keys: null for one that is not encrypted.
    static NvsPartition parse(QByteArrayView bytes, const NvsKeys *keys = nullptr);
    const Item *find(const QString &space, const QString &key) const; // or null
};

} // namespace slipway
