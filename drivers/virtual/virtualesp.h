#pragma once
// An ESP32 family chip in its ROM loader behind a pseudo-terminal, for training, recipe authors and tests: EspRom with
// a link, time and trouble on demand. One thread of its own; every public call is thread-safe. Throws Fault (virtual.*)
// from the constructor and start() only.

#include "drivers/virtual/esprom.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace slipway {

struct VirtualEspOptions {
    EspRomOptions rom;
    QString ptyLink; // the symlink to make; empty: only path()
    // Its BOOT pin is held low, as in a programming jig: a restart leads into the loader again. Else the application
    // runs, prints and answers nothing until restart().
    bool bootPinHeld = true;
};

// Stays until cleared.
struct VirtualEspFault {
    enum class Kind {
        Silence,     // no answer after `after` further requests
        Late,        // every `every`-th answer comes `delay` late
        Lost,        // every `every`-th answer is lost, `times` in all
        Corrupt,     // one byte of every `every`-th answer is wrong
        Noise,       // text between answers
        Disconnect,  // the port goes after `after` further requests; comes back after `delay` (0: never)
        WrongLength, // answers with data have 8 bytes more than they should
        SmallBlocks, // blocks of more than 1024 bytes are not understood
        BadBlock,    // a byte of every `every`-th block changes on its way in, unseen by the checksum; `times` in all
        BadChecksum, // the same, seen by the checksum
        BadFlash,    // the byte of flash memory at `after` keeps no ones
        NoRate,      // another rate is refused
        DeafRate,    // another rate is agreed to, and then nothing is understood at it
        Application, // the chip started its application: a boot log, no answers
    };
    Kind kind = Kind::Silence;
    qint64 after = 0;
    int every = 1;
    int times = 1;
    std::chrono::milliseconds delay{0};

    // "silence:after=20", "late:delay=800ms,every=3". Throws virtual.fault, virtual.fault-option.
    static VirtualEspFault parse(const QString &text);
    static QStringList names();
};

class VirtualEsp
{
public:
    explicit VirtualEsp(VirtualEspOptions options = {});
    VirtualEsp(const VirtualEsp &) = delete;
    VirtualEsp &operator=(const VirtualEsp &) = delete;
    ~VirtualEsp(); // stops

    void start(); // throws virtual.link
    void stop();
    QString path() const;

    void setFault(const VirtualEspFault &fault);
    void clearFaults();
    void restart();                    // its reset button, BOOT held
    void setConnected(bool connected); // pulls the plug, or puts it back (a new pty)

    struct Facts {
        EspRom::Counts counts;
        int restarts = 0;
        bool applicationRuns = false;
        int baud = 115200; // as agreed last
        qint64 bytesIn = 0, bytesOut = 0;
        qint64 dataBytesIn = 0; // of packets with blocks, as framed
        // First byte in of the first packet with a block, and the last byte out of the answer to the last one.
        std::optional<std::chrono::steady_clock::time_point> firstBlockAt, lastBlockAt;
        // The first few thousand packets with blocks: when the answer was out, and their bytes as framed.
        std::vector<std::pair<std::chrono::steady_clock::time_point, qint64>> blockEnds;
        QString trouble; // why the port is gone for good, normally empty
    };
    Facts facts() const;
    QByteArray flash(quint32 at, qsizetype size) const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
