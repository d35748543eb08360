#pragma once
// An image for the ESP32 family (esptool documentation, "Firmware Image Format"; ESP-IDF, esp_image_format.h and
// esp_app_format.h): 8 bytes of header, 16 bytes of extended header, up to 16 segments, a checksum (XOR of the
// segments' bytes and 0xEF) in the last byte of a 16-byte row, and, where the header says so, the SHA-256 of all before
// it. What follows (padding, a signature sector, the rest of a merged file) is counted in `trailing` only. parse()
// reads the structure and computes both sums but judges neither: a damaged image can still be shown. Sizes in bytes.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct EspSegment {
    quint32 address = 0; // where it is loaded or mapped
    qint64 offset = 0;   // of its bytes, in the file
    quint32 size = 0;
};

// What an application says of itself (esp_app_desc_t), at the beginning of its first segment.
struct EspAppDescription {
    quint32 secureVersion = 0; // anti-rollback
    QString version, project, built, idfVersion;
    QByteArray elfSha256;
};

struct EspImage {
    static constexpr char Magic = '\xe9';
    static constexpr int HeaderSize = 24;
    static constexpr int MaximumSegments = 16;
    enum class Checksum { Holds, Fails };
    enum class Digest { None, Holds, Fails }; // the appended SHA-256

    int flashMode = 0;     // 0 QIO, 1 QOUT, 2 DIO, 3 DOUT
    int flashSizeCode = 0; // upper half of byte 3
    int flashFrequencyCode = 0;
    quint32 entry = 0;
    quint16 chipId = 0;
    quint16 minimumRevision = 0; // major * 100 + minor; 0: any
    quint16 maximumRevision = 0; // 0xffff or 0: any
    QList<EspSegment> segments;
    quint8 statedChecksum = 0, computedChecksum = 0;
    Checksum checksum = Checksum::Fails;
    Digest digest = Digest::None;
    QByteArray sha256; // the appended one, empty: none
    qint64 size = 0;   // header to the end of checksum or digest
    qint64 trailing = 0;
    std::optional<EspAppDescription> application; // nothing: a boot loader, or an application without
    bool signedV2 = false; // a signature sector (secure boot version 2) follows at the next 4 KiB boundary
    // SHA-256 of the public keys (RSA) of its signature blocks that are whole, as the chip's eFuses have them; an ECDSA
    // block gives an empty one.
    QList<QByteArray> signingKeys;

    // Cheap: could these bytes be such an image? (magic, a plausible number of segments, a chip that is known)
    static bool looksLike(QByteArrayView bytes);
    // Throws codec.esp-image where the structure does not hold (not an image, cut short, segments out of the file).
    static EspImage parse(QByteArrayView bytes);
    // Throws codec.esp-checksum or codec.esp-digest.
    void check() const;

    QString chip() const;                    // "esp32c3", or "" when the id is unknown
    std::optional<qint64> flashSize() const; // the least flash the image was built for
    QString flashModeName() const;           // "DIO"
    // "esp32c3" and so on; "" when unknown.
    static QString chipName(quint16 chipId);
    static std::optional<quint16> idOf(const QString &name);
};

} // namespace slipway
