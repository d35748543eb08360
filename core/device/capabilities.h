#pragma once
// What a device can do, one small interface each. A driver's Device hands out those it has. Steps ask for these and
// know no protocol. All calls block, honour task.deadline and task.stop, and throw Fault.

#include "core/base/secret.h"
#include "core/base/task.h"
#include "core/device/memorymap.h"

#include <QByteArray>
#include <QDateTime>
#include <QList>
#include <QString>

#include <functional>
#include <optional>

namespace slipway {

enum class Capability {
    Firmware,
    Blobs,
    Shell,
    Keys,
    Eraser,
    Reset,
    Clock,
    Lock,
    Memory,
    // How a key comes to be, besides Keys::generate().
    KeyElement,    // in a secure element
    KeyDerivation, // from a seed
    KeyInjection,  // made elsewhere
};
QString toString(Capability capability); // "firmware", "blobs", ...

// How far a write got, in order. Checking changes nothing; what comes after it has, or may have, changed the device.
enum class WriteStage { Checking, Erasing, Writing, Verifying, Restarting };
QString toString(WriteStage stage); // "check", "erase", "write", "verify", "restart"
// Told by a driver when it enters a stage, from the thread that called it. A driver that erases or compares by itself
// begins with Checking; one that never tells is taken to be writing.
using StageSink = std::function<void(WriteStage stage)>;

// Firmware in slots: list, write, verify, activate.
class Firmware
{
public:
    struct ImageSlot {
        int image = 0; // image number (core)
        int slot = 0;  // 0 primary, 1 secondary
        QString version;
        QByteArray hash; // the image hash the boot loader knows (MCUboot: SHA-256 over header, image, protected TLVs)
        bool bootable = false, pending = false, confirmed = false, active = false, permanent = false;
    };
    struct WriteOptions {
        int image = 0;
        bool upgradeOnly = false; // the device itself refuses an older version
        bool resume = true;       // continue an interrupted upload of the same image
        StageSink stage{};
    };
    struct WriteResult {
        qint64 bytes = 0;     // sent over the line by this call (less than the image's size after a resume)
        qint64 resumedAt = 0; // 0: from the start
        double seconds = 0;
        double lineLimit = 0; // payload bytes per second that the line can carry, 0: unknown
    };
    virtual ~Firmware() = default;
    virtual QList<ImageSlot> imageSlots(const Task &task) = 0;
    // Bytes that fit in the slot a write goes to; nothing when the device does not tell.
    virtual std::optional<qint64> capacity(int image, const Task &task) = 0;
    // Whether write() takes a SUIT envelope (CBOR tag 107), which the device then judges and carries out by itself at
    // its next restart: there is nothing to activate. What the envelope fetches can be laid beside it as the files
    // "suit/NAME", NAME being the last part of the URI.
    virtual bool takesEnvelopes() const { return false; }
    // Progress: bytes of the image on task.progress.
    virtual WriteResult write(const QByteArray &image, const WriteOptions &options, const Task &task) = 0;
    // Boot this image next, with an empty hash the one that was written last; permanent: without the need to confirm.
    virtual void activate(const QByteArray &hash, bool permanent, const Task &task) = 0;
    // Make the running image permanent.
    virtual void confirm(const Task &task) = 0;
    virtual void erase(int image, int slot, const Task &task) = 0;
};

// Named things with content.
class Blobs
{
public:
    enum class Kind { File, Setting };
    virtual ~Blobs() = default;
    virtual QByteArray read(Kind kind, const QString &name, const Task &task) = 0;
    virtual void write(Kind kind, const QString &name, const QByteArray &content, const Task &task) = 0;
    virtual void remove(Kind kind, const QString &name, const Task &task) = 0;
    // SHA-256 computed by the device; nothing when it cannot.
    virtual std::optional<QByteArray> sha256(const QString &file, const Task &task) = 0;
    // Settings take effect and survive a restart. A device without such a call does nothing.
    virtual void commitSettings(const Task &task) = 0;
};

class Shell
{
public:
    struct Result {
        int status = 0; // 0: success
        QString output;
    };
    virtual ~Shell() = default;
    virtual Result run(const QString &command, const Task &task) = 0;
};

// A private key that never leaves the device, and the certificate that goes with it.
class Keys
{
public:
    virtual ~Keys() = default;
    // Makes a new key pair (P-256) on the device. Throws device.locked when the device refuses a second identity.
    virtual void generate(const Task &task) = 0;
    // PKCS#10 request, DER, signed by the device's key, subject serialNumber as given.
    virtual QByteArray request(const QString &serial, const Task &task) = 0;
    // ECDSA-SHA256 signature (DER) over the bytes of the challenge.
    virtual QByteArray sign(const QByteArray &challenge, const Task &task) = 0;
    // End-entity first, DER each.
    virtual void writeChain(const QList<QByteArray> &chain, const Task &task) = 0;
    virtual QList<QByteArray> readChain(const Task &task) = 0; // empty: no identity yet

