#include "core/firmware/firmwarefile.h"

#include "core/base/text.h"
#include "core/codec/dfufile.h"
#include "core/codec/elffile.h"
#include "core/codec/espimage.h"
#include "core/codec/espsecurecert.h"
#include "core/codec/intelhex.h"
#include "core/codec/nvspartition.h"
#include "core/codec/srecord.h"
#include "core/codec/uf2.h"

#include <QCryptographicHash>
#include <QJsonArray>

#include <algorithm>
#include <array>

namespace slipway {

namespace {

// Sorted by address, neighbours that touch joined; overlaps stay.
QList<MemorySegment> arranged(const QList<AddressedBytes> &pieces)
{
    QList<MemorySegment> sorted;
    sorted.reserve(pieces.size());
    for (const AddressedBytes &piece : pieces) {
        if (!piece.bytes.isEmpty())
            sorted.append({piece.at, piece.bytes});
    }
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) { return a.at < b.at; });
    QList<MemorySegment> out;
    for (const MemorySegment &piece : std::as_const(sorted)) {
        if (!out.isEmpty() && out.last().end() == piece.at)
            out.last().bytes += piece.bytes;
        else
            out.append(piece);
    }
    return out;
}

QJsonValue addressJson(quint64 at)
{
    // JSON numbers of Qt are signed.
    return at <= quint64(std::numeric_limits<qint64>::max()) ? QJsonValue(qint64(at)) : QJsonValue(addressText(at));
}

QJsonArray spansJson(const QList<FirmwareFile::Span> &spans)
{
    QJsonArray out;
    for (const FirmwareFile::Span &span : spans)
        out << QJsonObject{{QStringLiteral("at"), addressJson(span.at)}, {QStringLiteral("size"), qint64(span.size)}};
    return out;
}

// Files that people take for firmware, and that would be written as raw bytes if nobody looked.
void refuseForeign(const QByteArray &bytes)
{
    struct Foreign {
        QByteArrayView begin;
        const char *what, *remedy;
    };
    static constexpr char unpack[] = "Unpack it and choose the firmware file in it.";
    static const std::array<Foreign, 7> foreign{{
        {QByteArrayView("PK\x03\x04", 4), "a ZIP archive", unpack},
        {QByteArrayView("\x1f\x8b\x08", 3), "a gzip archive", unpack},
        {QByteArrayView("\xfd"
                        "7zXZ\0",
                        6),
         "an xz archive", unpack},
        {QByteArrayView("BZh", 3), "a bzip2 archive", unpack},
        {QByteArrayView("\x28\xb5\x2f\xfd", 4), "a zstd archive", unpack},
        {QByteArrayView("!<arch>\n", 8), "a library of object files", "Choose the linked executable of the build."},
        {QByteArrayView("%PDF-", 5), "a PDF document", "Choose the firmware file."},
    }};
    for (const Foreign &kind : foreign) {
        if (bytes.startsWith(kind.begin))
            throw Fault("firmware.foreign", {QString::fromLatin1(kind.what), QString::fromLatin1(kind.remedy)});
    }
    // A page that says "not found", a key, a log: text through and through.
    const bool isText = std::all_of(bytes.begin(), bytes.end(), [](char c) {
        return (quint8(c) >= 0x20 && quint8(c) != 0x7f) || c == '\n' || c == '\r' || c == '\t';
    });
    if (isText && bytes.contains('\n') && QString::fromUtf8(bytes).toUtf8() == bytes) {
        throw Fault("firmware.foreign", {QStringLiteral("a text that begins with \"%1\"")
                                             .arg(oneLine(QString::fromUtf8(bytes.left(200)).trimmed(), 40)),
                                         QStringLiteral("Fetch the firmware file again.")});
    }
}

} // namespace

void FirmwareFile::addFact(const QString &key, const QString &label, const QJsonValue &value, const QString &text)
{
    m_facts.append({key, label, value, text.isEmpty() ? value.toVariant().toString() : text});
}

