#include "tests/support/fakedevice.h"

#include "core/base/progress.h"
#include "core/firmware/mcubootimage.h"
#include "core/identity/privatekey.h"

#include <QCryptographicHash>

#include <openssl/evp.h>
#include <openssl/x509.h>

using namespace Qt::StringLiterals;

namespace slipway::test {

namespace {

std::shared_ptr<evp_pkey_st> newKey()
{
    return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

QByteArray signedBy(evp_pkey_st *key, const QByteArray &message)
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    size_t length = 0;
    const auto *bytes = reinterpret_cast<const unsigned char *>(message.constData());
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key);
    EVP_DigestSign(context.get(), nullptr, &length, bytes, size_t(message.size()));
    QByteArray out(qsizetype(length), '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(out.data()), &length, bytes,
                   size_t(message.size()));
    out.resize(qsizetype(length));
    return out;
}

QByteArray requestOf(evp_pkey_st *key, const QString &serial)
{
    const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(X509_REQ_new(), X509_REQ_free);
    const QByteArray text = serial.toUtf8();
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "serialNumber", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char *>(text.constData()), int(text.size()), -1, 0);
    X509_REQ_set_pubkey(request.get(), key);
    X509_REQ_sign(request.get(), key, EVP_sha256());
    unsigned char *der = nullptr;
    const int length = i2d_X509_REQ(request.get(), &der);
    const QByteArray out(reinterpret_cast<const char *>(der), length);
    OPENSSL_free(der);
    return out;
}

QByteArray masked(QByteArray bytes)
{
    for (char &c : bytes)
        c = char(c ^ 0x5a);
    return bytes;
}

} // namespace

QByteArray FakeDevice::flashAsWritten() const
{
    return masked(m_flashMasked);
}

QByteArray mcubootHash(const QByteArray &image)
{
    return McubootImage::parse(image).hash();
}

struct FakeDevice::Parts {
    // Marks one call: counts it, throws what was ordered before it, and what was ordered after it at done().
    class Call
    {
    public:
        Call(FakeDevice &device, const char *name, const Task &task) : m_device(device), m_name(QLatin1String(name))
        {
            m_device.enter(m_name, task);
        }
        void done() { m_device.leave(m_name); }

    private:
        FakeDevice &m_device;
        QString m_name;
    };

    struct FakeFirmware : Firmware {
        FakeDevice &d;
        explicit FakeFirmware(FakeDevice &device) : d(device) {}
        QList<ImageSlot> imageSlots(const Task &task) override
        {
            Call call(d, "firmware.slots", task);
            return d.images;
        }
        std::optional<qint64> capacity(int, const Task &task) override
        {
            Call call(d, "firmware.capacity", task);
            return d.slotSize;
        }
        bool takesEnvelopes() const override { return d.takesEnvelopes; }
        WriteResult write(const QByteArray &image, const WriteOptions &options, const Task &task) override
        {
            Call call(d, "firmware.write", task);
            if (d.takesEnvelopes) {
                d.envelope = image;
                return {image.size(), 0, 1.0, 0};
            }
            if (task.progress && d.cutAt == WriteStage::Writing) {
                task.progress->setDone(image.size() / 2);
                throw Fault("link.gone", {u"/dev/fake"_s});
            }
            if (task.progress) {
                task.progress->setTotal(image.size());
                task.progress->setDone(image.size());
            }
            ImageSlot slot;
            slot.image = options.image;
            slot.slot = 1;
            slot.version = McubootImage::parse(image).version().toString();
            slot.hash = d.storesWrongHash ? QByteArray(32, 'x') : mcubootHash(image);
            slot.bootable = true;
            d.images.removeIf([&](const ImageSlot &old) { return old.image == options.image && old.slot == 1; });
            d.images << slot;
            call.done();
            return {image.size(), 0, 1.0, 67270};
        }
        void activate(const QByteArray &hash, bool permanent, const Task &task) override
        {
            Call call(d, "firmware.activate", task);
            for (ImageSlot &slot : d.images) {
                if (slot.hash == hash) {
                    slot.pending = true;
                    slot.permanent = permanent;
                }
            }
        }
        void confirm(const Task &task) override
        {
            Call call(d, "firmware.confirm", task);
            for (ImageSlot &slot : d.images) {
                if (slot.active && !d.neverConfirms)
                    slot.confirmed = true;
            }
        }
        void erase(int, int, const Task &task) override { Call call(d, "firmware.erase", task); }
    };

