#include "core/codec/espsecurecert.h"

#include "core/base/fault.h"

#include <QCryptographicHash>
#include <QStringList>
#include <QtEndian>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype typeAt = 8, subtypeAt = 9, lengthAt = 10, flagsAt = 4;
constexpr qsizetype digestSize = 32;

[[noreturn]] void wrong(const QString &what)
{
    throw Fault("codec.esp-secure-cert", {what});
}

quint32 checksum(QByteArrayView bytes)
{
    return quint32(::crc32(0xffffffffu, reinterpret_cast<const Bytef *>(bytes.data()), uInt(bytes.size())));
}

qsizetype padded(qsizetype size)
{
    return (size + EspSecureCert::Alignment - 1) / EspSecureCert::Alignment * EspSecureCert::Alignment;
}

bool magicAt(QByteArrayView bytes, qsizetype at)
{
    return bytes.size() - at >= EspSecureCert::HeaderSize &&
           qFromLittleEndian<quint32>(bytes.data() + at) == EspSecureCert::Magic;
}

} // namespace

QString EspSecureCert::Entry::typeName() const
{
    static constexpr std::array names{"CA certificate",
                                      "device certificate",
                                      "private key",
                                      "signature peripheral data",
                                      "signature peripheral context",
                                      "salt of a derived key",
                                      "security configuration",
                                      "secure storage key",
                                      "signature block",
                                      "digest of all entries"};
    if (type < names.size())
        return QString::fromLatin1(names[type]);
    if (type >= FirstUserData && type < FirstUserData + 5)
        return u"user data %1"_s.arg(type - FirstUserData + 1);
    return u"type %1"_s.arg(type);
}

QString EspSecureCert::Entry::flagNames() const
{
    QStringList names;
    switch (flags >> 6) {
    case 0:
        break;
    case 1:
        names << u"key derived in the chip"_s;
        break;
    case 2:
        names << u"encrypted by the chip"_s;
        break;
    default:
        names << u"unknown encryption"_s;
    }
    if ((flags >> 3 & 7) == 1)
        names << u"key in the ECDSA peripheral"_s;
    else if ((flags >> 3 & 7) != 0 || (flags & 7) != 0)
        names << u"flags 0x%1"_s.arg(flags & 0x3f, 2, 16, QChar(u'0'));
    return names.join(u", "_s);
}

bool EspSecureCert::Entry::isPrivate() const
{
    return type != CaCertificate && type != DeviceCertificate && type != SignatureBlock && type != Integrity;
}

bool EspSecureCert::looksLike(QByteArrayView bytes)
{
    return magicAt(bytes, 0);
}

EspSecureCert EspSecureCert::parse(QByteArrayView bytes)
{
    if (bytes.size() > MaximumBytes)
        wrong(u"it has %1 bytes, and %2 at most are known"_s.arg(bytes.size()).arg(MaximumBytes));
    if (!magicAt(bytes, 0))
        wrong(u"it does not begin with an entry"_s);
    EspSecureCert out;
    qsizetype at = 0;
    while (magicAt(bytes, at)) {
        if (out.entries.size() >= MaximumEntries)
            wrong(u"it has more than %1 entries"_s.arg(MaximumEntries));
        Entry entry;
        entry.flags = quint8(bytes[at + flagsAt]);
        entry.type = quint8(bytes[at + typeAt]);
        entry.subtype = quint8(bytes[at + subtypeAt]);
        entry.size = qFromLittleEndian<quint16>(bytes.data() + at + lengthAt);
        entry.offset = at + HeaderSize;
        const qsizetype covered = HeaderSize + padded(entry.size);
        if (covered + FooterSize > bytes.size() - at)
            wrong(u"entry %1 is cut short"_s.arg(out.entries.size() + 1));
        entry.crcHolds = checksum(bytes.sliced(at, covered)) == qFromLittleEndian<quint32>(bytes.data() + at + covered);
        if (entry.type == Integrity) {
            const QByteArray digest = QCryptographicHash::hash(bytes.first(at), QCryptographicHash::Sha256);
            out.integrityHolds = bytes.sliced(entry.offset, entry.size) == QByteArrayView(digest);
        }
        out.entries << entry;
        at += covered + FooterSize;
    }
    out.size = at;
    out.trailing = bytes.size() - at;
    const QByteArrayView rest = bytes.sliced(at);
    out.trailingBlank = std::all_of(rest.begin(), rest.end(), [](char c) { return c == '\xff'; });
    return out;
}

const EspSecureCert::Entry *EspSecureCert::find(quint8 type, quint8 subtype) const
{
    for (const Entry &entry : entries) {
        if (entry.type == type && entry.subtype == subtype)
            return &entry;
    }
    return nullptr;
}

QStringList EspSecureCert::defects() const
{
    QStringList out;
    for (qsizetype i = 0; i < entries.size(); ++i) {
        const Entry &entry = entries[i];
        if (!entry.crcHolds)
            out << u"entry %1 (%2) does not have the checksum that it states"_s.arg(i + 1).arg(entry.typeName());
        if (find(entry.type, entry.subtype) != &entry)
            out << u"entry %1 (%2) is there twice"_s.arg(i + 1).arg(entry.typeName());
    }
    if (integrityHolds == false)
        out << u"the entries are not those that the digest was made of"_s;
    if (!trailingBlank)
        out << u"something else follows the entries"_s;
    return out;
}

void EspSecureCertBuilder::add(quint8 type, quint8 subtype, QByteArrayView value)
{
    if (value.size() > std::numeric_limits<quint16>::max())
        wrong(u"a value has %1 bytes, and 65535 is the most"_s.arg(value.size()));
    if (++m_entries > EspSecureCert::MaximumEntries)
        wrong(u"it would have more than %1 entries"_s.arg(EspSecureCert::MaximumEntries));
    const qsizetype covered = EspSecureCert::HeaderSize + padded(value.size());
    SecretBytes entry(covered + EspSecureCert::FooterSize);
    qToLittleEndian(EspSecureCert::Magic, entry.data());
    entry.data()[typeAt] = char(type);
    entry.data()[subtypeAt] = char(subtype);
    qToLittleEndian(quint16(value.size()), entry.data() + lengthAt);
    std::copy(value.begin(), value.end(), entry.data() + EspSecureCert::HeaderSize);
    qToLittleEndian(checksum(entry.view().first(covered)), entry.data() + covered);
    m_bytes.append(entry);
}

void EspSecureCertBuilder::addText(quint8 type, quint8 subtype, QByteArrayView text)
{
    SecretBytes closed(text.size() + 1);
    std::copy(text.begin(), text.end(), closed.data());
    add(type, subtype, closed);
}

SecretBytes EspSecureCertBuilder::finish(qsizetype partitionSize)
{
    const QByteArray digest = QCryptographicHash::hash(m_bytes.view(), QCryptographicHash::Sha256);
    static_assert(digestSize % EspSecureCert::Alignment == 0);
    add(EspSecureCert::Integrity, 0, digest);
    if (m_bytes.size() > std::min(partitionSize, EspSecureCert::MaximumBytes))
        wrong(u"its entries have %1 bytes, and the partition has %2"_s.arg(m_bytes.size()).arg(partitionSize));
    m_entries = 0;
    return std::move(m_bytes);
}

} // namespace slipway
