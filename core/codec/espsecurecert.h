#pragma once
// A partition esp_secure_cert in TLV form (espressif/esp_secure_cert_mgr, docs/format.md and
// private_include/esp_secure_cert_tlv_private.h): what a chip of the ESP32 family has as its identity. Each entry is
//
//   magic 0xBA5EBA11, flags, 3 bytes of 0, type, subtype, length (2 bytes) | value | 0 up to 16 bytes | CRC-32
//
// little-endian, the checksum over all before it (the chip's esp_crc32_le with all bits set). Types 0 to 9 are the
// vendor's, from 51 on the user's; certificates and keys are PEM with a closing NUL, or DER. The last entry may be the
// SHA-256 of all entries before it. Behind the entries the flash memory is blank.
//
// parse() throws codec.esp-secure-cert where there is no entry, or one does not end within the bytes; an entry that is
// damaged is kept, so that it can be shown. Sizes and offsets in bytes.

#include "core/base/secret.h"

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct EspSecureCert {
    static constexpr quint32 Magic = 0xba5eba11;
    static constexpr qsizetype HeaderSize = 12, FooterSize = 4, Alignment = 16;
    static constexpr qsizetype UsualSize = 0x2000; // of the partition
    static constexpr qsizetype MaximumBytes = 0x10000;
    static constexpr qsizetype MaximumEntries = 64;
    static constexpr const char *PartitionName = "esp_secure_cert";
    static constexpr quint8 PartitionType = 0x3f;

    enum Type : quint8 {
        CaCertificate = 0,
        DeviceCertificate = 1,
        PrivateKey = 2,
        DsData = 3,    // key for the digital signature peripheral, encrypted
        DsContext = 4, // and what it takes to use it
        EcdsaSalt = 5, // of a key that the chip derives from an eFuse
        SecurityConfig = 6,
        TeeStorageKey = 7,
        SignatureBlock = 8,
        Integrity = 9, // SHA-256 of all before it
        FirstUserData = 51,
    };
    struct Entry {
        quint8 type = 0, subtype = 0, flags = 0;
        qsizetype offset = 0; // of the value
        quint16 size = 0;
        bool crcHolds = false;
        QString typeName() const;  // "device certificate", "user data 2", "type 60"
        QString flagNames() const; // "key derived in the chip"; empty: none
        bool isPrivate() const;    // its value must not be shown
    };

    QList<Entry> entries;
    std::optional<bool> integrityHolds; // nothing: it has no such entry
    qsizetype size = 0;                 // of all entries
    qsizetype trailing = 0;             // bytes behind them
    bool trailingBlank = true;

    // Could these bytes be such a partition?
    static bool looksLike(QByteArrayView bytes);
    static EspSecureCert parse(QByteArrayView bytes);
    const Entry *find(quint8 type, quint8 subtype = 0) const; // or null
    // One sentence each; empty: all checksums hold.
    QStringList defects() const;
};

// Builds one. What comes out has the entries in the order in which they were added and no filling behind them.
class EspSecureCertBuilder
{
public:
    // Throws codec.esp-secure-cert where the value is longer than 65 535 bytes or there are too many.
    void add(quint8 type, quint8 subtype, QByteArrayView value);
    // PEM text with the closing NUL.
    void addText(quint8 type, quint8 subtype, QByteArrayView text);
    // With the entry over all others. Throws codec.esp-secure-cert where it does not fit into that size.
    SecretBytes finish(qsizetype partitionSize = EspSecureCert::UsualSize);

private:
    SecretBytes m_bytes;
    qsizetype m_entries = 0;
};

} // namespace slipway
