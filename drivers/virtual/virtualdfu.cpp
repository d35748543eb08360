#include "drivers/virtual/virtualdfu.h"

#include <QtEndian>

#include <algorithm>
#include <mutex>

namespace slipway {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

enum State : quint8 {
    AppIdle,
    AppDetach,
    Idle,
    DownloadSync,
    DownloadBusy,
    DownloadIdle,
    ManifestSync,
    Manifest,
    ManifestWaitReset,
    UploadIdle,
    Error
};
enum Status : quint8 {
    Ok = 0x00,
    ErrTarget = 0x01,
    ErrWrite = 0x03,
    ErrErase = 0x04,
    ErrProg = 0x06,
    ErrAddress = 0x08,
    ErrNotDone = 0x09,
    ErrVendor = 0x0b,
    ErrUnknown = 0x0e,
    ErrStalled = 0x0f
};
enum Request : quint8 { Detach, Download, Upload, GetStatus, ClearStatus, GetState, Abort };

constexpr char blank = '\xff';

// A run of equal sectors and what the last letter of the map allows: bit 0 read, 1 erase, 2 write.
struct Sectors {
    quint32 at = 0, size = 0;
    int count = 0, rights = 0;
    quint32 end() const { return at + size * quint32(count); }
    QByteArray bytes;
};

// The model's own reading of "@Name /0xADDRESS/N*SIZEuR,...": it only ever gets maps that are right.
QList<Sectors> sectorsOf(const QString &map)
{
    QList<Sectors> out;
    const QStringList parts = map.split(u'/');
    for (qsizetype i = 1; i + 1 < parts.size(); i += 2) {
        quint32 at = parts[i].trimmed().toUInt(nullptr, 16);
        for (const QString &run : parts[i + 1].split(u',')) {
            Sectors sectors;
            sectors.at = at;
            sectors.count = run.section(u'*', 0, 0).toInt();
            QString size = run.section(u'*', 1).trimmed();
            sectors.rights = size.back().unicode() & 7;
            size.chop(1);
            quint32 unit = 1;
            if (size.endsWith(u'K') || size.endsWith(u'M'))
                unit = size.endsWith(u'K') ? 1024 : 1024 * 1024;
            if (!size.back().isDigit())
                size.chop(1);
            sectors.size = size.trimmed().toUInt() * unit;
            sectors.bytes.fill(blank, qsizetype(sectors.size) * sectors.count);
            at = sectors.end();
            out << sectors;
        }
    }
    return out;
}

QByteArray little16(quint16 value)
{
    QByteArray out(2, '\0');
    qToLittleEndian(value, out.data());
    return out;
}

} // namespace

struct VirtualDfu::Private {
    using Setup = VirtualUsb::Setup;
    using Reply = VirtualUsb::Reply;
    using Answer = VirtualUsb::Answer;
    using Wish = VirtualUsb::Wish;

    explicit Private(VirtualDfuOptions o) : options(std::move(o))
    {
        dfuse = options.dfuVersion == 0x011a;
        for (qsizetype i = 0; dfuse && i < options.alternates.size(); ++i)
            maps << sectorsOf(options.alternates[i]);
        facts.runtime = options.startInRuntime;
        state = facts.runtime ? AppIdle : Idle;
    }

    mutable std::mutex mutex;
    VirtualDfuOptions options;
    bool dfuse = false;
    QList<QList<Sectors>> maps; // by alternate setting
    QMap<int, QByteArray> images;
    Facts facts;

    State state = Idle;
    Status status = Ok;
    int alternate = 0;
    Wish wish = Wish::Stay;
    bool leavesNow = false; // asked for it; the wish is heard after this transfer
    Clock::time_point busyUntil, detachUntil;
    quint32 pointer = 0x08000000;
    QByteArray block; // of the last DFU_DNLOAD
    quint16 blockNumber = 0;
    QByteArray incoming; // plain: the image so far
    qsizetype uploaded = 0;
    bool manifested = false;

