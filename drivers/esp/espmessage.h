#pragma once
// Packets of the ESP ROM loader (esptool documentation, "Serial Protocol"), without their SLIP framing: direction,
// command, size of the data, checksum (requests) or value (answers), data; little endian. An answer ends with four
// bytes of status, of which two mean something. Pure: parse() gives nothing for what is no answer and never throws.

#include <QByteArray>
#include <QByteArrayView>
#include <QString>

#include <optional>

namespace slipway {

namespace esp {

enum Command : quint8 {
    FlashBegin = 0x02,
    FlashData = 0x03,
    FlashEnd = 0x04,
    Sync = 0x08,
    WriteRegister = 0x09,
    ReadRegister = 0x0a,
    SpiSetParameters = 0x0b,
    SpiAttach = 0x0d,
    ReadFlashSlow = 0x0e,
    ChangeBaudRate = 0x0f,
    DeflateBegin = 0x10,
    DeflateData = 0x11,
    FlashMd5 = 0x13,
    SecurityInfo = 0x14,
};

// "FLASH_BEGIN", as the document calls it; for the log.
QString commandName(quint8 command);

// Error bytes of the ROM.
enum Error : quint8 {
    BadFormat = 0x05, // also: no such command
    Failed = 0x06,
    BadChecksum = 0x07,
    WriteFailed = 0x08,
    DeflateFailed = 0x0b,
    DeflateAdler = 0x0c,
    DeflateParameter = 0x0d,
};
// "the checksum is wrong", for the middle of a sentence.
QString errorText(quint8 error);

constexpr quint8 checksumSeed = 0xef;
constexpr qsizetype headerSize = 8;
constexpr qsizetype blockHeader = 16; // of FLASH_DATA and FLASH_DEFL_DATA
constexpr qsizetype longestRead = 64; // READ_FLASH_SLOW, one command

} // namespace esp

struct EspRequest {
    esp::Command command = esp::Sync;
    QByteArray data;
    quint32 checksum = 0;

    QByteArray packet() const;

    static EspRequest sync();
    // Numbers one after the other, 32 bits each.
    static EspRequest words(esp::Command command, std::initializer_list<quint32> values);
    // A block of FLASH_DATA or FLASH_DEFL_DATA.
    static EspRequest block(esp::Command command, QByteArrayView bytes, quint32 sequence);
    // What it is in a packet of its own; nothing where it is none. For tests and recordings.
    static std::optional<EspRequest> parse(QByteArrayView packet);
};

struct EspReply {
    quint8 command = 0;
    quint32 value = 0; // of READ_REG; else what was left there
    QByteArray data;   // without the status
    bool ok = false;
    quint8 error = 0;

    // Nothing where it is no answer: wrong direction, size field that does not hold, no room for a status.
    static std::optional<EspReply> parse(QByteArrayView packet);
};

// The answer to GET_SECURITY_INFO: 12 bytes on the ESP32-S2, 20 later.
struct EspSecurityInfo {
    static constexpr quint32 SecureBoot = 1 << 0, SecureDownload = 1 << 2, SoftJtagOff = 1 << 6, HardJtagOff = 1 << 7;
    quint32 flags = 0;
    quint8 cryptCount = 0;
    QByteArray keyPurposes; // 7
    std::optional<quint32> chipId;
    std::optional<quint32> ecoVersion;
    static std::optional<EspSecurityInfo> parse(QByteArrayView data);
};

} // namespace slipway
