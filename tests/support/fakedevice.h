#pragma once
// A device in memory with every capability, for tests of steps: a real P-256 key, two image slots, settings, files, a
// shell with scripted answers. Any call can be made to fail at its n-th time, before or after it took effect, and the
// device can be told to misbehave in the ways that steps have to notice.

#include "core/base/fault.h"
#include "core/device/device.h"

#include <QMap>
#include <QSet>

#include <memory>

struct evp_pkey_st;

namespace slipway::test {

class FakeDevice : public Device
{
public:
    FakeDevice();
    ~FakeDevice() override;

    // What it says of itself, and what it holds.
    DeviceFacts said;
    QList<Firmware::ImageSlot> images; // of image 0: slot 0 runs
    std::optional<qint64> slotSize = 655360;
    QMap<QString, QByteArray> settings, files;
    QMap<QString, QList<Shell::Result>> answers; // by command; the last one is repeated
    QList<QByteArray> chain;
    qint64 clockOffsetMs = 0;
    QMap<QString, bool> locks{{QStringLiteral("debug"), false}};
    QSet<Capability> lacks;
    bool tellsFileHashes = true;
    // Memory at addresses, from flashAt on; nothing: it has none.
    std::optional<QByteArray> flash;
    quint64 flashAt = 0x08000000;
    // As it was after the last writing. The device is in the station's process here, which sweeps its memory for keys
    // that it handed out: so this copy is kept masked.
    QByteArray flashAsWritten() const;
    bool canCompare = true;
    bool started = false; // left the loader
    // The cable is pulled when a write enters that stage; in Writing, when half of the bytes are there.
    std::optional<WriteStage> cutAt;
    bool takesEnvelopes = false;
    QByteArray envelope; // that it took

    // Ways to a key besides making one.
    std::optional<Keys::Element> element; // nothing: it has none
    QByteArray seed;                      // empty: it derives nothing
    bool takesKeys = true;
    bool losesKeys = false; // says that it took a key and did not

    // Misbehaviour.
    bool storesWrongHash = false; // of a written image
    bool refusesImage = false;    // starts the old one again
    bool startsNothing = false;   // no image runs after a restart
    bool neverConfirms = false;
    bool losesSettings = false; // reads back something else
    bool losesChain = false;
    bool signsWithOtherKey = false;
    bool keepsKey = false; // "generates" the key that it has
    bool locksOnlyInWords = false;
    QString requestsFor; // serial number in the request, whatever was asked for

    // The n-th call (from 1) of that name throws. Names: "facts", "firmware.write", "blobs.read", "lock.lock", ...
    enum class When { Before, After };
    void failCall(const QString &name, int nth, const Fault &fault, When when = When::Before);
    void failAlways(const QString &name, const Fault &fault) { failCall(name, 0, fault); }
    void mend() { m_failures.clear(); }
    int calls(const QString &name) const { return m_calls.value(name); }
    QStringList order; // of all calls

    bool hasKey() const { return m_key != nullptr; }
    void makeKey();

    DeviceFacts facts(const Task &task) override;
    Firmware *firmware() override;
    Blobs *blobs() override;
    Shell *shell() override;
    Keys *keys() override;
    Reset *resetter() override;
    Clock *clock() override;
    Lock *locker() override;
    Memory *memory() override;

private:
    struct Failure {
        QString name;
        int nth;
        Fault fault;
        When when;
    };
    struct Parts;
    friend struct Parts;
    void enter(const QString &name, const Task &task);
    void leave(const QString &name);
    void fail(const QString &name, When when) const;

    QList<Failure> m_failures;
    QByteArray m_flashMasked;
    QMap<QString, int> m_calls;
    std::shared_ptr<evp_pkey_st> m_key;
    std::shared_ptr<evp_pkey_st> m_otherKey;
    std::unique_ptr<Parts> m_parts;
};

// SHA-256 TLV value of an MCUboot image: what a boot loader reports of it. Empty when it has none.
QByteArray mcubootHash(const QByteArray &image);

} // namespace slipway::test
