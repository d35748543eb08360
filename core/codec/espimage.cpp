#include "core/codec/espimage.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QCryptographicHash>
#include <QtEndian>

#include <zlib.h>

#include <array>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr quint32 applicationMagic = 0xabcd5432;
constexpr qsizetype applicationSize = 256;
constexpr qsizetype sector = 4096;
constexpr char signatureMagic = '\xe7';

struct ChipName {
    quint16 id;
    const char *name;
};
// ESP-IDF, esp_chip_id_t.
constexpr std::array<ChipName, 12> chipNames{{{0, "esp32"},
                                              {2, "esp32s2"},
                                              {5, "esp32c3"},
                                              {9, "esp32s3"},
                                              {12, "esp32c2"},
                                              {13, "esp32c6"},
                                              {16, "esp32h2"},
                                              {18, "esp32p4"},
                                              {20, "esp32c61"},
                                              {23, "esp32c5"},
                                              {25, "esp32h21"},
                                              {28, "esp32h4"}}};

quint16 le16(QByteArrayView b, qsizetype at)
{
    return qFromLittleEndian<quint16>(b.data() + at);
}

quint32 le32(QByteArrayView b, qsizetype at)
{
    return qFromLittleEndian<quint32>(b.data() + at);
}

[[noreturn]] void broken(const QString &why)
{
    throw Fault("codec.esp-image", {why});
}

QString field(QByteArrayView bytes, qsizetype at, qsizetype size)
{
    const QByteArrayView all = bytes.sliced(at, size);
    const qsizetype zero = all.indexOf('\0');
    return oneLine(QString::fromUtf8(zero < 0 ? all : all.first(zero)), size);
}

std::optional<EspAppDescription> describeApplication(QByteArrayView bytes, const EspSegment &first)
{
    if (first.size < applicationSize || le32(bytes, first.offset) != applicationMagic)
        return std::nullopt;
    const QByteArrayView d = bytes.sliced(first.offset, applicationSize);
    EspAppDescription out;
    out.secureVersion = le32(d, 4);
    out.version = field(d, 16, 32);
    out.project = field(d, 48, 32);
    out.built = (field(d, 96, 16) + u' ' + field(d, 80, 16)).trimmed(); // date, time
    out.idfVersion = field(d, 112, 32);
    out.elfSha256 = d.sliced(144, 32).toByteArray();
    return out;
}

// ESP-IDF, "Secure Boot v2", signature block format: up to three blocks of 1216 bytes; magic, version, two bytes,
// 32 bytes digest, then for RSA 776 bytes of key, 384 of signature; CRC-32 over all before it at 1196.
void readSignatures(QByteArrayView bytes, EspImage &image)
{
    constexpr qsizetype blockSize = 1216, keyAt = 36, keySize = 776, crcAt = 1196;
    const qint64 at = (image.size + sector - 1) / sector * sector;
    for (int i = 0; i < 3 && bytes.size() - at >= (i + 1) * blockSize; ++i) {
        const QByteArrayView block = bytes.sliced(at + i * blockSize, blockSize);
        if (block[0] != signatureMagic || (block[1] != 2 && block[1] != 3))
            break;
        const auto crc = ::crc32(0, reinterpret_cast<const Bytef *>(block.data()), uInt(crcAt));
        if (le32(block, crcAt) != quint32(crc))
            break;
        image.signedV2 = true;
        QCryptographicHash hash(QCryptographicHash::Sha256);
        hash.addData(block.sliced(keyAt, keySize));
        image.signingKeys << (block[1] == 2 ? hash.result() : QByteArray());
    }
}

} // namespace

bool EspImage::looksLike(QByteArrayView bytes)
{
    return bytes.size() >= HeaderSize && bytes[0] == Magic && bytes[1] >= 1 && bytes[1] <= MaximumSegments &&
           quint8(bytes[2]) <= 5 && !chipName(le16(bytes, 12)).isEmpty() && quint8(bytes[23]) <= 1;
}

