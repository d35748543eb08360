#pragma once
// An MCUboot image as the boot loader sees it (MCUboot documentation "Bootloader", Image format): 32-byte header,
// payload, protected TLVs, TLVs. This is the device's side, written apart from core/firmware on purpose. Never throws:
// what is wrong stands in error.

#include <QByteArray>
#include <QList>
#include <QString>

#include <array>
#include <optional>

namespace slipway {

struct BootVersion {
    quint8 major = 0, minor = 0;
    quint16 revision = 0;
    quint32 build = 0;
    QString zephyrText() const;  // "1.4.2.7", "1.4.2" where the build number is 0
    QString mcubootText() const; // "1.4.27": MCUboot leaves out the separator
    // Zephyr compares without the build number.
    bool newerThan(const BootVersion &other) const;
};

struct BootImage {
    static constexpr quint32 magic = 0x96f3b83d;
    static constexpr qsizetype headerSize = 32;

    BootVersion version;
    quint32 flags = 0;
    qsizetype signedSize = 0; // header, payload and protected TLVs: what the hash covers
    qsizetype wholeSize = 0;  // with all TLVs
    QByteArray hash;          // of the TLV, 32 bytes
    std::optional<quint32> securityCounter;
    struct Tlv {
        quint16 type = 0;
        bool isProtected = false;
        QByteArray value;
    };
    QList<Tlv> tlvs;
    QString error; // empty: header and TLVs are readable

    bool ok() const { return error.isEmpty(); }
    bool bootable() const { return !(flags & 0x10); } // IMAGE_F_NON_BOOTABLE

    static BootImage parse(const QByteArray &slot);
    static std::optional<BootVersion> headerVersion(QByteArrayView header);
    static bool hasMagic(QByteArrayView header);
    // What the boot loader checks before it starts an image: the hash over the content and, where it has keys, one
    // signature by one of them. Empty: good; else the reason.
    static QString verify(const QByteArray &slot, const QList<QByteArray> &pemKeys);
    // An unsigned image of random content.
    static QByteArray make(const BootVersion &version, qsizetype payload, quint64 seed);
};

} // namespace slipway