    struct Trouble {
        Stage stage;
        int nth;
        std::optional<quint8> status; // nothing: the cable
    };
    QList<Trouble> troubles;
    int answersLeft = -1;
    std::optional<quint32> wrongAt, toldPoll;
    bool neverBack = false, neverDfu = false, alwaysBusy = false, cutsUploads = false;
    std::optional<QByteArray> wrongFunctional;

    Reply stall(Status why = ErrStalled)
    {
        ++facts.refused;
        if (!facts.runtime) {
            state = Error;
            status = why;
        }
        return {Answer::Stall, {}};
    }
    void fail(Status why)
    {
        state = Error;
        status = why;
    }
    // Whether something happens at this stage now.
    std::optional<Trouble> strikes(Stage stage)
    {
        for (qsizetype i = 0; i < troubles.size(); ++i) {
            if (troubles[i].stage == stage && --troubles[i].nth == 0)
                return troubles.takeAt(i);
        }
        return std::nullopt;
    }
    // False: the cable is out.
    bool pass(Stage stage)
    {
        const auto trouble = strikes(stage);
        if (!trouble)
            return true;
        if (trouble->status) {
            fail(Status(*trouble->status));
            return true;
        }
        wish = Wish::Leave;
        return false;
    }

    Sectors *at(quint32 address, int *whose = nullptr)
    {
        for (qsizetype i = 0; i < maps.size(); ++i) {
            for (Sectors &sectors : maps[i]) {
                if (address >= sectors.at && address < sectors.end()) {
                    if (whose)
                        *whose = int(i);
                    return &sectors;
                }
            }
        }
        return nullptr;
    }
    // Reads or writes across runs; false where something does not exist or is not allowed.
    bool access(quint32 address, QByteArray &bytes, bool write)
    {
        for (qsizetype i = 0; i < bytes.size(); ++i) {
            int whose = -1;
            Sectors *sectors = at(address + quint32(i), &whose);
            if (!sectors || whose != alternate || !(sectors->rights & (write ? 4 : 1)))
                return false;
        }
        for (qsizetype i = 0; i < bytes.size(); ++i) {
            Sectors *sectors = at(address + quint32(i));
            char &cell = sectors->bytes[qsizetype(address + quint32(i) - sectors->at)];
            if (!write) {
                bytes[i] = cell;
                continue;
            }
            if ((sectors->rights & 2) && cell != blank) {
                fail(ErrProg); // flash that was not erased
                return true;
            }
            cell = bytes[i];
            if (wrongAt == address + quint32(i))
                cell = char(cell ^ 1);
        }
        return true;
    }
    void eraseAll()
    {
        for (auto &map : maps)
            for (Sectors &sectors : map)
                if (sectors.rights & 2)
                    sectors.bytes.fill(blank);
    }

    Reply request(const Setup &setup, QByteArrayView out);
    Reply runtimeRequest(const Setup &setup);
    Reply download(const Setup &setup, QByteArrayView out);
    Reply upload(const Setup &setup);
    Reply getStatus();
    // Carries out what was downloaded; how long the host has to wait.
    std::chrono::milliseconds work();
    std::chrono::milliseconds workDfuse();
    QByteArray functionalDescriptor() const;
    QByteArray descriptor(quint8 type, quint8 index) const;
    QStringList texts() const { return {options.maker, options.product, options.serial}; }
};

