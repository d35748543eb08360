#pragma once
// A debug probe with an STM32F103 on it, for training, recipe authors and tests: Stm32F1Chip behind OpenOCD's
// remote_bitbang protocol on a TCP port of this computer. Any OpenOCD can drive it; it speaks JTAG, as OpenOCD 0.12's
// side of that protocol does. One connection at a time; the chip keeps its state between them. Every public call is
// thread-safe. Described in drivers/virtual/README.md. Throws Fault (virtual.*) from the constructor, start() and
// parse() only.

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <chrono>
#include <memory>

namespace slipway {

class Stm32F1Chip;

struct VirtualProbeOptions {
    quint16 port = 0; // on 127.0.0.1; 0: any that is free
    int flashKib = 128;
    QByteArray uniqueId;                      // 12 bytes; empty: made from the seed
    QByteArray flash;                         // content to begin with; the rest is blank
    bool readoutProtected = false;            // level 1
    std::chrono::microseconds eraseTime{0};   // of a page, or of all
    std::chrono::microseconds programTime{0}; // of a halfword
    quint64 seed = 1;
};

// Trouble on demand. A fault stays until cleared or used up; several can be set.
struct VirtualProbeFault {
    enum class Kind {
        Silence,    // no answer any more after `after` further requests for TDO
        Disconnect, // the connection ends after `after` further characters
        Garbage,    // every `every`-th answer is none
        Unpowered,  // TDO stays at `value`
        WrongChip,  // the identification told is `value`
        Wait,       // every `every`-th access to memory is put off
        StuckByte,  // the flash's byte at `after` cannot be programmed
        DeafErase,  // erasing ends well and does nothing
        LockFails,  // readout protection is not taken
    };
    Kind kind = Kind::Silence;
    qint64 after = 0;
    int every = 1;
    quint32 value = 0;

    // "disconnect:after=7000", "wrong-chip:value=0x4ba00477". Throws virtual.fault with the nearest name,
    // virtual.fault-option.
    static VirtualProbeFault parse(const QString &text);
    static QStringList names();
};

class VirtualProbe
{
public:
    explicit VirtualProbe(VirtualProbeOptions options = {});
    VirtualProbe(const VirtualProbe &) = delete;
    VirtualProbe &operator=(const VirtualProbe &) = delete;
    ~VirtualProbe(); // stops

    void start(); // throws virtual.link
    void stop();  // the port goes; what the flash holds stays
    int port() const;
    QString path() const; // "bitbang:127.0.0.1:40123"

    void setFault(const VirtualProbeFault &fault);
    void clearFaults();
    void powerCycle();
    void unplug(); // the connection that there is ends

    struct Facts {
        QByteArray flash, options, uniqueId;
        bool readoutProtected = false;
        bool halted = false;
        quint32 pc = 0;
        int resets = 0, pagesErased = 0, massErases = 0;
        int refused = 0; // that the flash controller did not take
        qint64 halfwords = 0, accesses = 0, busFaults = 0, waits = 0;
        qint64 bytesIn = 0;
        int connections = 0;
    };
    Facts facts() const;
    static Facts factsOf(const Stm32F1Chip &chip); // those of the chip alone

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