    struct FakeMemory : Memory {
        FakeDevice &d;
        explicit FakeMemory(FakeDevice &device) : d(device) {}
        QList<MemoryRegion> regions(const Task &task) override
        {
            Call call(d, "memory.regions", task);
            return {{u"flash"_s, d.flashAt, quint64(d.flash->size()), 256}};
        }
        void check(const QList<MemorySegment> &segments, const Task &task) override
        {
            Call call(d, "memory.check", task);
            checkAgainst({{u"flash"_s, d.flashAt, quint64(d.flash->size()), 256}}, segments);
        }
        WriteResult write(const QList<MemorySegment> &segments, const WriteOptions &options, const Task &task) override
        {
            Call call(d, "memory.write", task);
            const auto enter = [&](WriteStage stage) {
                if (options.stage)
                    options.stage(stage);
                if (d.cutAt == stage && stage != WriteStage::Writing)
                    throw Fault("link.gone", {u"/dev/fake"_s});
            };
            enter(WriteStage::Checking);
            enter(WriteStage::Erasing);
            qint64 bytes = 0;
            if (options.eraseAll)
                d.flash->fill('\xff');
            enter(WriteStage::Writing);
            for (const MemorySegment &segment : segments) {
                const bool half = d.cutAt == WriteStage::Writing;
                const QByteArray some = half ? segment.bytes.first(segment.bytes.size() / 2) : segment.bytes;
                d.flash->replace(qsizetype(segment.at - d.flashAt), some.size(), some);
                bytes += some.size();
                if (task.progress)
                    task.progress->setDone(bytes);
                if (half)
                    throw Fault("link.gone", {u"/dev/fake"_s});
            }
            d.m_flashMasked = masked(*d.flash);
            enter(WriteStage::Verifying);
            call.done();
            WriteResult result;
            result.bytes = result.wireBytes = bytes;
            result.seconds = 1.0;
            result.lineLimit = 100'000;
            result.verified = options.verify && d.canCompare;
            result.how = result.verified ? u"reading back"_s : QString();
            return result;
        }
        QByteArray read(quint64 at, qint64 size, const Task &task) override
        {
            Call call(d, "memory.read", task);
            return d.flash->mid(qsizetype(at - d.flashAt), size);
        }
        void erase(quint64 at, quint64 size, const Task &task) override
        {
            Call call(d, "memory.erase", task);
            d.flash->replace(qsizetype(at - d.flashAt), qsizetype(size), QByteArray(qsizetype(size), '\xff'));
        }
        void eraseAll(const Task &task) override
        {
            Call call(d, "memory.erase-all", task);
            d.flash->fill('\xff');
        }
        void start(std::optional<quint64>, const Task &task) override
        {
            Call call(d, "memory.start", task);
            d.started = true;
        }
    };

    struct FakeBlobs : Blobs {
        FakeDevice &d;
        explicit FakeBlobs(FakeDevice &device) : d(device) {}
        QMap<QString, QByteArray> &store(Kind kind) { return kind == Kind::File ? d.files : d.settings; }
        QByteArray read(Kind kind, const QString &name, const Task &task) override
        {
            Call call(d, "blobs.read", task);
            if (!store(kind).contains(name))
                throw Fault("device.refused", {u"read "_s + name, u"it does not exist"_s});
            return store(kind).value(name) + (d.losesSettings ? "?" : "");
        }
        void write(Kind kind, const QString &name, const QByteArray &content, const Task &task) override
        {
            Call call(d, "blobs.write", task);
            if (kind == Kind::Setting && d.locks.value(u"debug"_s))
                throw Fault("device.refused", {u"write "_s + name, u"access denied"_s});
            store(kind).insert(name, content);
            call.done();
        }
        void remove(Kind kind, const QString &name, const Task &task) override
        {
            Call call(d, "blobs.remove", task);
            store(kind).remove(name);
        }
        std::optional<QByteArray> sha256(const QString &file, const Task &task) override
        {
            Call call(d, "blobs.sha256", task);
            if (!d.tellsFileHashes)
                return {};
            return QCryptographicHash::hash(d.files.value(file) + (d.losesSettings ? "?" : ""),
                                            QCryptographicHash::Sha256);
        }
        void commitSettings(const Task &task) override { Call call(d, "blobs.commit", task); }
    };