std::chrono::milliseconds VirtualDfu::Private::workDfuse()
{
    if (blockNumber >= 2) {
        const quint32 address = pointer + quint32(blockNumber - 2) * options.transferSize;
        QByteArray bytes = block;
        if (options.readProtected)
            fail(ErrVendor);
        else if (address % quint32(options.writeAlign) || bytes.size() % options.writeAlign ||
                 !access(address, bytes, true))
            fail(ErrAddress);
        ++facts.written;
        return options.writeTime;
    }
    const auto command = static_cast<quint8>(block[0]);
    const quint32 address = block.size() == 5 ? qFromLittleEndian<quint32>(block.constData() + 1) : 0;
    if (command == 0x21 && block.size() == 5) {
        ++facts.addressed;
        if (at(address))
            pointer = address;
        else
            fail(ErrTarget);
        return options.addressTime;
    }
    if (command == 0x41 && block.size() == 5) {
        Sectors *sectors = at(address);
        if (options.readProtected)
            fail(ErrVendor);
        else if (!sectors || !(sectors->rights & 2))
            fail(ErrTarget);
        else
            std::fill_n(sectors->bytes.begin() + qsizetype((address - sectors->at) / sectors->size * sectors->size),
                        sectors->size, blank);
        ++facts.erased;
        return options.eraseTime;
    }
    if (command == 0x41 && block.size() == 1) {
        if (options.readProtected)
            fail(ErrVendor);
        else
            eraseAll();
        ++facts.massErased;
        return options.massEraseTime;
    }
    if (command == 0x92 && block.size() == 1) {
        eraseAll();
        options.readProtected = false;
        ++facts.unprotected;
        leavesNow = true;
        return options.massEraseTime;
    }
    fail(ErrVendor);
    return 0ms;
}

std::chrono::milliseconds VirtualDfu::Private::work()
{
    if (dfuse)
        return workDfuse();
    if (incoming.size() + block.size() > options.imageSize)
        fail(ErrAddress);
    else
        incoming += block;
    ++facts.written;
    return options.writeTime;
}

VirtualDfu::Reply VirtualDfu::Private::download(const Setup &setup, QByteArrayView out)
{
    if (!options.canDownload || (state != Idle && state != DownloadIdle) || setup.length > options.transferSize)
        return stall();
    if (setup.length == 0) {
        facts.log += 'm';
        if (!pass(dfuse ? Stage::Leave : Stage::Manifest))
            return {Answer::Gone, {}};
        if (state == Error)
            return {};
        if (!dfuse && (state != DownloadIdle || incoming.isEmpty()))
            return stall(ErrNotDone);
        manifested = false;
        state = ManifestSync;
        return {};
    }
    block = out.toByteArray();
    blockNumber = setup.value;
    if (!dfuse && state == Idle)
        incoming.clear();
    const bool command = dfuse && setup.value == 0;
    if (dfuse && setup.value == 1)
        return stall(ErrVendor);
    const auto first = static_cast<quint8>(block[0]);
    facts.log += !command ? 'w' : first == 0x21 ? 'a' : first == 0x41 ? 'e' : first == 0x92 ? 'p' : '?';
    if ((!command && !pass(Stage::Write)) || (command && first == 0x41 && !pass(Stage::Erase)))
        return {Answer::Gone, {}};
    if (state != Error)
        state = DownloadSync;
    return {};
}

VirtualDfu::Reply VirtualDfu::Private::upload(const Setup &setup)
{
    if (!options.canUpload || (state != Idle && state != UploadIdle) || setup.length == 0 ||
        setup.length > options.transferSize)
        return stall();
    facts.log += 'u';
    if (!pass(Stage::Upload))
        return {Answer::Gone, {}};
    if (state == Error)
        return stall(status);
    QByteArray bytes;
    if (!dfuse) {
        if (state == Idle)
            uploaded = 0;
        bytes = images.value(alternate).mid(uploaded, setup.length);
        uploaded += bytes.size();
    } else if (setup.value == 0) {
        bytes = QByteArray("\x00\x21\x41\x92", 4).first(std::min<qsizetype>(4, setup.length));
    } else if (setup.value == 1) {
        return stall(ErrStalled);
    } else {
        if (options.readProtected)
            return stall(ErrVendor);
        bytes.fill('\0', setup.length);
        if (!access(pointer + quint32(setup.value - 2) * options.transferSize, bytes, false))
            return stall(ErrAddress);
    }
    if (cutsUploads && !bytes.isEmpty())
        bytes.chop(1);
    state = bytes.size() < setup.length ? Idle : UploadIdle;
    return {Answer::Done, bytes};
}

