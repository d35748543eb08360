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
//
// Sizes are bytes. Throws firmware.*, flash.*, memory.*, device.lacks, and what the driver throws.

#include "core/device/device.h"
#include "core/firmware/firmwarefile.h"

#include <functional>

namespace slipway {

struct FlashFile {
    QString name; // for people and the record
    QByteArray bytes;
    std::optional<quint64> at{};     // for a file that does not say where it belongs
    std::optional<quint32> family{}; // which part of a UF2 file with several
    QByteArray sha256{};             // that the file must have; empty: any
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
    bool verify = true;     // memory: compare, and fail where the device gives no way to
    bool start = true;      // memory: leave the loader and run
};

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
        // "1.4.2+7, 65 KiB at 64.1 kB/s, 96 % of the line"
        QString summary() const;
        double rate() const { return seconds > 0 ? double(bytes) / seconds : 0; }
    };

    // Reads and judges the files; no device is needed.
    explicit Flashing(FlashOrder order);
    const QList<FirmwareFile> &files() const { return m_files; }
    const FlashOrder &order() const { return m_order; }

    // device: called anew after a restart, which may make it another object. Progress on task.progress.
    Result run(const std::function<Device &()> &device, const Task &task);

private:
    const std::optional<McubootImage> &mcuboot() const { return m_files.front().mcuboot(); }
    bool goesToMemory(Device &device) const;
    Result toMemory(const std::function<Device &()> &device, const Task &task);
    Result toSlot(const std::function<Device &()> &device, const Task &task);
    std::optional<Firmware::ImageSlot> running(Firmware &firmware, const Task &task) const;
    void checkAgainst(Device &device, Firmware &firmware, const Task &task) const;
    void activate(Firmware &firmware, const Task &task) const;
    void startImage(const std::function<Device &()> &device, Result &result, const Task &task) const;
    QString wantedVersion() const;

    FlashOrder m_order;
    QList<FirmwareFile> m_files; // in the order of m_order.files
    Progress *m_writeNode = nullptr;
    Progress *m_startNode = nullptr;
};

} // namespace slipway
