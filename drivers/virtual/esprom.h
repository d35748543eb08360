#pragma once
// The ROM loader of an ESP32 family chip: packets in, packets out, no link and no time. Written from the serial
// protocol document and held against recorded exchanges; as strict as a chip, and stricter where a host could get away
// with something by luck: flash memory that was not erased, blocks out of order, lengths that do not fit. Pure.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <chrono>
#include <memory>

namespace slipway {

struct EspRomOptions {
    QString chip = QStringLiteral("esp32c3"); // of EspRom::chips()
    QByteArray mac = QByteArray::fromHex("c40a24fe1001");
    int revision = 3; // major * 100 + minor
    qint64 flashBytes = 4 * 1024 * 1024;
    quint32 flashId = 0; // 0: of that size
    QByteArray flash;    // its content, FF behind it
    bool secureBoot = false, flashEncryption = false, secureDownload = false;
    QList<QByteArray> bootDigests; // of signing keys, in the first key blocks
    int secureVersion = 0;
    int largestBlock = 6144; // of FLASH_DATA and FLASH_DEFL_DATA: the packet buffer takes MEM_DATA of that size
    int highestBaud = 5'000'000;
    QByteArray reserved = QByteArray(2, '\0'); // the last two bytes of every status: left over on real chips
    QMap<quint32, quint32> registers;          // others than those of the eFuses, as the boot code left them
    std::chrono::microseconds eraseTime{0};    // per 4 096-byte sector
    std::chrono::microseconds programTime{0};  // per 256-byte page
    std::chrono::microseconds digestTime{0};   // per 65 536 bytes
};

class EspRom
{
public:
    explicit EspRom(const EspRomOptions &options); // throws virtual.chip
    ~EspRom();
    EspRom(const EspRom &) = delete;
    EspRom &operator=(const EspRom &) = delete;
    static QStringList chips();

    struct Answer {
        QList<QByteArray> packets;         // without framing
        std::chrono::microseconds busy{0}; // before they are sent
        int baud = 0;                      // changes to it afterwards
        enum class Then { Stay, Restart, Run } then = Then::Stay;
    };
    Answer handle(QByteArrayView packet);
    void restart(); // RAM and mode; flash memory and eFuses stay

    const QByteArray &flash() const;
    QByteArray &flash();
    // A byte of flash memory that keeps no ones.
    void breakFlash(quint32 at);

    struct Counts {
        qint64 requests = 0, refused = 0, blocks = 0, sectorsErased = 0, bytesProgrammed = 0;
        int begins = 0;
    };
    const Counts &counts() const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