FirmwareFile FirmwareFile::parse(const QByteArray &bytes)
{
    if (bytes.isEmpty())
        throw Fault("firmware.empty");
    if (bytes.size() > MaximumBytes)
        throw Fault("file.too-large", {QStringLiteral("The file"), QStringLiteral("a firmware file")});
    FirmwareFile file;
    file.m_bytes = bytes;
    QByteArray mcubootMagic(4, Qt::Uninitialized);
    for (int i = 0; i < 4; ++i)
        mcubootMagic[i] = char(McubootImage::Magic >> (8 * i) & 0xff);
    if (bytes.startsWith(mcubootMagic))
        file.readMcuboot();
    else if (SuitEnvelope::looksLike(bytes))
        file.readSuit();
    else if (ElfFile::looksLike(bytes))
        file.readElf();
    else if (Uf2File::recognises(bytes))
        file.readUf2();
    else if (IntelHexFile::looksLike(bytes))
        file.readIntelHex();
    else if (SRecordFile::looksLike(bytes))
        file.readSRecord();
    else if (DfuFile::recognises(bytes))
        file.readDfu();
    else if (EspImage::looksLike(bytes))
        file.readEsp();
    else if (EspSecureCert::looksLike(bytes))
        file.readEspSecureCert();
    else if (NvsKeys::looksLikePartition(bytes))
        file.readNvsKeys();
    else if (NvsPartition::looksLike(bytes))
        file.readNvs();
    else
        file.readRaw();

    const QList<Span> shared = file.overlaps();
    if (!shared.isEmpty()) {
        file.addDefect(Fault("firmware.overlap",
                             {addressText(shared.first().at), addressText(shared.first().at + shared.first().size)}));
    }
    return file;
}

void FirmwareFile::readIntelHex()
{
    m_format = Format::IntelHex;
    const IntelHexFile hexFile = IntelHexFile::parse(m_bytes);
    m_hasAddresses = true;
    m_parts = {{QString(), {}, arranged(hexFile.pieces)}};
    addFact(QStringLiteral("records"), QStringLiteral("records"), hexFile.records);
    if (hexFile.start)
        addFact(QStringLiteral("start"), QStringLiteral("starts at"), qint64(*hexFile.start),
                addressText(*hexFile.start));
}

void FirmwareFile::readSRecord()
{
    m_format = Format::SRecord;
    const SRecordFile srec = SRecordFile::parse(m_bytes);
    m_hasAddresses = true;
    m_parts = {{QString(), {}, arranged(srec.pieces)}};
    if (!srec.header.isEmpty())
        addFact(QStringLiteral("header"), QStringLiteral("header"), oneLine(QString::fromLatin1(srec.header), 252));
    addFact(QStringLiteral("records"), QStringLiteral("records"), srec.records);
    if (srec.start)
        addFact(QStringLiteral("start"), QStringLiteral("starts at"), qint64(*srec.start), addressText(*srec.start));
}

void FirmwareFile::readElf()
{
    m_format = Format::Elf;
    const ElfFile elf = ElfFile::parse(m_bytes);
    m_hasAddresses = true;
    m_parts = {{QString(), {}, arranged(elf.pieces)}};
    addFact(QStringLiteral("machine"), QStringLiteral("machine"), elf.machineName(),
            QStringLiteral("%1, %2 bits, %3 end first")
                .arg(elf.machineName())
                .arg(elf.bits)
                .arg(elf.bigEndian ? QStringLiteral("big") : QStringLiteral("little")));
    addFact(QStringLiteral("bits"), {}, elf.bits);
    addFact(QStringLiteral("big-endian"), {}, elf.bigEndian);
    addFact(QStringLiteral("start"), QStringLiteral("starts at"), addressJson(elf.entry), addressText(elf.entry));
    if (elf.virtualAddresses) {
        addFact(QStringLiteral("virtual-addresses"), QStringLiteral("addresses"), true,
                QStringLiteral("virtual ones: the linker set no physical ones"));
    }
}

void FirmwareFile::readUf2()
{
    m_format = Format::Uf2;
    const Uf2File uf2 = Uf2File::parse(m_bytes);
    m_hasAddresses = true;
    QStringList families;
    int blocks = 0;
    for (const Uf2File::Part &part : uf2.parts) {
        const QString name = part.family ? uf2FamilyName(*part.family) : QStringLiteral("any chip");
        families << name;
        blocks += part.blocks;
        m_parts.append({name, part.family, arranged(part.segments)});
    }
    addFact(QStringLiteral("families"), QStringLiteral("for"), QJsonArray::fromStringList(families),
            families.join(QStringLiteral(", ")));
    addFact(QStringLiteral("blocks"), QStringLiteral("blocks"), blocks);
}