    struct FakeShell : Shell {
        FakeDevice &d;
        explicit FakeShell(FakeDevice &device) : d(device) {}
        Result run(const QString &command, const Task &task) override
        {
            Call call(d, "shell.run", task);
            QList<Result> &list = d.answers[command];
            if (list.isEmpty())
                return {-8, u"command not found"_s};
            return list.size() > 1 ? list.takeFirst() : list.first();
        }
    };

    struct FakeKeys : Keys {
        FakeDevice &d;
        explicit FakeKeys(FakeDevice &device) : d(device) {}
        void generate(const Task &task) override
        {
            Call call(d, "keys.generate", task);
            if (d.locks.value(u"debug"_s) && !d.chain.isEmpty())
                throw Fault("device.locked");
            if (!d.keepsKey)
                d.makeKey();
            call.done();
        }
        QByteArray request(const QString &serial, const Task &task) override
        {
            Call call(d, "keys.request", task);
            if (!d.m_key)
                throw Fault("device.refused", {u"make a request"_s, u"it has no key"_s});
            return requestOf(d.m_key.get(), d.requestsFor.isEmpty() ? serial : d.requestsFor);
        }
        QByteArray sign(const QByteArray &challenge, const Task &task) override
        {
            Call call(d, "keys.sign", task);
            if (!d.m_key)
                throw Fault("device.refused", {u"sign"_s, u"it has no key"_s});
            return signedBy((d.signsWithOtherKey ? d.m_otherKey : d.m_key).get(), challenge);
        }
        void writeChain(const QList<QByteArray> &certificates, const Task &task) override
        {
            Call call(d, "keys.write", task);
            d.chain = d.losesChain ? certificates.mid(1) : certificates;
            call.done();
        }
        QList<QByteArray> readChain(const Task &task) override
        {
            Call call(d, "keys.read", task);
            return d.chain;
        }
        Element generateInElement(const Task &task) override
        {
            Call call(d, "keys.element", task);
            if (!d.element)
                return Keys::generateInElement(task);
            d.makeKey();
            call.done();
            return *d.element;
        }
        void derive(const QString &serial, const Task &task) override
        {
            Call call(d, "keys.derive", task);
            if (d.seed.isEmpty())
                return Keys::derive(serial, task);
            take(PrivateKey::derive(SecretBytes::copyOf(d.seed), serial).sec1());
            call.done();
        }
        void load(const SecretBytes &pkcs8, const Task &task) override
        {
            Call call(d, "keys.load", task);
            if (!d.takesKeys)
                return Keys::load(pkcs8, task);
            if (!d.losesKeys)
                take(pkcs8);
            call.done();
        }
        void take(const SecretBytes &der) const
        {
            const auto *at = der.bytes();
            d.m_key = {d2i_AutoPrivateKey(nullptr, &at, der.size()), EVP_PKEY_free};
        }
    };

    struct FakeReset : Reset {
        FakeDevice &d;
        explicit FakeReset(FakeDevice &device) : d(device) {}
        void reset(const Task &task) override
        {
            Call call(d, "reset", task);
            Firmware::ImageSlot *running = nullptr;
            Firmware::ImageSlot *next = nullptr;
            for (Firmware::ImageSlot &slot : d.images) {
                if (slot.active)
                    running = &slot;
                if (slot.pending && !d.refusesImage)
                    next = &slot;
            }
            if (next) {
                if (running) {
                    running->active = false;
                    running->slot = 1;
                }
                next->active = !d.startsNothing;
                next->confirmed = next->permanent && !d.neverConfirms;
                next->pending = false;
                next->slot = 0;
                d.said.firmwareVersion = next->version;
                d.said.firmwareHash = next->hash;
            }
            call.done();
        }
    };

