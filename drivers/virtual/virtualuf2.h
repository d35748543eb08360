#pragma once
// A device with a UF2 boot loader, for training, recipe authors and tests: Uf2Rom behind a real mounted file system
// (FUSE), which goes away as a drive does when its device restarts, and a kernel's view of it below a root folder. Any
// program can copy a file onto the drive. One thread of its own; every public call is thread-safe. Throws Fault
// (virtual.*) from the constructor and start() only.

#include "drivers/virtual/uf2rom.h"

#include <chrono>
#include <memory>

namespace slipway {

struct VirtualUf2Options {
    QString root; // folder that gets sys/, proc/ and media/; made where it is not there
    Uf2RomOptions rom;
    QString place = QStringLiteral("1-1"); // on the bus
    QString disk = QStringLiteral("sda");
    quint16 vendorId = 0x2e8a, loaderId = 0x0003, applicationId = 0x000a;
    QString serial = QStringLiteral("E0C9125B0D9B");
    bool mounted = true;                        // a desktop mounts it as soon as it comes
    std::chrono::milliseconds restartTime{150}; // how long it is away
    std::chrono::microseconds programTime{0};   // of 256 bytes
};

// Of the boards that `slipway virtual uf2` knows. Throws virtual.chip.
VirtualUf2Options virtualUf2Board(const QString &name);
QStringList virtualUf2Boards();

// Stays until cleared.
struct VirtualUf2Fault {
    enum class Kind {
        Cut, // the cable is pulled once, when `after` further blocks were taken; plugged in after `delay` (0: never)
        CutLast,   // the same, before the last block is taken
        LastError, // the last block is taken, and its writing not answered
        Error,     // when `after` further blocks were taken, writing fails once and the drive stays
        ReadOnly,  // mounted read-only
        Full,      // no room for more than `after` blocks
        Lose,      // every `every`-th block is lost
        Refuse,    // the firmware is no good: the boot loader comes back
        Silent,    // the application has no USB
        Deaf,      // takes every block and does not restart
        Stuck,     // the flash's byte at `after` keeps no ones
        SameIds,   // the application has the boot loader's ids
        BadInfo,   // INFO_UF2.TXT is damaged
    };
    Kind kind = Kind::Cut;
    qint64 after = 0;
    int every = 1;
    std::chrono::milliseconds delay{0};

    // "cut:after=20,delay=1s". Throws virtual.fault, virtual.fault-option.
    static VirtualUf2Fault parse(const QString &text);
    static QStringList names();
};

class VirtualUf2
{
public:
    // Whether this computer lets this user mount such a drive.
    static bool canMount();

    explicit VirtualUf2(VirtualUf2Options options);
    VirtualUf2(const VirtualUf2 &) = delete;
    VirtualUf2 &operator=(const VirtualUf2 &) = delete;
    ~VirtualUf2(); // stops

    void start(); // returns when the drive is there; throws virtual.link
    void stop();
    QString root() const;   // what a driver opens
    QString folder() const; // where the drive is mounted

    void setFault(const VirtualUf2Fault &fault);
    void clearFaults();
    void bootLoader(); // BOOTSEL held and plugged in anew; returns when the drive is there
    void unplug();     // returns when it is gone
    void mount();      // by hand, where nobody mounts by itself

    struct Facts {
        Uf2Rom::Counts counts;
        bool applicationRuns = false, present = false;
        int enumerations = 0;
        // The first block in, and the one that made the file complete.
        std::optional<std::chrono::steady_clock::time_point> firstBlockAt, lastBlockAt;
        QString trouble; // why there is no drive any more, normally empty
    };
    Facts facts() const;
    QByteArray flash(quint32 at, qsizetype size) const;
    void setFlash(quint32 at, const QByteArray &bytes);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