namespace {

QString idText(quint16 id)
{
    return id == DfuFile::anyId ? QStringLiteral("any") : QStringLiteral("%1").arg(id, 4, 16, QLatin1Char('0'));
}

QString releaseText(quint16 bcd)
{
    return QStringLiteral("%1.%2").arg(bcd >> 8, 0, 16).arg(bcd & 0xff, 2, 16, QLatin1Char('0'));
}

} // namespace

QString FirmwareFile::UsbIds::text() const
{
    const QString ids = idText(vendor) + u':' + idText(product);
    return release == DfuFile::anyId ? ids : ids + QStringLiteral(", release ") + releaseText(release);
}

void FirmwareFile::readDfu()
{
    const DfuFile dfu = DfuFile::parse(m_bytes);
    m_usbIds = UsbIds{dfu.vendorId, dfu.productId, dfu.device};
    addFact(QStringLiteral("usb-id"), QStringLiteral("for USB device"),
            idText(dfu.vendorId) + u':' + idText(dfu.productId));
    if (dfu.device != DfuFile::anyId)
        addFact(QStringLiteral("usb-release"), QStringLiteral("release"), releaseText(dfu.device));
    if (!dfu.isDfuSe()) {
        m_format = Format::Dfu;
        m_content = dfu.image;
        return;
    }
    m_format = Format::DfuSe;
    m_hasAddresses = true;
    for (const DfuFile::Target &target : dfu.targets) {
        const QString setting = QStringLiteral("alternate setting %1").arg(target.alternate);
        m_parts.append({target.name.isEmpty() ? setting : oneLine(target.name, 255), {}, arranged(target.elements)});
    }
    addFact(QStringLiteral("targets"), QStringLiteral("targets"), dfu.targets.size());
}

void FirmwareFile::readEsp()
{
    m_format = Format::Esp;
    const EspImage esp = EspImage::parse(m_bytes);
    m_content = m_bytes;
    Part part;
    for (const EspSegment &segment : esp.segments)
        part.pieces.append({segment.address, m_bytes.mid(segment.offset, segment.size)});
    m_parts = {part};
    addFact(QStringLiteral("chip"), QStringLiteral("chip"),
            esp.chip().isEmpty() ? QStringLiteral("id %1").arg(esp.chipId) : esp.chip());
    if (esp.application) {
        addFact(QStringLiteral("version"), QStringLiteral("version"), oneLine(esp.application->version, 64));
        addFact(QStringLiteral("project"), QStringLiteral("project"), oneLine(esp.application->project, 64));
        addFact(QStringLiteral("built"), QStringLiteral("built"), oneLine(esp.application->built, 64));
        addFact(QStringLiteral("idf-version"), QStringLiteral("ESP-IDF"), oneLine(esp.application->idfVersion, 64));
        addFact(QStringLiteral("secure-version"), QStringLiteral("secure version"),
                qint64(esp.application->secureVersion));
    }
    addFact(QStringLiteral("start"), QStringLiteral("starts at"), qint64(esp.entry), addressText(esp.entry));
    if (const auto flash = esp.flashSize())
        addFact(QStringLiteral("flash-size"), QStringLiteral("built for flash of"), *flash, humanSize(*flash));
    addFact(QStringLiteral("flash-mode"), QStringLiteral("flash mode"), esp.flashModeName());
    if (!esp.sha256.isEmpty())
        addFact(QStringLiteral("hash"), QStringLiteral("hash"), hex(esp.sha256));
    addFact(QStringLiteral("secure-boot-v2"), QStringLiteral("signature sector"), esp.signedV2,
            esp.signedV2 ? QStringLiteral("for secure boot version 2") : QStringLiteral("none"));
    addFact(QStringLiteral("image-size"), QStringLiteral("image"), esp.size, humanSize(esp.size));
    try {
        esp.check();
    } catch (const Fault &fault) {
        addDefect(fault);
    }
}

