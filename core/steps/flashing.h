#pragma once
// Firmware onto a device, the one way in which the step flash and `slipway firmware write` do it: files are read and
// judged before the device is touched, judged again against what the device says of itself, written, compared, started,
// and what runs is read back.
//
// A device with image slots (Firmware) takes one file. An MCUboot image is compared by the hash that the device's boot
// loader reports, and must be running at the end. Other files (update bundles) are the device's own to judge; where
// the order names a version, that version must run at the end.
// A device with memory at addresses (Memory) takes any number of files, each where it says itself or where the order
// puts it, and compares what it then holds.
// A SUIT envelope is opened with the signer's key and judged against the device; then the device takes it as it is, or
// what it names is written as above (core/steps/suitflashing.h).
// A file that says for which USB device it is (.dfu) goes to no other.
//
// Sizes are bytes. Throws firmware.*, flash.*, memory.*, device.lacks, and what the driver throws.

#include "core/device/device.h"
#include "core/firmware/firmwarefile.h"

#include <QMap>
#include <QUuid>

#include <functional>
#include <memory>

namespace slipway {

struct FlashFile {
    QString name; // for people and the record
    QByteArray bytes;
    std::optional<quint64> at{};     // for a file that does not say where it belongs
    std::optional<quint32> family{}; // which part of a UF2 file with several
    QByteArray sha256{};             // that the file must have; empty: any
};

// What the record says that a device has by SUIT; empty: nothing.
struct SuitKnown {
    std::optional<quint64> sequence{};
    QByteArray manifest{}; // digest of that manifest
};

struct SuitOrder {
    QList<FlashFile> payloads{};                  // that came beside the envelope; told by their digests
    std::optional<QUuid> vendor{}, deviceClass{}; // what the device is, where it does not say so itself
    // Component, as in "00" or "usr/bin/env", to where it belongs: "0x08000000", "image 1", "file:NAME",
    // "setting:NAME".
    QMap<QString, QString> places{};
    bool sameSequence = false; // install the sequence number that the device has once more
    std::function<SuitKnown(const DeviceFacts &)> known{};
};

struct FlashOrder {
    QList<FlashFile> files;
    QByteArray signer{};    // public key or certificate (PEM); empty: hashes are checked, not who made the image
    QString version{};      // that must run at the end, for files that do not tell; empty: any
    int image = 0;          // of a device with several
    bool permanent = false; // confirmed from the first start
    bool trial = false;     // not confirmed: the next restart brings the old image back
    bool allowOlder = false;
    bool reinstall = false; // write even what runs already
    bool eraseAll = false;  // memory: more than what is written
    bool verify = true;     // compare, and fail where the device gives no way to
    bool start = true;      // memory: leave the loader and run
    SuitOrder suit{};
};

// How far a write got. Bytes count along what is written, in the order of addresses.
struct FlashReach {
    WriteStage stage = WriteStage::Checking;
    qint64 done = 0, total = 0;
    std::optional<quint64> at{}; // memory: the first address that was not written yet
    bool changedDevice() const { return stage != WriteStage::Checking; }
    QString words() const; // "while it was written, at 120 KiB of 1.0 MiB (0x0801e000)"
};
// Told before the device is changed for the first time, at every stage, and about ten times while bytes are written. A
// write that went well was told Restarting last, or nothing where nothing had to be written.
using FlashSink = std::function<void(const FlashReach &)>;

class SuitFlashing;

class Flashing
{
public:
    struct Result {
        bool written = false;            // false: the device ran this image already
        QString version;                 // empty: nobody tells
        QByteArray hash;                 // image hash, slots only
        Firmware::ImageSlot before, now; // slots only
        bool confirmed = true;
        qint64 bytes = 0, resumedAt = 0;
        double seconds = 0;
        double lineLimit = 0; // bytes per second, 0: unknown
        QString compared;     // "hash read back", "MD5 by the device"; empty: not compared
        struct Piece {
            QString component, place;
            QByteArray sha256;
            qint64 bytes = 0;
        };
        QList<Piece> pieces;               // SUIT: what was written where
        std::optional<quint64> sequence{}; // SUIT
        // "1.4.2+7, 65 KiB at 64.1 kB/s, 96 % of the line"
        QString summary() const;
        double rate() const { return seconds > 0 ? double(bytes) / seconds : 0; }
    };

    // Reads and judges the files; no device is needed.
    explicit Flashing(FlashOrder order);
    const QList<FirmwareFile> &files() const { return m_files; }
    const FlashOrder &order() const { return m_order; }

    const SuitManifest *manifest() const; // null: no SUIT envelope
    QByteArray manifestDigest() const;

    // device: called anew after a restart, which may make it another object. Progress on task.progress.
    Result run(const std::function<Device &()> &device, const Task &task, const FlashSink &reached = {});

private:
    friend class SuitFlashing;
    const std::optional<McubootImage> &mcuboot() const { return m_files.front().mcuboot(); }
    bool goesToMemory(Device &device) const;
    Result toMemory(const std::function<Device &()> &device, const Task &task);
    Result toSlot(const std::function<Device &()> &device, const Task &task);
    static bool tellsNothing(Firmware &firmware, const Task &task);
    std::optional<Firmware::ImageSlot> running(Firmware &firmware, const Task &task) const;
    void checkAgainst(Device &device, Firmware &firmware, const Task &task) const;
    void activate(Firmware &firmware, const Task &task) const;
    void startImage(const std::function<Device &()> &device, Result &result, const Task &task) const;
    QString wantedVersion() const;
    void checkUsbIds(Device &device, const Task &task) const;
    void reach(WriteStage stage);
    void tell();
    StageSink beginWriting(const QList<MemorySegment> &segments, qint64 total);
    void watchBytes(const QList<MemorySegment> &segments, qint64 total);

    FlashOrder m_order;
    QList<FirmwareFile> m_files; // in the order of m_order.files
    std::shared_ptr<const SuitFlashing> m_suit;
    FlashSink m_reached;
    FlashReach m_reach, m_told;
    Progress *m_writeNode = nullptr;
    Progress *m_startNode = nullptr;
};

} // namespace slipway