    struct FakeClock : Clock {
        FakeDevice &d;
        QDateTime set;
        explicit FakeClock(FakeDevice &device) : d(device) {}
        void setTime(const QDateTime &utc, const Task &task) override
        {
            Call call(d, "clock.set", task);
            set = utc;
        }
        QDateTime time(const Task &task) override
        {
            Call call(d, "clock.read", task);
            return set.isValid() ? QDateTime::currentDateTimeUtc().addMSecs(d.clockOffsetMs) : QDateTime();
        }
    };

    struct FakeLock : Lock {
        FakeDevice &d;
        explicit FakeLock(FakeDevice &device) : d(device) {}
        QStringList locks(const Task &task) override
        {
            Call call(d, "lock.list", task);
            return d.locks.keys();
        }
        bool isLocked(const QString &name, const Task &task) override
        {
            Call call(d, "lock.read", task);
            return d.locks.value(name);
        }
        void lock(const QString &name, const Task &task) override
        {
            Call call(d, "lock.lock", task);
            if (!d.locksOnlyInWords)
                d.locks[name] = true;
            call.done();
        }
    };

    explicit Parts(FakeDevice &d) : firmware(d), memory(d), blobs(d), shell(d), keys(d), reset(d), clock(d), lock(d) {}
    FakeFirmware firmware;
    FakeMemory memory;
    FakeBlobs blobs;
    FakeShell shell;
    FakeKeys keys;
    FakeReset reset;
    FakeClock clock;
    FakeLock lock;
};

FakeDevice::FakeDevice() : m_otherKey(newKey()), m_parts(std::make_unique<Parts>(*this))
{
    said.driver = u"fake"_s;
    said.board = u"t1-rev-b"_s;
    said.hardwareId = u"02-00-5e-10-00-00-00-07"_s;
    said.firmwareVersion = u"1.0.0"_s;
    Firmware::ImageSlot running;
    running.version = u"1.0.0"_s;
    running.hash = QByteArray(32, '1');
    running.active = running.confirmed = running.bootable = true;
    images << running;
}

FakeDevice::~FakeDevice() = default;

void FakeDevice::failCall(const QString &name, int nth, const Fault &fault, When when)
{
    m_failures.append({name, nth, fault, when});
}

void FakeDevice::makeKey()
{
    m_key = newKey();
}

void FakeDevice::enter(const QString &name, const Task &task)
{
    task.check(name);
    ++m_calls[name];
    order << name;
    fail(name, When::Before);
}

void FakeDevice::leave(const QString &name)
{
    fail(name, When::After);
}

void FakeDevice::fail(const QString &name, When when) const
{
    for (const Failure &failure : m_failures) {
        if (failure.name == name && failure.when == when && (failure.nth == 0 || failure.nth == m_calls.value(name)))
            throw Fault(failure.fault);
    }
}

DeviceFacts FakeDevice::facts(const Task &task)
{
    enter(u"facts"_s, task);
    return said;
}

Firmware *FakeDevice::firmware()
{
    return lacks.contains(Capability::Firmware) ? nullptr : &m_parts->firmware;
}

Memory *FakeDevice::memory()
{
    return flash ? &m_parts->memory : nullptr;
}

Blobs *FakeDevice::blobs()
{
    return lacks.contains(Capability::Blobs) ? nullptr : &m_parts->blobs;
}

Shell *FakeDevice::shell()
{
    return lacks.contains(Capability::Shell) ? nullptr : &m_parts->shell;
}

Keys *FakeDevice::keys()
{
    return lacks.contains(Capability::Keys) ? nullptr : &m_parts->keys;
}

Reset *FakeDevice::resetter()
{
    return lacks.contains(Capability::Reset) ? nullptr : &m_parts->reset;
}

Clock *FakeDevice::clock()
{
    return lacks.contains(Capability::Clock) ? nullptr : &m_parts->clock;
}

Lock *FakeDevice::locker()
{
    return lacks.contains(Capability::Lock) ? nullptr : &m_parts->lock;
}

} // namespace slipway::test