void FirmwareFile::readMcuboot()
{
    m_format = Format::Mcuboot;
    m_mcuboot = McubootImage::parse(m_bytes);
    m_content = m_bytes;
    addFact(QStringLiteral("version"), QStringLiteral("version"), m_mcuboot->version().toString());
    try {
        m_mcuboot->checkHash();
    } catch (const Fault &fault) {
        if (!fault.is("firmware.no-hash"))
            addDefect(fault);
    }
}

// The manifest is not opened here: that wants the signer's key.
void FirmwareFile::readSuit()
{
    m_format = Format::Suit;
    m_suit = SuitEnvelope::parse(m_bytes);
    const QStringList signatures = m_suit->signatureNames();
    addFact(QStringLiteral("signatures"), QStringLiteral("signed with"), QJsonArray::fromStringList(signatures),
            signatures.isEmpty() ? QStringLiteral("nothing") : signatures.join(QStringLiteral(", ")));
    addFact(QStringLiteral("manifest-digest"), QStringLiteral("manifest digest"), hex(m_suit->digest().bytes),
            m_suit->digest().algorithmName() + u' ' + hex(m_suit->digest().bytes));
    addFact(QStringLiteral("manifest-size"), QStringLiteral("manifest"), m_suit->manifestSize(),
            QStringLiteral("%1 bytes, not looked at before a signature holds").arg(m_suit->manifestSize()));
    QJsonArray payloads;
    for (auto it = m_suit->integrated().constBegin(); it != m_suit->integrated().constEnd(); ++it) {
        payloads << QJsonObject{{QStringLiteral("name"), oneLine(it.key(), 200)}, {QStringLiteral("size"), it->size()}};
    }
    addFact(QStringLiteral("integrated"), QStringLiteral("payloads inside"), payloads,
            QString::number(payloads.size()));
}

// Factory data. Names, types and sizes; of values only what a certificate says to everybody.

void FirmwareFile::readEspSecureCert()
{
    m_format = Format::EspSecureCert;
    const EspSecureCert partition = EspSecureCert::parse(m_bytes);
    m_content = m_bytes;
    QJsonArray entries;
    for (const EspSecureCert::Entry &entry : partition.entries) {
        QJsonObject object{{QStringLiteral("type"), entry.type},       {QStringLiteral("name"), entry.typeName()},
                           {QStringLiteral("subtype"), entry.subtype}, {QStringLiteral("flags"), entry.flags},
                           {QStringLiteral("at"), entry.offset},       {QStringLiteral("size"), entry.size},
                           {QStringLiteral("holds"), entry.crcHolds}};
        QString text =
            QStringLiteral("%1%2, %3 bytes at %4")
                .arg(entry.typeName(), entry.subtype > 0 ? QStringLiteral(" %1").arg(entry.subtype) : QString())
                .arg(entry.size)
                .arg(entry.offset);
        if (!entry.flagNames().isEmpty())
            text += QStringLiteral(", ") + entry.flagNames();
        if (!entry.isPrivate()) {
            const QByteArrayView value = QByteArrayView(m_bytes).sliced(entry.offset, entry.size);
            const QString sha256 = hex(QCryptographicHash::hash(value, QCryptographicHash::Sha256));
            object[QStringLiteral("sha256")] = sha256;
        }
        entries << object;
        addFact(QStringLiteral("entries"), QStringLiteral("entry"), QJsonValue::Null, text);
    }
    addFact(QStringLiteral("entries"), {}, entries);
    addFact(QStringLiteral("digest-holds"), QStringLiteral("digest"),
            partition.integrityHolds ? QJsonValue(*partition.integrityHolds) : QJsonValue(QJsonValue::Null),
            !partition.integrityHolds   ? QStringLiteral("none over all entries")
            : *partition.integrityHolds ? QStringLiteral("over all entries, holds")
                                        : QStringLiteral("over all entries, DOES NOT HOLD"));
    for (const QString &defect : partition.defects())
        addDefect(Fault("codec.esp-secure-cert", {defect}));
}

void FirmwareFile::readNvsKeys()
{
    m_format = Format::NvsKeys;
    m_content = m_bytes;
    addFact(QStringLiteral("keys"), QStringLiteral("keys"), 2, QStringLiteral("2 of 256 bits, checksum holds"));
}