EspImage EspImage::parse(QByteArrayView bytes)
{
    if (bytes.isEmpty())
        broken(u"it is empty"_s);
    if (bytes[0] != Magic)
        broken(u"it begins with %1 and not with e9"_s.arg(hex(bytes.first(1))));
    if (bytes.size() < HeaderSize)
        broken(u"it ends within its header"_s);
    EspImage image;
    const int count = quint8(bytes[1]);
    if (count < 1 || count > MaximumSegments)
        broken(u"it states %1 segments, and 1 to %2 are possible"_s.arg(count).arg(MaximumSegments));
    image.flashMode = quint8(bytes[2]);
    image.flashSizeCode = quint8(bytes[3]) >> 4;
    image.flashFrequencyCode = bytes[3] & 0x0f;
    image.entry = le32(bytes, 4);
    image.chipId = le16(bytes, 12);
    image.minimumRevision = le16(bytes, 15);
    // Older images fill only the byte that was there before: the major number on the ESP32, the minor one elsewhere.
    if (image.minimumRevision == 0)
        image.minimumRevision = quint16(quint8(bytes[14]) * (image.chipId == 0 ? 100 : 1));
    image.maximumRevision = le16(bytes, 17);
    const bool hashed = bytes[23] == 1;

    qint64 at = HeaderSize;
    quint8 sum = 0xef;
    for (int i = 0; i < count; ++i) {
        if (bytes.size() - at < 8)
            broken(u"it ends before segment %1 of %2"_s.arg(i + 1).arg(count));
        EspSegment segment{le32(bytes, at), at + 8, le32(bytes, at + 4)};
        at += 8;
        if (segment.size > bytes.size() - at)
            broken(u"segment %1 of %2 has %3 bytes, and %4 are left"_s.arg(i + 1)
                       .arg(count)
                       .arg(segment.size)
                       .arg(bytes.size() - at));
        for (const char c : bytes.sliced(at, segment.size))
            sum ^= quint8(c);
        at += segment.size;
        image.segments << segment;
    }
    const qint64 sumAt = at | 15; // the last byte of its row of 16
    if (sumAt >= bytes.size())
        broken(u"it ends before its checksum"_s);
    image.statedChecksum = quint8(bytes[sumAt]);
    image.computedChecksum = sum;
    image.checksum = image.statedChecksum == sum ? Checksum::Holds : Checksum::Fails;
    image.size = sumAt + 1;
    if (hashed) {
        if (bytes.size() - image.size < 32)
            broken(u"it ends before its SHA-256"_s);
        image.sha256 = bytes.sliced(image.size, 32).toByteArray();
        QCryptographicHash hash(QCryptographicHash::Sha256);
        hash.addData(bytes.first(image.size));
        image.digest = hash.result() == image.sha256 ? Digest::Holds : Digest::Fails;
        image.size += 32;
    }
    image.trailing = bytes.size() - image.size;
    image.application = describeApplication(bytes, image.segments.first());
    readSignatures(bytes, image);
    return image;
}

void EspImage::check() const
{
    if (checksum == Checksum::Fails) {
        throw Fault("codec.esp-checksum",
                    {hex(QByteArray(1, char(computedChecksum))), hex(QByteArray(1, char(statedChecksum)))});
    }
    if (digest == Digest::Fails)
        throw Fault("codec.esp-digest");
}

QString EspImage::chip() const
{
    return chipName(chipId);
}

std::optional<qint64> EspImage::flashSize() const
{
    if (flashSizeCode > 7)
        return std::nullopt;
    return qint64(1024 * 1024) << flashSizeCode;
}

QString EspImage::flashModeName() const
{
    static const std::array<const char *, 6> names{"QIO", "QOUT", "DIO", "DOUT", "FAST", "SLOW"};
    return flashMode < int(names.size()) ? QString::fromLatin1(names[size_t(flashMode)]) : u"mode %1"_s.arg(flashMode);
}

QString EspImage::chipName(quint16 chipId)
{
    for (const ChipName &chip : chipNames) {
        if (chip.id == chipId)
            return QString::fromLatin1(chip.name);
    }
    return {};
}

std::optional<quint16> EspImage::idOf(const QString &name)
{
    for (const ChipName &chip : chipNames) {
        if (name == QLatin1String(chip.name))
            return chip.id;
    }
    return std::nullopt;
}

} // namespace slipway
