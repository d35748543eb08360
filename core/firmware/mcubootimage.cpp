#include "core/firmware/mcubootimage.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/firmware/mcuboottlv.h"

#include <QCryptographicHash>
#include <QJsonArray>

#include <array>

namespace slipway {

namespace {

constexpr qint64 headerBytes = 32;
constexpr qint64 infoBytes = 4;
constexpr qint64 maximumTlvs = 512;

quint32 le32(const QByteArray &b, qint64 at)
{
    return quint32(quint8(b[at])) | quint32(quint8(b[at + 1])) << 8 | quint32(quint8(b[at + 2])) << 16 |
           quint32(quint8(b[at + 3])) << 24;
}

quint16 le16(const QByteArray &b, qint64 at)
{
    return quint16(quint8(b[at]) | quint8(b[at + 1]) << 8);
}

McubootVersion versionAt(const QByteArray &b, qint64 at)
{
    return {quint8(b[at]), quint8(b[at + 1]), le16(b, at + 2), le32(b, at + 4)};
}

[[noreturn]] void truncated(const QByteArray &bytes, qint64 needed, const QString &what)
{
    throw Fault("firmware.truncated", {QString::number(bytes.size()), QString::number(needed), what});
}

// Reads the TLVs of the area that begins with its info header at `at`; returns the area's end.
qint64 readArea(const QByteArray &bytes, qint64 at, bool isProtected, QList<McubootTlv> &tlvs)
{
    const qint64 total = le16(bytes, at + 2);
    const qint64 end = at + total;
    if (total < infoBytes)
        throw Fault("firmware.damaged", {QStringLiteral("its list of signatures has no room for itself")});
    if (end > bytes.size())
        truncated(bytes, end, QStringLiteral("hash and signatures"));
    qint64 p = at + infoBytes;
    while (p < end) {
        if (end - p < infoBytes)
            throw Fault("firmware.damaged", {QStringLiteral("an entry of its list of signatures is cut off")});
        McubootTlv tlv;
        tlv.type = le16(bytes, p);
        tlv.isProtected = isProtected;
        tlv.offset = p + infoBytes;
        const qint64 length = le16(bytes, p + 2);
        if (length > end - tlv.offset) {
            throw Fault("firmware.damaged",
                        {QStringLiteral("entry %1 at offset %2 is longer than its list").arg(tlv.name()).arg(p)});
        }
        tlv.value = bytes.mid(tlv.offset, length);
        tlvs << tlv;
        if (tlvs.size() > maximumTlvs)
            throw Fault("firmware.damaged", {QStringLiteral("it has more than %1 entries").arg(maximumTlvs)});
        p = tlv.offset + length;
    }
    return end;
}

struct HashKind {
    quint16 type;
    const char *name;
    QCryptographicHash::Algorithm algorithm;
};
constexpr std::array<HashKind, 3> hashKinds{{
    {mcuboot::Sha256, "SHA-256", QCryptographicHash::Sha256},
    {mcuboot::Sha384, "SHA-384", QCryptographicHash::Sha384},
    {mcuboot::Sha512, "SHA-512", QCryptographicHash::Sha512},
}};

const HashKind *hashKind(quint16 type)
{
    for (const HashKind &kind : hashKinds) {
        if (kind.type == type)
            return &kind;
    }
    return nullptr;
}

} // namespace

QString McubootTlv::name() const
{
    return mcuboot::tlvName(type);
}

McubootImage McubootImage::parse(const QByteArray &bytes)
{
    if (bytes.isEmpty())
        throw Fault("firmware.empty");
    if (bytes.size() > MaximumBytes)
        throw Fault("file.too-large", {QStringLiteral("The image"), QStringLiteral("a firmware image")});
    QByteArray magic(4, Qt::Uninitialized);
    for (int i = 0; i < 4; ++i)
        magic[i] = char(Magic >> (8 * i) & 0xff);
    const qsizetype known = std::min<qsizetype>(4, bytes.size());
    if (bytes.left(known) != magic.left(known))
        throw Fault("firmware.magic", {hex(bytes.left(4)), hex(magic)});
    if (bytes.size() < headerBytes)
        truncated(bytes, headerBytes, QStringLiteral("the header"));

    McubootImage image;
    image.m_bytes = bytes;
    image.m_loadAddress = le32(bytes, 4);
    image.m_headerSize = le16(bytes, 8);
    image.m_protectedTlvSize = le16(bytes, 10);
    image.m_payloadSize = le32(bytes, 12);
    image.m_flags = le32(bytes, 16);
    image.m_version = versionAt(bytes, 20);
    if (image.m_headerSize < headerBytes)
        throw Fault("firmware.damaged",
                    {QStringLiteral("its header says that it is only %1 bytes long").arg(image.m_headerSize)});

    const qint64 contentEnd = image.m_headerSize + image.m_payloadSize;
    if (contentEnd + infoBytes > bytes.size()) {
        truncated(bytes, contentEnd + image.m_protectedTlvSize + infoBytes,
                  QStringLiteral("header, content and signatures"));
    }
    qint64 at = contentEnd;
    if (image.m_protectedTlvSize > 0) {
        if (le16(bytes, at) != mcuboot::ProtectedInfoMagic)
            throw Fault("firmware.damaged", {QStringLiteral("its protected list is not where the header says")});
        const qint64 end = readArea(bytes, at, true, image.m_tlvs);
        if (end - at != image.m_protectedTlvSize)
            throw Fault("firmware.damaged", {QStringLiteral("header and protected list disagree about its size")});
        at = end;
        if (at + infoBytes > bytes.size())
            truncated(bytes, at + infoBytes, QStringLiteral("hash and signatures"));
    }
    const qint64 signedEnd = at;
    if (le16(bytes, at) != mcuboot::InfoMagic)
        throw Fault("firmware.damaged", {QStringLiteral("its list of signatures is not where the header says")});
    image.m_imageSize = readArea(bytes, at, false, image.m_tlvs);

    for (const McubootTlv &tlv : std::as_const(image.m_tlvs)) {
        const HashKind *kind = hashKind(tlv.type);
        if (!kind)
            continue;
        image.m_hashType = tlv.type;
        image.m_hash = tlv.value;
        QCryptographicHash hash(kind->algorithm);
        hash.addData(QByteArray::fromRawData(bytes.constData(), signedEnd));
        image.m_hashHolds = !image.isEncrypted() && hash.result() == tlv.value;
        break;
    }
    return image;
}

const McubootTlv *McubootImage::tlv(quint16 type) const
{
    for (const McubootTlv &tlv : m_tlvs) {
        if (tlv.type == type)
            return &tlv;
    }
    return nullptr;
}

QString McubootImage::hashName() const
{
    const HashKind *kind = hashKind(m_hashType);
    return kind ? QString::fromLatin1(kind->name) : QString();
}

QStringList McubootImage::signatureNames() const
{
    QStringList names;
    for (const McubootTlv &tlv : m_tlvs) {
        if (mcuboot::isSignature(tlv.type))
            names << tlv.name();
    }
    return names;
}

std::optional<QByteArray> McubootImage::keyHash() const
{
    const McubootTlv *found = tlv(mcuboot::KeyHash);
    if (found)
        return found->value;
    // With the whole key in the image, its hash is as good a name for it.
    const McubootTlv *key = tlv(mcuboot::PublicKey);
    if (key)
        return QCryptographicHash::hash(key->value, QCryptographicHash::Sha256);
    return {};
}

std::optional<quint32> McubootImage::securityCounter() const
{
    const McubootTlv *found = tlv(mcuboot::SecurityCounter);
    // Outside the signed part it would be anybody's word.
    if (!found || !found->isProtected || found->value.size() != 4)
        return {};
    return le32(found->value, 0);
}

QList<McubootDependency> McubootImage::dependencies() const
{
    QList<McubootDependency> list;
    for (const McubootTlv &tlv : m_tlvs) {
        if (tlv.type == mcuboot::Dependency && tlv.isProtected && tlv.value.size() == 12)
            list << McubootDependency{quint8(tlv.value[0]), versionAt(tlv.value, 4)};
    }
    return list;
}

void McubootImage::checkHash() const
{
    if (m_hash.isEmpty())
        throw Fault("firmware.no-hash");
    if (!isEncrypted() && !m_hashHolds)
        throw Fault("firmware.hash", {hashName()});
}

void McubootImage::checkAgainst(const RunningFirmware &running) const
{
    if (running.slotSize && m_bytes.size() > *running.slotSize)
        throw Fault("firmware.oversize", {QString::number(m_bytes.size()), QString::number(*running.slotSize)});
    if (running.version && !running.allowOlder && m_version < *running.version)
        throw Fault("firmware.older", {m_version.toString(), running.version->toString()});
    if (running.securityCounter) {
        const auto own = securityCounter();
        if (!own || *own < *running.securityCounter) {
            throw Fault("firmware.counter", {own ? QString::number(*own) : QStringLiteral("none"),
                                             QString::number(*running.securityCounter)});
        }
    }
    const auto needs = dependencies();
    for (const McubootDependency &need : needs) {
        const auto runs = running.images.constFind(need.image);
        if (runs == running.images.constEnd()) {
            // An image that the device did not tell of is not judged, unless it told of others and has no such one.
            if (!running.images.isEmpty())
                throw Fault("firmware.dependency", {QString::number(need.image), need.minimum.toString(),
                                                    QStringLiteral("has no such image")});
            continue;
        }
        if (*runs < need.minimum) {
            throw Fault("firmware.dependency", {QString::number(need.image), need.minimum.toString(),
                                                QStringLiteral("runs ") + runs->toString()});
        }
    }
}

QJsonObject McubootImage::toJson() const
{
    static constexpr std::array<std::pair<quint32, const char *>, 9> flagNames{{
        {PositionIndependent, "position-independent"},
        {EncryptedAes128, "encrypted-aes128"},
        {EncryptedAes256, "encrypted-aes256"},
        {NonBootable, "non-bootable"},
        {RamLoad, "ram-load"},
        {RomFixed, "rom-fixed"},
        {CompressedLzma1, "compressed-lzma1"},
        {CompressedLzma2, "compressed-lzma2"},
        {CompressedArmThumb, "compressed-arm-thumb"},
    }};
    QJsonArray flagList;
    quint32 rest = m_flags;
    for (const auto &[bit, name] : flagNames) {
        if (rest & bit)
            flagList << QString::fromLatin1(name);
        rest &= ~bit;
    }
    if (rest)
        flagList << QStringLiteral("0x%1").arg(rest, 0, 16);
    QJsonArray tlvList;
    for (const McubootTlv &tlv : m_tlvs) {
        tlvList << QJsonObject{{QStringLiteral("type"), tlv.type},
                               {QStringLiteral("name"), tlv.name()},
                               {QStringLiteral("protected"), tlv.isProtected},
                               {QStringLiteral("offset"), tlv.offset},
                               {QStringLiteral("length"), tlv.value.size()},
                               {QStringLiteral("value"), hex(tlv.value)}};
    }
    QJsonArray dependencyList;
    const auto needs = dependencies();
    for (const McubootDependency &need : needs)
        dependencyList << QJsonObject{{QStringLiteral("image"), need.image},
                                      {QStringLiteral("minimum"), need.minimum.toString()}};
    QJsonObject json{
        {QStringLiteral("format"), QStringLiteral("mcuboot")},
        {QStringLiteral("version"), m_version.toString()},
        {QStringLiteral("load-address"), qint64(m_loadAddress)},
        {QStringLiteral("flags"), flagList},
        {QStringLiteral("header-size"), m_headerSize},
        {QStringLiteral("payload-size"), m_payloadSize},
        {QStringLiteral("protected-tlv-size"), m_protectedTlvSize},
        {QStringLiteral("image-size"), m_imageSize},
        {QStringLiteral("file-size"), m_bytes.size()},
        {QStringLiteral("sha256"), hex(QCryptographicHash::hash(m_bytes, QCryptographicHash::Sha256))},
        {QStringLiteral("hash-algorithm"), hashName()},
        {QStringLiteral("hash"), hex(m_hash)},
        {QStringLiteral("hash-holds"), m_hashHolds},
        {QStringLiteral("encrypted"), isEncrypted()},
        {QStringLiteral("signatures"), QJsonArray::fromStringList(signatureNames())},
        {QStringLiteral("dependencies"), dependencyList},
        {QStringLiteral("tlvs"), tlvList},
    };
    if (const auto key = keyHash())
        json[QStringLiteral("key-hash")] = hex(*key);
    if (const auto counter = securityCounter())
        json[QStringLiteral("security-counter")] = qint64(*counter);
    return json;
}

} // namespace slipway
