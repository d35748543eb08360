#pragma once
// A firmware file of any kind this station knows, told by its content and never by its name: what it is, which bytes go
// to which addresses, where gaps and overlaps are, and whether its own checksums hold. parse() throws where a file
// cannot be read at all; what is readable but does not hold (a wrong hash, an overlap) is kept as a defect, so that it
// can be shown, and check() throws it.
//
//   format        addresses                                        at of segments()
//   intel-hex     of its records                                   \ may be given, but must be the file's first
//   s-record      of its records                                   | address, else firmware.address: a file that says
//   elf           physical ones of its program headers             | where it belongs is never moved
//   uf2           of its blocks; one part for each chip family     |
//   dfuse         of its elements; one part for each target        /
//   dfu           none: the image without its suffix               \ must be given, else firmware.no-address
//   mcuboot       none (load address only for the boot loader)     |
//   esp           none: segments tell where the loader puts them   |
//   esp-secure-cert, nvs, nvs-keys: none; factory data of the      |
//                 ESP32 family                                     |
//   raw           none                                             /
//   suit          components, not addresses: firmware.not-by-address
//
// Sizes are bytes. Throws firmware.empty, firmware.foreign, file.too-large, codec.*, and what McubootImage throws.

#include "core/base/fault.h"
#include "core/device/memorymap.h"
#include "core/firmware/mcubootimage.h"
#include "core/firmware/suitmanifest.h"

#include <QByteArray>
#include <QJsonObject>
#include <QList>
#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace slipway {

class FirmwareFile
{
public:
    static constexpr qint64 MaximumBytes = 64 * 1024 * 1024;
    enum class Format { IntelHex, SRecord, Uf2, Elf, DfuSe, Dfu, Esp, Mcuboot, Suit, EspSecureCert, Nvs, NvsKeys, Raw };

    // Pieces that belong together: all there is, or those for one family of chips or one memory.
    struct Part {
        QString name;                  // "RP2040", "Internal Flash"; empty: it has none
        std::optional<quint32> family; // UF2
        QList<MemorySegment> pieces;   // by address, neighbours that touch joined; they may overlap
    };
    struct Span {
        quint64 at = 0, size = 0;
        bool operator==(const Span &) const = default;
    };

    // For which USB device a .dfu file says it is; 0xffff: any. release: of the firmware in it, BCD (UM0391
    // section 2.1).
    struct UsbIds {
        quint16 vendor = 0xffff, product = 0xffff, release = 0xffff;
        QString text() const; // "0483:df11", "0483:any, release 1.10"
    };

    static FirmwareFile parse(const QByteArray &bytes);

    Format kind() const { return m_format; }
    // "intel-hex", "s-record", "uf2", "elf", "dfuse", "dfu", "esp", "mcuboot", "suit", "esp-secure-cert", "nvs",
    // "nvs-keys", "raw"
    QString format() const;
    QString formatName() const; // "Intel HEX file", for sentences
    const QByteArray &bytes() const { return m_bytes; }
    const std::optional<McubootImage> &mcuboot() const { return m_mcuboot; }
    const std::optional<SuitEnvelope> &suit() const { return m_suit; } // nothing in it is authentic yet
    const std::optional<UsbIds> &usbIds() const { return m_usbIds; }

    // Whether it says itself where it belongs.
    bool hasAddresses() const { return m_hasAddresses; }
    const QList<Part> &parts() const { return m_parts; }
    // Between the pieces of a part, by address.
    QList<Span> gaps() const;
    QList<Span> overlaps() const;
    // What is to be written where, in order, without overlaps. at: see above. family: which part of a UF2 file that has
    // several (firmware.families without). Throws firmware.no-address, firmware.address, firmware.families,
    // firmware.not-by-address, firmware.nothing, memory.overlap, and what check() throws.
    QList<MemorySegment> segments(std::optional<quint64> at = {}, std::optional<quint32> family = {}) const;
    // Which of these families, the best first, its UF2 blocks are for; nothing where the file tells none, or none are
    // given. Throws firmware.other-family where it is for others only.
    std::optional<quint32> familyAmong(const QList<quint32> &families) const;

    // One sentence each; empty: everything in the file that can be checked without a key holds.
    QStringList defects() const;
    void check() const; // throws the first of them

    // What it says of itself: a name for people, a key and a value for JSON.
    struct Fact {
        QString key, label;
        QJsonValue value;
        QString text;
    };
    const QList<Fact> &facts() const { return m_facts; }
    // {"format","size","sha256","segments":[{"at","size","part"}],"gaps":[{"at","size"}],"overlaps":[...],
    //  "defects":[...], facts...}; for an MCUboot image all of its toJson() too. at is null where the file does not
    //  say;
    // in an ESP image it is where the loader puts the segment.
    QJsonObject toJson() const;

private:
    void addFact(const QString &key, const QString &label, const QJsonValue &value, const QString &text = {});
    void addDefect(const Fault &fault) { m_defects.push_back(fault); }
    void readIntelHex();
    void readSRecord();
    void readElf();
    void readUf2();
    void readDfu();
    void readEsp();
    void readMcuboot();
    void readSuit();
    void readEspSecureCert();
    void readNvs();
    void readNvsKeys();
    void readRaw();

    Format m_format = Format::Raw;
    QByteArray m_bytes;
    QByteArray m_content; // what is written at an address given from outside
    QList<Part> m_parts;
    bool m_hasAddresses = false;
    QList<Fact> m_facts;
    std::vector<Fault> m_defects;
    std::optional<McubootImage> m_mcuboot;
    std::optional<SuitEnvelope> m_suit;
    std::optional<UsbIds> m_usbIds;
};

} // namespace slipway