VirtualDfu::Reply VirtualDfu::Private::getStatus()
{
    const auto now = Clock::now();
    facts.log += 'g';
    std::chrono::milliseconds poll{0};
    State told = state;
    switch (state) {
    case DownloadSync:
        poll = work();
        told = state == Error && !dfuse ? Error : DownloadBusy; // DfuSe tells what came of it the second time
        if (told == DownloadBusy && !dfuse && poll == 0ms && !alwaysBusy) {
            state = told = DownloadIdle;
            break;
        }
        if (told == DownloadBusy) {
            busyUntil = now + poll;
            if (state != Error)
                state = DownloadBusy;
        }
        break;
    case DownloadBusy:
        if (now < busyUntil) {
            ++facts.earlyPolls;
            return stall();
        }
        if (alwaysBusy) {
            busyUntil = now + poll;
            break;
        }
        state = told = DownloadIdle;
        break;
    case Error:
        if (now < busyUntil) {
            ++facts.earlyPolls;
            return stall();
        }
        break;
    case ManifestSync:
        if (manifested) {
            state = told = Idle;
            break;
        }
        poll = options.manifestTime;
        busyUntil = now + poll;
        state = told = Manifest;
        ++facts.manifests;
        if (dfuse) {
            ++facts.left;
            facts.leftTo = pointer;
            leavesNow = true;
        } else {
            images[alternate] = incoming;
            incoming.clear();
        }
        break;
    case Manifest:
        if (now < busyUntil || !options.manifestationTolerant) {
            ++facts.earlyPolls;
            return stall();
        }
        manifested = true;
        state = told = Idle;
        break;
    case ManifestWaitReset:
        return stall();
    default:
        break;
    }
    if (toldPoll)
        poll = std::chrono::milliseconds(*toldPoll);
    facts.demanded += poll;
    const auto ms = quint32(poll.count());
    QByteArray bytes(6, '\0');
    // A DfuSe device that failed says so at the second asking.
    bytes[0] = char(told == DownloadBusy ? Ok : status);
    bytes[1] = char(ms);
    bytes[2] = char(ms >> 8);
    bytes[3] = char(ms >> 16);
    bytes[4] = char(told);
    return {Answer::Done, bytes};
}

VirtualDfu::Reply VirtualDfu::Private::runtimeRequest(const Setup &setup)
{
    if (state == AppDetach && Clock::now() > detachUntil)
        state = AppIdle;
    switch (setup.request) {
    case Detach:
        facts.log += 'd';
        if (state != AppIdle)
            return stall();
        if (!pass(Stage::Detach))
            return {Answer::Gone, {}};
        state = AppDetach;
        detachUntil = Clock::now() + std::chrono::milliseconds(std::min(setup.value, options.detachTimeout));
        leavesNow = options.willDetach;
        return {};
    case GetStatus:
        return {Answer::Done, QByteArray(4, '\0') + char(state) + '\0'};
    case GetState:
        return {Answer::Done, QByteArray(1, char(state))};
    default:
        return stall();
    }
}

VirtualDfu::Reply VirtualDfu::Private::request(const Setup &setup, QByteArrayView out)
{
    ++facts.requests;
    if (answersLeft == 0)
        return {Answer::Silence, {}};
    if (answersLeft > 0)
        --answersLeft;
    if (facts.runtime)
        return runtimeRequest(setup);
    if (state == Manifest && !options.manifestationTolerant && Clock::now() >= busyUntil)
        state = ManifestWaitReset;
    const bool mayAsk =
        (state != DownloadBusy || setup.request == GetStatus) && (state != Manifest || setup.request == GetStatus);
    if (state == ManifestWaitReset) { // only a USB reset gets it out of there
        ++facts.refused;
        return {Answer::Stall, {}};
    }
    if (!mayAsk)
        return stall();
    switch (setup.request) {
    case Download:
        return download(setup, out);
    case Upload:
        return upload(setup);
    case GetStatus:
        return setup.length < 6 ? stall() : getStatus();
    case GetState:
        return {Answer::Done, QByteArray(1, char(state))};
    case ClearStatus:
        if (state != Error)
            return stall();
        state = Idle;
        status = Ok;
        return {};
    case Abort:
        if (state != Idle && state != DownloadIdle && state != UploadIdle)
            return stall();
        state = Idle;
        return {};
    default:
        return stall();
    }
}

