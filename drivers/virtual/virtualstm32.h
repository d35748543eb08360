#pragma once
// An STM32 in its system boot loader (AN3155), for training, recipe authors and tests: Stm32Rom behind a pty or a
// descriptor, with a thread, time that erasing takes, restarts and trouble on demand. Every public call is thread-safe.
// Described in drivers/virtual/README.md. Throws Fault (virtual.*) from the constructor, start() and parse() only.

#include "drivers/virtual/stm32rom.h"

#include <QString>
#include <QStringList>

#include <memory>
#include <optional>

namespace slipway {

struct VirtualStm32Options {
    QString chip = QStringLiteral("f103");    // see virtualStm32Chips()
    int flashKib = 0;                         // 0: the chip's
    QByteArray uniqueId;                      // 12 bytes; empty: made from the seed
    QByteArray flash;                         // content to begin with; the rest is blank
    bool readoutProtected = false;            // level 1
    QString ptyLink;                          // a pty; path() is this symlink, or the pty itself when empty
    int fd = -1;                              // or this descriptor, which it closes in the end
    std::chrono::microseconds eraseTime{0};   // of a page or sector
    std::chrono::microseconds programTime{0}; // of a frame
    std::chrono::milliseconds restartTime{2}; // deaf
    // A program that was started ends when the port is closed, as if somebody reset the board with BOOT0 high.
    bool loaderAfterClose = true;
    quint64 seed = 1;
};

// Trouble on demand. A fault stays until cleared or used up; several can be set.
struct VirtualStm32Fault {
    enum class Kind {
        Silence,           // nothing more is understood after `after` further bytes from the host
        Disconnect,        // the link goes after `after` further bytes; comes back after `delay` (0: never)
        Corrupt,           // every `every`-th answer is damaged on the wire
        Refuse,            // every `every`-th command is refused
        WrongId,           // the product id told is `value`
        WrongSize,         // the flash size told is `value` KiB
        StuckByte,         // the flash's byte at `after` cannot be programmed
        DeafErase,         // erasing says ACK and does nothing
        StuckAfterRestart, // never answers again after the next restart
    };
    Kind kind = Kind::Silence;
    qint64 after = 0;
    int every = 1;
    std::chrono::milliseconds delay{0};
    int value = 0;

    // "disconnect:after=700,delay=1s", "wrong-id:value=0x413". Throws virtual.fault with the nearest name,
    // virtual.fault-option.
    static VirtualStm32Fault parse(const QString &text);
    static QStringList names();
};

class VirtualStm32
{
public:
    explicit VirtualStm32(VirtualStm32Options options = {});
    VirtualStm32(const VirtualStm32 &) = delete;
    VirtualStm32 &operator=(const VirtualStm32 &) = delete;
    ~VirtualStm32(); // stops

    void start(); // throws virtual.link
    void stop();  // the link goes, symlink removed; what the flash holds stays
    QString path() const;

    void setFault(const VirtualStm32Fault &fault);
    void clearFaults();
    void reset();                      // as the button, with BOOT0 high
    void setConnected(bool connected); // pulls the plug, or puts it back (a new pty); the chip keeps its state

    struct Facts {
        QByteArray flash;
        bool readoutProtected = false;
        int protectedSectors = 0;
        std::optional<quint32> startedAt; // the program that Go started
        Stm32Rom::Counters rom;
        qint64 bytesIn = 0, bytesOut = 0;
        QString trouble; // why the link is gone for good, normally empty
    };
    Facts facts() const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
