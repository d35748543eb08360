#pragma once
// What a chip is and what is burnt into it, asked before anything is written: chip, revision, address, secure boot,
// flash encryption, the purposes of its keys, the digests of the keys it boots; the size of its flash memory. Throws
// esp.*, link.*.

#include "drivers/esp/espclient.h"
#include "drivers/esp/espquirks.h"

#include <QByteArray>
#include <QList>
#include <QStringList>

namespace slipway {

struct EspChipState {
    const EspChip *chip = nullptr;
    bool secureDownload = false; // the ROM answers next to nothing; what follows is known in part
    int revision = -1;           // major * 100 + minor; -1: not told
    QByteArray mac;              // 6 bytes, or empty
    bool secureBoot = false;     // version 2
    bool secureBootV1 = false;
    bool flashEncryption = false;
    bool jtagOff = false;
    quint32 secureVersion = 0;     // anti-rollback: images below it do not start
    QStringList keyPurposes;       // of the key blocks that are used, "0: XTS_AES_128_KEY"
    QList<QByteArray> bootDigests; // of the keys it boots; empty: not readable
    quint32 flashId = 0;           // as the flash memory says: maker, type, size
    qint64 flashBytes = 0;

    // The ROM addresses flash memory with 24 bits.
    static constexpr qint64 RomReach = 16 * 1024 * 1024;
    qint64 reachable() const { return flashBytes < RomReach ? flashBytes : RomReach; }
    bool bootsOnlySigned() const { return secureBoot || secureBootV1; }
    QString revisionText() const; // "v0.3", or ""
};

namespace esp {

// Which chip answers. Throws esp.unknown-chip.
EspChipState identify(EspClient &client, const EspQuirks &quirks, const Task &task);
// eFuses and MAC. In secure download mode nothing but what identify() found out.
void readFuses(EspClient &client, EspChipState &state, const Task &task);
// Lets the chip see its flash memory, finds its size and tells it. known: bytes, where a board's data says so. Throws
// esp.no-flash, esp.flash-size.
void attachFlash(EspClient &client, EspChipState &state, qint64 known, const Task &task);
// JEDEC identification, by the chip's SPI controller.
quint32 flashIdentification(EspClient &client, const EspChip &chip, const Task &task);
// Bytes by the third byte of an identification; 0: none known.
qint64 flashBytesOf(quint32 identification);
void quietWatchdogs(EspClient &client, const EspChip &chip, const Task &task);

} // namespace esp

} // namespace slipway