QByteArray VirtualDfu::Private::functionalDescriptor() const
{
    if (wrongFunctional)
        return *wrongFunctional;
    const int attributes =
        options.canDownload | options.canUpload << 1 | options.manifestationTolerant << 2 | options.willDetach << 3;
    return QByteArray("\x09\x21", 2) + char(attributes) + little16(options.detachTimeout) +
           little16(options.transferSize) + little16(options.dfuVersion);
}

QByteArray VirtualDfu::Private::descriptor(quint8 type, quint8 index) const
{
    if (type == 3 && index == 0)
        return VirtualDfu::languages();
    if (type != 3)
        return {};
    const QStringList all = texts() + options.alternates;
    if (index > all.size())
        return {};
    return VirtualDfu::stringDescriptor(all[index - 1]);
}

VirtualDfu::VirtualDfu(VirtualDfuOptions options) : d(std::make_unique<Private>(std::move(options))) {}

VirtualDfu::~VirtualDfu() = default;

QByteArray VirtualDfu::deviceDescriptor() const
{
    const std::lock_guard lock(d->mutex);
    const VirtualDfuOptions &o = d->options;
    return QByteArray("\x12\x01\x00\x02\x00\x00\x00\x40", 8) +
           little16(d->facts.runtime ? o.runtimeVendorId : o.vendorId) +
           little16(d->facts.runtime ? o.runtimeProductId : o.productId) + little16(o.release) +
           QByteArray("\x01\x02\x03\x01", 4);
}

QByteArray VirtualDfu::configuration() const
{
    const std::lock_guard lock(d->mutex);
    const bool runtime = d->facts.runtime;
    QByteArray body;
    const qsizetype settings = runtime ? 1 : d->options.alternates.size();
    for (qsizetype i = 0; i < settings; ++i) {
        body += QByteArray("\x09\x04\x00", 3) + char(i) + QByteArray("\x00\xfe\x01", 3) + (runtime ? '\x01' : '\x02') +
                char(runtime ? 0 : 4 + i);
    }
    body += d->functionalDescriptor();
    return QByteArray("\x09\x02", 2) + little16(quint16(9 + body.size())) + QByteArray("\x01\x01\x00\xc0\x32", 5) +
           body;
}

VirtualDfu::Reply VirtualDfu::control(const Setup &setup, QByteArrayView out)
{
    const std::lock_guard lock(d->mutex);
    if (d->wish == Wish::Leave)
        return {Answer::Gone, {}};
    if ((setup.type & 0x60) == 0) {
        if (setup.request != 6)
            return {Answer::Stall, {}};
        const QByteArray bytes = d->descriptor(quint8(setup.value >> 8), quint8(setup.value));
        return bytes.isEmpty() ? Reply{Answer::Stall, {}}
                               : Reply{Answer::Done, bytes.first(std::min<qsizetype>(bytes.size(), setup.length))};
    }
    if ((setup.type & 0x7f) != 0x21 || setup.index != 0)
        return {Answer::Stall, {}};
    const Reply reply = d->request(setup, out);
    if (d->leavesNow) {
        d->leavesNow = false;
        d->wish = d->neverBack ? Wish::Leave : Wish::Reenumerate;
    }
    return reply;
}

void VirtualDfu::setAlternate(int alternate)
{
    const std::lock_guard lock(d->mutex);
    d->alternate = alternate;
    if (!d->facts.runtime && d->state != Error)
        d->state = Idle;
}

void VirtualDfu::busReset()
{
    const std::lock_guard lock(d->mutex);
    const bool detaching = d->facts.runtime && d->state == AppDetach && Clock::now() <= d->detachUntil;
    if (detaching || (!d->facts.runtime && d->options.runtimeVendorId))
        d->wish = d->neverBack ? Wish::Leave : Wish::Reenumerate;
    else if (!d->facts.runtime)
        d->state = Idle;
}

