#pragma once
// What chips, adapters and boards do their own way: quirks.json, described in drivers/esp/README.md. Addresses are of
// the chip's registers; times in milliseconds. Throws esp.quirks with what is wrong where, esp.board-unknown.

#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

// Bits of a register.
struct EspBits {
    quint32 address = 0;
    int shift = 0, count = 0;
    quint32 of(quint32 value) const { return (value >> shift) & (count >= 32 ? 0xffffffffu : (1u << count) - 1); }
};
using EspField = QList<EspBits>; // pieces of one number, the lowest first

struct EspChip {
    QString name;  // "esp32c3"
    QString title; // "ESP32-C3"
    quint16 imageId = 0;
    std::optional<quint32> magic; // at 0x40001000; chips without it tell their id with GET_SECURITY_INFO
    quint32 bootLoaderAt = 0;
    bool encryptionWord = false; // FLASH_BEGIN has a fifth word
    struct {
        quint32 base = 0, user = 0, user1 = 0, user2 = 0, misoBits = 0, word0 = 0; // the latter from base
    } spi;
    quint32 macLow = 0, macHigh = 0;
    EspField major, minor;
    bool majorCountsOnes = false;
    EspField secureBoot, secureBootV1, flashEncryption, secureVersion, jtagOff;
    int secureBootSince = 0; // the bit means something from that revision on
    QList<EspBits> keyPurposes;
    QList<quint32> keyBlocks;    // in the order of keyPurposes, 32 bytes each
    QList<quint32> digestBlocks; // hold digests of signing keys whatever the purpose
    struct Watchdogs {
        quint32 protect = 0, key = 0, config = 0, superProtect = 0, superKey = 0, superConfig = 0, superFeed = 0;
    };
    std::optional<Watchdogs> watchdogs; // that would bite when the loader is reached over the chip's own USB
};

struct EspResetStep {
    bool dtr = false, rts = false; // true: asserted
    int ms = 0;                    // until the next
};

struct EspAdapter {
    QString usb;         // "303a:1001"
    bool native = false; // the chip's own USB: the rate means nothing
    QStringList enter;   // names of sequences, the likeliest first
    QString run;
    QString why;
};

struct EspBoard {
    QString name, description, source, date;
    QString chip;
    qint64 flashBytes = 0; // 0: as the flash memory says
    std::optional<quint32> partitionTableAt;
    int baud = 0;
};

class EspQuirks
{
public:
    // The built-in file; boards of the one that SLIPWAY_ESP_QUIRKS names come before its own.
    static EspQuirks load();
    static EspQuirks parse(const QByteArray &json, const QString &file);

    const QList<EspChip> &chips() const { return m_chips; }
    const EspChip *byImageId(quint32 id) const; // or null
    const EspChip *byMagic(quint32 magic) const;
    const EspChip *byName(const QString &name) const;
    QStringList names() const;
    const EspBoard &find(const QString &name) const;
    const EspAdapter *adapter(const QString &vendor, const QString &product) const;
    const QList<EspResetStep> &sequence(const QString &name) const;
    int baud() const { return m_baud; }
    const QList<int> &blockBytes() const { return m_blockBytes; }
    quint32 partitionTableAt() const { return m_partitionTableAt; }

private:
    QList<EspChip> m_chips;
    QList<EspBoard> m_boards;
    QList<EspAdapter> m_adapters;
    QMap<QString, QList<EspResetStep>> m_sequences;
    int m_baud = 0;
    QList<int> m_blockBytes;
    quint32 m_partitionTableAt = 0;
};

} // namespace slipway
