#pragma once
// An MCUboot image (MCUboot, docs/design.md "Image format" and bootutil/image.h): 32-byte header, payload, protected
// TLVs (info magic 0x6908) and TLVs (0x6907), all little endian. parse() reads the whole structure and computes the
// hash, but judges neither: an image that is damaged inside can still be shown. checkHash(), verify() and
// checkAgainst() judge, each with its own fault:
//
//   firmware.empty, firmware.magic, firmware.truncated, firmware.damaged   thrown by parse()
//   firmware.no-hash, firmware.hash                                        the content is not what was hashed
//   firmware.no-signature, firmware.unnamed-key, firmware.other-key, firmware.signature,
//   firmware.key-type, firmware.encrypted, firmware.signer                 not signed by that key
//   firmware.oversize, firmware.older, firmware.counter, firmware.dependency   not for this device now
//
// Sizes are bytes. The image is copied nowhere: QByteArray shares it.

#include "core/firmware/mcubootversion.h"

#include <QByteArray>
#include <QJsonObject>
#include <QList>
#include <QMap>
#include <QString>

#include <optional>

namespace slipway {

struct McubootTlv {
    quint16 type = 0;
    bool isProtected = false; // covered by hash and signature
    qint64 offset = 0;        // of the value, in the file
    QByteArray value;
    // "SHA-256", "KEYHASH", "ECDSA", ... or "0x00a0".
    QString name() const;
};

struct McubootDependency {
    int image = 0;
    McubootVersion minimum;
};

// What is known of the device an image is meant for; what is unknown is not judged.
struct RunningFirmware {
    std::optional<qint64> slotSize;         // bytes that fit
    std::optional<McubootVersion> version;  // of the same image, running
    std::optional<quint32> securityCounter; // of the same image, running
    QMap<int, McubootVersion> images;       // what runs, by image number, for dependencies
    bool allowOlder = false;                // versions may go back (never the security counter)
};

class McubootImage
{
public:
    static constexpr quint32 Magic = 0x96f3b83d;
    static constexpr qint64 MaximumBytes = 64 * 1024 * 1024;
    enum Flag : quint32 {
        PositionIndependent = 0x1,
        EncryptedAes128 = 0x4,
        EncryptedAes256 = 0x8,
        NonBootable = 0x10,
        RamLoad = 0x20,
        RomFixed = 0x100,
        CompressedLzma1 = 0x200,
        CompressedLzma2 = 0x400,
        CompressedArmThumb = 0x800,
    };

    static McubootImage parse(const QByteArray &bytes);

    McubootVersion version() const { return m_version; }
    quint32 loadAddress() const { return m_loadAddress; }
    quint32 flags() const { return m_flags; }
    qint64 headerSize() const { return m_headerSize; }
    qint64 payloadSize() const { return m_payloadSize; }
    qint64 protectedTlvSize() const { return m_protectedTlvSize; }        // info header included
    qint64 imageSize() const { return m_imageSize; }                      // header to the end of the last TLV
    qint64 trailingBytes() const { return m_bytes.size() - m_imageSize; } // padding and trailer of a slot-sized file
    const QList<McubootTlv> &tlvs() const { return m_tlvs; }
    const McubootTlv *tlv(quint16 type) const; // the first of that type, or null
    bool isEncrypted() const { return m_flags & (EncryptedAes128 | EncryptedAes256); }
    QByteArray bytes() const { return m_bytes; }

    QString hashName() const;                      // "SHA-256", "" without a hash TLV
    QByteArray hash() const { return m_hash; }     // as the image states it: what the boot loader reports of a slot
    bool hashHolds() const { return m_hashHolds; } // false also when there is none or the image is encrypted
    QStringList signatureNames() const;            // "ECDSA", "Ed25519", "RSA-2048 PSS", ...
    std::optional<QByteArray> keyHash() const;     // of the public key it says it is signed with
    std::optional<quint32> securityCounter() const;
    QList<McubootDependency> dependencies() const;

    // Throws firmware.no-hash or firmware.hash; does nothing for an encrypted image, whose hash is of the plain one.
    void checkHash() const;
    // Hash and signature by that key (SubjectPublicKeyInfo or certificate, PEM). Throws as listed above.
    void verify(const QByteArray &publicKeyPem) const;
    void checkAgainst(const RunningFirmware &running) const;

    // {"format":"mcuboot","version","flags":[...],"header-size","payload-size","image-size","hash","hash-holds",
    //  "key-hash","signatures":[...],"security-counter","dependencies":[{"image","minimum"}],"tlvs":[{...}]}
    QJsonObject toJson() const;

private:
    QByteArray m_bytes;
    McubootVersion m_version;
    quint32 m_loadAddress = 0;
    quint32 m_flags = 0;
    qint64 m_headerSize = 0;
    qint64 m_payloadSize = 0;
    qint64 m_protectedTlvSize = 0;
    qint64 m_imageSize = 0;
    QList<McubootTlv> m_tlvs;
    quint16 m_hashType = 0;
    QByteArray m_hash;
    bool m_hashHolds = false;
};

} // namespace slipway