VirtualDfu::Wish VirtualDfu::wish() const
{
    const std::lock_guard lock(d->mutex);
    return d->wish;
}

std::chrono::milliseconds VirtualDfu::plugTime() const
{
    return d->options.plugTime;
}

void VirtualDfu::enumerated()
{
    const std::lock_guard lock(d->mutex);
    if (d->wish == Wish::Reenumerate) {
        const bool toDfu = d->facts.runtime && d->state == AppDetach && !d->neverDfu;
        d->facts.runtime = d->options.runtimeVendorId && !toDfu;
    }
    d->wish = Wish::Stay;
    d->state = d->facts.runtime ? AppIdle : Idle;
    d->status = Ok;
    d->alternate = 0;
    d->busyUntil = {};
    d->incoming.clear();
    ++d->facts.enumerations;
}

void VirtualDfu::powerCycle()
{
    const std::lock_guard lock(d->mutex);
    d->wish = Wish::Stay;
    d->neverBack = false;
    d->answersLeft = -1;
    d->state = d->facts.runtime ? AppIdle : Idle;
    d->status = Ok;
    d->incoming.clear();
}

void VirtualDfu::cutAt(Stage stage, int nth)
{
    const std::lock_guard lock(d->mutex);
    d->troubles.append({stage, nth, std::nullopt});
}

void VirtualDfu::failAt(Stage stage, quint8 status, int nth)
{
    const std::lock_guard lock(d->mutex);
    d->troubles.append({stage, nth, status});
}

void VirtualDfu::silentFrom(int requests)
{
    const std::lock_guard lock(d->mutex);
    d->answersLeft = requests;
}

void VirtualDfu::flipBit(quint32 at)
{
    const std::lock_guard lock(d->mutex);
    d->wrongAt = at;
}

void VirtualDfu::staysGone(bool gone)
{
    const std::lock_guard lock(d->mutex);
    d->neverBack = gone;
}

void VirtualDfu::staysRuntime(bool stays)
{
    const std::lock_guard lock(d->mutex);
    d->neverDfu = stays;
}

void VirtualDfu::setState(quint8 state, quint8 status)
{
    const std::lock_guard lock(d->mutex);
    d->state = State(state);
    d->status = Status(status);
}

void VirtualDfu::pollTimeout(std::optional<quint32> ms)
{
    const std::lock_guard lock(d->mutex);
    d->toldPoll = ms;
}

void VirtualDfu::functional(const QByteArray &descriptor)
{
    const std::lock_guard lock(d->mutex);
    d->wrongFunctional = descriptor;
}

void VirtualDfu::busyForever(bool busy)
{
    const std::lock_guard lock(d->mutex);
    d->alwaysBusy = busy;
}

void VirtualDfu::shortUploads(bool on)
{
    const std::lock_guard lock(d->mutex);
    d->cutsUploads = on;
}

VirtualDfu::Facts VirtualDfu::facts() const
{
    const std::lock_guard lock(d->mutex);
    Facts facts = d->facts;
    facts.state = d->state;
    return facts;
}

QByteArray VirtualDfu::memory(quint32 at, qsizetype size) const
{
    const std::lock_guard lock(d->mutex);
    QByteArray out;
    for (qsizetype i = 0; i < size; ++i) {
        const Sectors *sectors = d->at(at + quint32(i));
        if (!sectors)
            return {};
        out += sectors->bytes[qsizetype(at + quint32(i) - sectors->at)];
    }
    return out;
}

void VirtualDfu::setMemory(quint32 at, const QByteArray &bytes)
{
    const std::lock_guard lock(d->mutex);
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        if (Sectors *sectors = d->at(at + quint32(i)))
            sectors->bytes[qsizetype(at + quint32(i) - sectors->at)] = bytes[i];
    }
}

QByteArray VirtualDfu::image(int alternate) const
{
    const std::lock_guard lock(d->mutex);
    return d->images.value(alternate);
}

void VirtualDfu::setImage(int alternate, const QByteArray &bytes)
{
    const std::lock_guard lock(d->mutex);
    d->images[alternate] = bytes;
}

} // namespace slipway