    // Other ways to a key, for devices whose driver has the capability; the others throw device.lacks.

    // A discrete secure element or TPM makes the key and keeps it; request() and sign() use that key from then on.
    struct Element {
        QString name;           // "ATECC608B", "TPM 2.0"
        QString handle;         // of the key, as the element names it: "slot 0", "0x81000001"
        QByteArray attestation; // what the element says of the key, empty: nothing
    };
    virtual Element generateInElement(const Task &task);
    // The device derives its key from its seed and this serial number (core/identity/privatekey.h says how).
    virtual void derive(const QString &serial, const Task &task);
    // The device takes a key that was made elsewhere: PrivateKeyInfo (PKCS#8), DER. Replaces the one it has. Throws
    // device.open-network where the way there is neither private nor encrypted.
    virtual void load(const SecretBytes &pkcs8, const Task &task);
};

class Eraser
{
public:
    virtual ~Eraser() = default;
    virtual QStringList areas(const Task &task) = 0;
    virtual void erase(const QString &area, const Task &task) = 0;
    virtual bool isBlank(const QString &area, const Task &task) = 0;
};

class Reset
{
public:
    virtual ~Reset() = default;
    // Restarts the device and returns when it answers again, re-opening the port when it re-enumerated.
    virtual void reset(const Task &task) = 0;
};

class Clock
{
public:
    virtual ~Clock() = default;
    virtual void setTime(const QDateTime &utc, const Task &task) = 0;
    virtual QDateTime time(const Task &task) = 0; // UTC
};

// Memory at addresses, as ROM loaders, DfuSe and debug probes see it: no slots, no swap, what is written is what runs.
class Memory
{
public:
    struct WriteOptions {
        bool verify = true; // compare afterwards, by the device's own digest where it has one, else by reading back
        bool eraseAll = false;
        StageSink stage{};
        std::optional<quint32> family{}; // of families(), that the segments are for; nothing: the first
        bool secret = false; // a key is in it: sent as it is, not packed, so that no form of it stays behind unseen
    };
    struct WriteResult {
        qint64 bytes = 0;      // of the segments
        qint64 wireBytes = 0;  // that crossed the line for them, encoded (compressed, framed), both directions
        double seconds = 0;    // of erasing, writing and verifying
        double lineLimit = 0;  // payload bytes per second that the line can carry, 0: unknown
        bool verified = false; // false where the device allows no way to compare
        QString how;           // "MD5 by the device", "read back"; empty when not verified
    };
    virtual ~Memory() = default;
    virtual QList<MemoryRegion> regions(const Task &task) = 0;
    // UF2 families of chips whose firmware it takes, the best first; empty: it does not go by families.
    virtual QList<quint32> families(const Task &) { return {}; }
    // What speaks against writing these, before anything is changed: outside the memory, overlapping, for another
    // chip, would lock the device out. write() calls it itself. Throws memory.* and the driver's own faults.
    virtual void check(const QList<MemorySegment> &segments, const Task &task) = 0;
    // Erases as much as is needed (or all), writes, compares. Progress: bytes of the segments on task.progress. Throws
    // memory.outside, memory.overlap, memory.read-only, memory.protected, memory.verify.
    virtual WriteResult write(const QList<MemorySegment> &segments, const WriteOptions &options, const Task &task) = 0;
    // Progress: bytes on task.progress.
    virtual QByteArray read(quint64 at, qint64 size, const Task &task) = 0;
    // Erases at least that range, widened to whole erase units.
    virtual void erase(quint64 at, quint64 size, const Task &task) = 0;
    virtual void eraseAll(const Task &task) = 0;
    // Leaves the loader and runs what the memory holds, from that address where the loader takes one. The device
    // may not answer this protocol afterwards.
    virtual void start(std::optional<quint64> at, const Task &task) = 0;
};

// Irreversible locks, by name: "debug" and what the board's data knows.
class Lock
{
public:
    virtual ~Lock() = default;
    virtual QStringList locks(const Task &task) = 0;
    virtual bool isLocked(const QString &name, const Task &task) = 0;
    virtual void lock(const QString &name, const Task &task) = 0;
};

} // namespace slipway