void FirmwareFile::readNvs()
{
    m_format = Format::Nvs;
    const NvsPartition partition = NvsPartition::parse(m_bytes);
    m_content = m_bytes;
    int inUse = 0, written = 0, erased = 0, blank = 0;
    for (const NvsPartition::Page &page : partition.pages) {
        inUse += page.state != NvsPartition::State::Blank;
        written += page.written;
        erased += page.erased;
        blank += page.blank;
    }
    addFact(QStringLiteral("pages"), QStringLiteral("pages"), partition.pages.size(),
            QStringLiteral("%1, %2 of them in use").arg(partition.pages.size()).arg(inUse));
    addFact(QStringLiteral("pages-in-use"), {}, inUse);
    addFact(QStringLiteral("encrypted"), QStringLiteral("encrypted"), partition.sealed,
            partition.sealed ? QStringLiteral("yes (or damaged throughout)") : QStringLiteral("no"));
    addFact(QStringLiteral("slots"), QStringLiteral("entries"),
            QJsonObject{{QStringLiteral("written"), written},
                        {QStringLiteral("erased"), erased},
                        {QStringLiteral("blank"), blank}},
            QStringLiteral("%1 written, %2 erased, %3 blank").arg(written).arg(erased).arg(blank));
    QJsonArray items;
    for (const NvsPartition::Item &item : partition.items) {
        items << QJsonObject{{QStringLiteral("namespace"), item.space},
                             {QStringLiteral("key"), item.key},
                             {QStringLiteral("type"), item.type},
                             {QStringLiteral("size"), item.size}};
        addFact(QStringLiteral("items"), QStringLiteral("item"), QJsonValue::Null,
                QStringLiteral("%1/%2, %3, %4 bytes")
                    .arg(oneLine(item.space, 20), oneLine(item.key, 20), item.type)
                    .arg(item.size));
    }
    addFact(QStringLiteral("items"), {}, items);
    for (const QString &defect : partition.defects)
        addDefect(Fault("codec.nvs", {defect}));
}

void FirmwareFile::readRaw()
{
    refuseForeign(m_bytes);
    m_format = Format::Raw;
    m_content = m_bytes;
}

QString FirmwareFile::format() const
{
    switch (m_format) {
    case Format::IntelHex:
        return QStringLiteral("intel-hex");
    case Format::SRecord:
        return QStringLiteral("s-record");
    case Format::Uf2:
        return QStringLiteral("uf2");
    case Format::Elf:
        return QStringLiteral("elf");
    case Format::DfuSe:
        return QStringLiteral("dfuse");
    case Format::Dfu:
        return QStringLiteral("dfu");
    case Format::Esp:
        return QStringLiteral("esp");
    case Format::Mcuboot:
        return QStringLiteral("mcuboot");
    case Format::Suit:
        return QStringLiteral("suit");
    case Format::EspSecureCert:
        return QStringLiteral("esp-secure-cert");
    case Format::Nvs:
        return QStringLiteral("nvs");
    case Format::NvsKeys:
        return QStringLiteral("nvs-keys");
    case Format::Raw:
        break;
    }
    return QStringLiteral("raw");
}

QString FirmwareFile::formatName() const
{
    switch (m_format) {
    case Format::IntelHex:
        return QStringLiteral("Intel HEX file");
    case Format::SRecord:
        return QStringLiteral("S-record file");
    case Format::Uf2:
        return QStringLiteral("UF2 file");
    case Format::Elf:
        return QStringLiteral("ELF executable");
    case Format::DfuSe:
        return QStringLiteral("DfuSe file");
    case Format::Dfu:
        return QStringLiteral("DFU file");
    case Format::Esp:
        return QStringLiteral("image for ESP32 chips");
    case Format::Mcuboot:
        return QStringLiteral("MCUboot image");
    case Format::Suit:
        return QStringLiteral("SUIT envelope");
    case Format::EspSecureCert:
        return QStringLiteral("esp_secure_cert partition");
    case Format::Nvs:
        return QStringLiteral("NVS partition");
    case Format::NvsKeys:
        return QStringLiteral("NVS key partition");
    case Format::Raw:
        break;
    }
    return QStringLiteral("raw binary");
}

