#pragma once
// Numbers of MCUboot's image trailer (bootutil/image.h). Room-internal.

#include <QString>

namespace slipway::mcuboot {

constexpr quint16 InfoMagic = 0x6907;
constexpr quint16 ProtectedInfoMagic = 0x6908;

enum TlvType : quint16 {
    KeyHash = 0x01,
    PublicKey = 0x02,
    Sha256 = 0x10,
    Sha384 = 0x11,
    Sha512 = 0x12,
    Rsa2048Pss = 0x20,
    Ecdsa224 = 0x21,
    EcdsaSig = 0x22,
    Rsa3072Pss = 0x23,
    Ed25519 = 0x24,
    SigPure = 0x25, // the signature is over the image, not over its hash
    EncRsa2048 = 0x30,
    EncKw = 0x31,
    EncEc256 = 0x32,
    EncX25519 = 0x33,
    EncX25519Sha512 = 0x34,
    Dependency = 0x40,
    SecurityCounter = 0x50,
    BootRecord = 0x60,
    DecompressedSize = 0x70,
    DecompressedSha = 0x71,
    DecompressedSignature = 0x72,
    CompressedDecompressedSize = 0x73,
    UuidVendor = 0x74,
    UuidClass = 0x75,
};

// "KEYHASH", "ECDSA"; "vendor 0x00a0" or "0x00fe" for one that this station does not know.
QString tlvName(quint16 type);
bool isSignature(quint16 type);

} // namespace slipway::mcuboot
