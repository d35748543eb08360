#pragma once
// The fields of an X.509 certificate (RFC 5280 section 4.1) as views into its DER. Room-internal. Read throws
// der::Error.

#include "core/identity/der.h"

#include <QVarLengthArray>

namespace slipway {

struct CertificateView {
    struct Extension {
        QByteArrayView oid; // content
        bool critical = false;
        bool criticalWritten = false; // FALSE spelled out, which DER does not allow
        QByteArrayView value;         // content of the OCTET STRING
    };
    QByteArrayView tbs;
    int version = 1;
    QByteArrayView serial;                         // content of the INTEGER
    QByteArrayView innerAlgorithm, outerAlgorithm; // AlgorithmIdentifier, whole
    QByteArrayView issuer, subject;                // Name, whole
    der::Element notBefore, notAfter;
    QByteArrayView publicKey; // SubjectPublicKeyInfo, whole
    QByteArrayView keyBits;   // content of its BIT STRING behind the count of unused bits
    QVarLengthArray<Extension, 12> extensions;
    QByteArrayView signature; // behind the count of unused bits

    static CertificateView read(QByteArrayView der);
    const Extension *extension(QByteArrayView oidContent) const;
    // The serial number as the journal and openssl write it: hex, without the zero octet that keeps it positive.
    QString serialText() const;
};

// Contents of OBJECT IDENTIFIERs (RFC 5280, RFC 8520 section 11, RFC 8995 section 2.3.2, RFC 4108 section 5).
namespace oid {
inline constexpr char serialNumber[] = "\x55\x04\x05";
inline constexpr char subjectKeyIdentifier[] = "\x55\x1d\x0e";
inline constexpr char keyUsage[] = "\x55\x1d\x0f";
inline constexpr char subjectAltName[] = "\x55\x1d\x11";
inline constexpr char basicConstraints[] = "\x55\x1d\x13";
inline constexpr char authorityKeyIdentifier[] = "\x55\x1d\x23";
inline constexpr char extendedKeyUsage[] = "\x55\x1d\x25";
inline constexpr char mudUrl[] = "\x2b\x06\x01\x05\x05\x07\x01\x19";
inline constexpr char mudSigner[] = "\x2b\x06\x01\x05\x05\x07\x01\x1e";
inline constexpr char masaUrl[] = "\x2b\x06\x01\x05\x05\x07\x01\x20";
inline constexpr char hardwareModuleName[] = "\x2b\x06\x01\x05\x05\x07\x08\x04";
inline constexpr char ecdsaWithSha256[] = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
inline constexpr char ecdsaWithSha384[] = "\x2a\x86\x48\xce\x3d\x04\x03\x03";
inline constexpr char rsaWithSha256[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
inline constexpr char ecPublicKey[] = "\x2a\x86\x48\xce\x3d\x02\x01";
inline constexpr char p256[] = "\x2a\x86\x48\xce\x3d\x03\x01\x07";
inline constexpr char p384[] = "\x2b\x81\x04\x00\x22";
inline constexpr char ed25519[] = "\x2b\x65\x70";
inline constexpr char rsaEncryption[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

template <size_t n> QByteArrayView view(const char (&content)[n])
{
    return QByteArrayView(content, qsizetype(n) - 1);
}
} // namespace oid

// "P-256", "P-384", "Ed25519", "RSA-2048" ...; "" for one that this station does not know. keyBits gets the key's bits.
// Throws der::Error. Elliptic-curve points must be uncompressed: else one key would have two forms.
QString keyTypeOf(QByteArrayView publicKeyInfo, QByteArrayView *keyBits = nullptr);

// "99991231235959Z": the four-digit-year form of either kind of time, "" when it is malformed.
QString timeText(const der::Element &time);

} // namespace slipway