QList<FirmwareFile::Span> FirmwareFile::gaps() const
{
    QList<Span> out;
    if (!m_hasAddresses)
        return out;
    for (const Part &part : m_parts) {
        quint64 end = 0;
        bool first = true;
        for (const MemorySegment &piece : part.pieces) {
            if (!first && piece.at > end)
                out.append({end, piece.at - end});
            end = first ? piece.end() : std::max(end, piece.end());
            first = false;
        }
    }
    return out;
}

QList<FirmwareFile::Span> FirmwareFile::overlaps() const
{
    QList<Span> out;
    if (!m_hasAddresses)
        return out;
    for (const Part &part : m_parts) {
        quint64 end = 0;
        for (const MemorySegment &piece : part.pieces) {
            if (piece.at < end)
                out.append({piece.at, std::min(end, piece.end()) - piece.at});
            end = std::max(end, piece.end());
        }
    }
    return out;
}

QList<MemorySegment> FirmwareFile::segments(std::optional<quint64> at, std::optional<quint32> family) const
{
    if (m_format == Format::Suit)
        throw Fault("firmware.not-by-address");
    check();
    if (!m_hasAddresses) {
        if (!at)
            throw Fault("firmware.no-address", {formatName()});
        return tidy({{*at, m_content}});
    }
    QList<MemorySegment> pieces;
    if (m_format == Format::Uf2 && m_parts.size() > 1) {
        QStringList names;
        const Part *chosen = nullptr;
        for (const Part &part : m_parts) {
            names << part.name;
            if (family && (part.family == family || (!part.family && !chosen)))
                chosen = &part;
        }
        if (!chosen)
            throw Fault("firmware.families", {names.join(QStringLiteral(", "))});
        pieces = chosen->pieces;
    } else {
        for (const Part &part : m_parts)
            pieces += part.pieces;
    }
    pieces = tidy(pieces);
    if (pieces.isEmpty())
        throw Fault("firmware.nothing", {formatName()});
    if (at && *at != pieces.first().at)
        throw Fault("firmware.address", {addressText(pieces.first().at), addressText(*at)});
    return pieces;
}

std::optional<quint32> FirmwareFile::familyAmong(const QList<quint32> &families) const
{
    if (m_format != Format::Uf2 || families.isEmpty())
        return {};
    for (const quint32 family : families) {
        for (const Part &part : m_parts) {
            if (part.family == family)
                return family;
        }
    }
    QStringList here, taken;
    for (const Part &part : m_parts) {
        if (!part.family) // a part that tells none fits any chip
            return families.first();
        here << part.name;
    }
    for (const quint32 family : families)
        taken << uf2FamilyName(family);
    throw Fault("firmware.other-family", {here.join(QStringLiteral(", ")), taken.join(QStringLiteral(" or "))});
}

QStringList FirmwareFile::defects() const
{
    QStringList out;
    for (const Fault &fault : m_defects)
        out << fault.sentence();
    return out;
}

void FirmwareFile::check() const
{
    if (!m_defects.empty())
        throw m_defects.front();
}

QJsonObject FirmwareFile::toJson() const
{
    QJsonObject json = m_mcuboot ? m_mcuboot->toJson() : QJsonObject();
    for (const Fact &fact : m_facts)
        json[fact.key] = fact.value;
    QJsonArray segments;
    for (const Part &part : m_parts) {
        for (const MemorySegment &piece : part.pieces) {
            QJsonObject object{{QStringLiteral("at"), addressJson(piece.at)},
                               {QStringLiteral("size"), piece.bytes.size()}};
            if (!part.name.isEmpty())
                object[QStringLiteral("part")] = part.name;
            segments << object;
        }
    }
    if (!m_content.isEmpty() && m_parts.isEmpty()) {
        segments << QJsonObject{{QStringLiteral("at"), QJsonValue::Null}, {QStringLiteral("size"), m_content.size()}};
    }
    json[QStringLiteral("format")] = format();
    json[QStringLiteral("size")] = m_bytes.size();
    json[QStringLiteral("sha256")] = hex(QCryptographicHash::hash(m_bytes, QCryptographicHash::Sha256));
    json[QStringLiteral("segments")] = segments;
    json[QStringLiteral("gaps")] = spansJson(gaps());
    json[QStringLiteral("overlaps")] = spansJson(overlaps());
    json[QStringLiteral("defects")] = QJsonArray::fromStringList(defects());
    return json;
}

} // namespace slipway
