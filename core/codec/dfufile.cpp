#include "core/codec/dfufile.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QtEndian>

#include <zlib.h>

#include <limits>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype suffixSize = 16; // the shortest; a later version of the suffix may be longer
constexpr qsizetype prefixSize = 11;
constexpr qsizetype targetPrefixSize = 274;
constexpr qsizetype elementPrefixSize = 8;
constexpr char suffixMark[] = "UFD"; // "DFU" from behind
constexpr char prefixMark[] = "DfuSe";
constexpr char targetMark[] = "Target";
constexpr quint16 dfuseVersion = 0x011a;

template <typename T> T little(QByteArrayView bytes, qsizetype at)
{
    return qFromLittleEndian<T>(bytes.data() + at);
}

[[noreturn]] void wrong(const QString &what)
{
    throw Fault("codec.dfu", {what});
}

bool hasPrefix(QByteArrayView bytes)
{
    return bytes.size() >= prefixSize && bytes.startsWith(prefixMark);
}

bool hasSuffix(QByteArrayView bytes)
{
    return bytes.size() >= suffixSize && bytes.sliced(bytes.size() - 8, 3) == QByteArrayView(suffixMark, 3);
}

// The CRC-32 of zlib without its last inversion, over everything but the four bytes of the CRC itself.
quint32 suffixCrc(QByteArrayView bytes)
{
    return ~quint32(crc32_z(0, reinterpret_cast<const Bytef *>(bytes.data()), size_t(bytes.size())));
}

DfuFile::Target readTarget(QByteArrayView image, qsizetype &at, int number)
{
    const auto cut = [number] { wrong(u"target %1 is cut short"_s.arg(number)); };
    if (image.size() - at < targetPrefixSize)
        cut();
    if (!image.sliced(at).startsWith(targetMark))
        wrong(u"target %1 does not begin where it should"_s.arg(number));
    DfuFile::Target target;
    target.alternate = static_cast<quint8>(image[at + 6]);
    if (little<quint32>(image, at + 7) != 0) {
        const QByteArrayView name = image.sliced(at + 11, 255);
        const qsizetype end = name.indexOf('\0');
        target.name = oneLine(QString::fromUtf8(end < 0 ? name : name.first(end)), 255);
    }
    const qint64 size = little<quint32>(image, at + 266);
    const quint32 count = little<quint32>(image, at + 270);
    at += targetPrefixSize;
    if (size > image.size() - at)
        cut();
    const qsizetype end = at + qsizetype(size);
    for (quint32 i = 0; i < count; ++i) {
        if (end - at < elementPrefixSize)
            cut();
        AddressedBytes element;
        element.at = little<quint32>(image, at);
        const qint64 length = little<quint32>(image, at + 4);
        at += elementPrefixSize;
        if (length > end - at)
            cut();
        if (element.at + quint64(length) > quint64(std::numeric_limits<quint32>::max()) + 1)
            wrong(u"a piece of target %1 runs past the last address"_s.arg(number));
        element.bytes = image.sliced(at, qsizetype(length)).toByteArray();
        at += qsizetype(length);
        target.elements << element;
    }
    if (at != end)
        wrong(u"target %1 is longer than its pieces"_s.arg(number));
    return target;
}

QList<DfuFile::Target> readTargets(QByteArrayView image, qsizetype suffix)
{
    if (image[5] != 1)
        wrong(u"it has version %1 of the DfuSe format, and only 1 is known"_s.arg(static_cast<quint8>(image[5])));
    // Some tools (dfuse-pack) count the suffix as well.
    if (little<quint32>(image, 6) != quint64(image.size()) &&
        little<quint32>(image, 6) != quint64(image.size() + suffix))
        wrong(u"it states %1 bytes and has %2"_s.arg(little<quint32>(image, 6)).arg(image.size()));
    const int count = static_cast<quint8>(image[10]);
    if (count == 0)
        wrong(u"it has no target"_s);
    QList<DfuFile::Target> targets;
    qsizetype at = prefixSize;
    for (int i = 1; i <= count; ++i)
        targets << readTarget(image, at, i);
    if (at != image.size())
        wrong(u"there are bytes behind its last target"_s);
    return targets;
}

} // namespace

QList<AddressedBytes> DfuFile::elements() const
{
    QList<AddressedBytes> all;
    for (const Target &target : targets)
        all += target.elements;
    return all;
}

bool DfuFile::recognises(QByteArrayView bytes)
{
    return hasSuffix(bytes) || hasPrefix(bytes);
}

DfuFile DfuFile::parse(const QByteArray &bytes)
{
    const QByteArrayView all(bytes);
    if (!hasSuffix(all))
        wrong(hasPrefix(all) ? u"it is cut short: its end is missing"_s : u"it has no DFU suffix"_s);
    const qsizetype length = static_cast<quint8>(all[all.size() - 5]);
    if (length < suffixSize || length > all.size())
        wrong(u"its suffix states a length of %1"_s.arg(length));
    if (suffixCrc(all.chopped(4)) != little<quint32>(all, all.size() - 4))
        wrong(u"its content does not have the checksum it states"_s);
    DfuFile file;
    // The fields stand in reverse: a longer suffix has its further ones before these.
    file.device = little<quint16>(all, all.size() - 16);
    file.productId = little<quint16>(all, all.size() - 14);
    file.vendorId = little<quint16>(all, all.size() - 12);
    file.dfuVersion = little<quint16>(all, all.size() - 10);
    file.image = bytes.chopped(length);
    const bool prefixed = hasPrefix(file.image);
    if (prefixed != (file.dfuVersion == dfuseVersion))
        wrong(prefixed ? u"it has a DfuSe prefix, and its suffix says that it has none"_s
                       : u"its suffix says that it is in DfuSe form, and it has no DfuSe prefix"_s);
    if (prefixed)
        file.targets = readTargets(file.image, length);
    return file;
}

} // namespace slipway
