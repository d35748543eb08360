#include "drivers/virtual/virtualuf2.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/faultwords.h"
#include "drivers/virtual/kerneltree.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QHash>

#define FUSE_USE_VERSION 31
#include <fuse3/fuse.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

using Kind = VirtualUf2Fault::Kind;

constexpr FaultName<Kind> kinds[] = {
    {"cut", Kind::Cut},          {"cut-last", Kind::CutLast},   {"last-error", Kind::LastError},
    {"error", Kind::Error},      {"read-only", Kind::ReadOnly}, {"full", Kind::Full},
    {"lose", Kind::Lose},        {"refuse", Kind::Refuse},      {"silent", Kind::Silent},
    {"deaf", Kind::Deaf},        {"stuck", Kind::Stuck},        {"same-ids", Kind::SameIds},
    {"bad-info", Kind::BadInfo},
};

constexpr auto plugTime = 50ms;

} // namespace

QStringList VirtualUf2Fault::names()
{
    return faultNames(kinds);
}

VirtualUf2Fault VirtualUf2Fault::parse(const QString &text)
{
    return parseFault<VirtualUf2Fault>(text, kinds);
}

QStringList virtualUf2Boards()
{
    return {u"rp2040"_s, u"rp2350"_s, u"nrf52840"_s, u"samd21"_s};
}

VirtualUf2Options virtualUf2Board(const QString &name)
{
    VirtualUf2Options out;
    if (name == u"rp2350") {
        out.loaderId = 0x000f;
        out.applicationId = 0x0009;
        out.rom.loader = u"UF2 Bootloader v1.0"_s;
        out.rom.model = u"Raspberry Pi RP2350"_s;
        out.rom.boardId = out.rom.label = u"RP2350"_s;
        out.rom.families = {0xe48bff59, 0xe48bff5a, 0xe48bff57};
        out.rom.flashBytes = 4 * 1024 * 1024;
    } else if (name == u"nrf52840") {
        out.vendorId = 0x239a;
        out.loaderId = 0x0029;
        out.applicationId = 0x8029;
        out.serial = u"A5D1F00D12345678"_s;
        out.rom.loader = u"UF2 Bootloader 0.6.0"_s;
        out.rom.model = u"nice!nano"_s;
        out.rom.boardId = u"nRF52840-nicenano"_s;
        out.rom.label = u"NICENANO"_s;
        out.rom.families = {0xada52840};
        out.rom.flashAt = 0x26000;
        out.rom.flashBytes = 0xad000 - 0x26000;
        out.rom.current = true;
    } else if (name == u"samd21") {
        out.vendorId = 0x239a;
        out.loaderId = 0x000b;
        out.applicationId = 0x800b;
        out.rom.loader = u"UF2 Bootloader v3.15.0 SFHWRO"_s;
        out.rom.model = u"Feather M0"_s;
        out.rom.boardId = u"SAMD21G18A-Feather-v0"_s;
        out.rom.label = u"FEATHERBOOT"_s;
        out.rom.families = {0x68ed2b88};
        out.rom.flashAt = 0x2000;
        out.rom.flashBytes = 0x3e000;
        out.rom.eraseUnit = 256;
        out.rom.current = true;
    } else if (name != u"rp2040") {
        throw Fault("virtual.chip",
                    {oneLine(name, 40), didYouMean(name, virtualUf2Boards()), virtualUf2Boards().join(u", "_s)});
    }
    return out;
}

// All of it under the mutex, but for the waits and the file system's calls into the kernel.
struct VirtualUf2::Private {
    enum class State { Away, Loader, Application };
    // A file that somebody makes on the drive; only its size is remembered, and its sectors go to the boot loader.
    struct Made {
        qint64 size = 0, sector = 0;
        qint64 partAt = -1; // the sector that is not whole yet
        QByteArray part;
    };

    explicit Private(VirtualUf2Options given)
        : options(std::move(given)), rom(options.rom), tree(options.root),
          wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          folder(options.root + u"/media/"_s + options.rom.label +
                 (options.disk == u"sda" ? QString() : u'-' + options.disk))
    {
        device.place = options.place;
        device.vendorId = options.vendorId;
        device.maker = options.rom.model.section(u' ', 0, 1);
        device.serial = options.serial;
        // What a program that was killed left behind.
        ::umount2(QFile::encodeName(folder).constData(), MNT_DETACH);
        if (!QDir().mkpath(folder))
            throw Fault("virtual.link", {folder, u"the folder cannot be made"_s});
    }
    ~Private() { ::close(wake); }

    VirtualUf2Options options;
    Uf2Rom rom;
    KernelTree tree;
    KernelDevice device;
    int wake = -1;
    QString folder;
    mutable std::mutex mutex;
    std::condition_variable changed;
    struct Active {
        VirtualUf2Fault fault;
        qint64 seen = 0;
        bool spent = false;
    };
    std::vector<Active> faults;
    State state = State::Away;
    bool shown = false; // the state has been reached: the drive is mounted, the device is in the tree
    // What is to happen next, and when.
    struct Turn {
        State to;
        std::chrono::milliseconds after; // away for so long; negative: for ever
    };
    std::optional<Turn> turn;
    bool wantsMount = false, isMounted = false;
    QHash<QByteArray, Made> made;
    Facts facts;
    qint64 dealt = 0; // blocks since the last enumeration
    std::jthread thread;

    Active *find(Kind kind)
    {
        for (Active &active : faults) {
            if (active.fault.kind == kind && !active.spent)
                return &active;
        }
        return nullptr;
    }
    void ring() const
    {
        const quint64 one = 1;
        (void)!::write(wake, &one, sizeof one);
    }
    void leave(State to, std::chrono::milliseconds after)
    {
        turn = Turn{to, after};
        ring();
    }
    void run(const std::stop_token &stop);
    void serve(const std::stop_token &stop);
    int takeSector(qint64 sector, QByteArrayView bytes);
    int takeBytes(Made &file, const char *bytes, size_t size, qint64 at);

    static Private &self() { return *static_cast<Private *>(fuse_get_context()->private_data); }
    const Uf2Rom::File *shownFile(const char *path) const
    {
        const QString name = QString::fromUtf8(path + 1);
        const auto &files = rom.files();
        const auto it = std::find_if(files.begin(), files.end(), [&name](const Uf2Rom::File &file) {
            return file.name.compare(name, Qt::CaseInsensitive) == 0;
        });
        return it != files.end() ? &*it : nullptr;
    }
    static fuse_operations operations();
};

// One sector from the host: 0, or the errno that its writing ends with.
int VirtualUf2::Private::takeSector(qint64 sector, QByteArrayView bytes)
{
    if (turn) // it is off the bus
        return EIO;
    const auto pull = [&](Active &cut) {
        cut.spent = true;
        rom.restart();
        leave(cut.fault.delay > 0ms ? State::Loader : State::Away, cut.fault.delay > 0ms ? cut.fault.delay : -1ms);
        return EIO;
    };
    if (Active *cut = find(Kind::Cut); cut && dealt >= cut->fault.after)
        return pull(*cut);
    if (Active *error = find(Kind::Error); error && dealt >= error->fault.after) {
        error->spent = true;
        return EIO;
    }
    if (const Active *full = find(Kind::Full); full && dealt >= full->fault.after)
        return ENOSPC;
    if (Active *cut = find(Kind::CutLast)) {
        Uf2Rom trial = rom;
        if (trial.writeSector(sector, bytes) == Uf2Rom::Effect::Complete)
            return pull(*cut);
    }
    const auto now = std::chrono::steady_clock::now();
    const Uf2Rom::Effect effect = rom.writeSector(sector, bytes);
    if (effect == Uf2Rom::Effect::Nothing)
        return 0;
    if (dealt++ == 0)
        facts.firstBlockAt = now;
    facts.lastBlockAt = std::chrono::steady_clock::now();
    if (effect != Uf2Rom::Effect::Complete || find(Kind::Deaf))
        return 0;
    if (find(Kind::Silent))
        leave(State::Away, -1ms);
    else
        leave(find(Kind::Refuse) ? State::Loader : State::Application, options.restartTime);
    return find(Kind::LastError) ? EIO : 0;
}

// Gathers whole sectors, as a page cache does.
int VirtualUf2::Private::takeBytes(Made &file, const char *bytes, size_t size, qint64 at)
{
    constexpr qint64 whole = Uf2Rom::sectorSize;
    while (size > 0) {
        const qint64 sector = at / whole, within = at % whole;
        const auto count = std::min(size, size_t(whole - within));
        int error = 0;
        if (within == 0 && count == size_t(whole)) {
            error = takeSector(file.sector + sector, {bytes, whole});
        } else {
            if (file.partAt != sector) {
                file.partAt = sector;
                file.part = QByteArray(whole, '\0');
            }
            file.part.replace(within, qsizetype(count), bytes, qsizetype(count));
            if (within + qint64(count) == whole)
                error = takeSector(file.sector + sector, file.part);
        }
        if (error)
            return error;
        at += qint64(count);
        bytes += count;
        size -= count;
        file.size = std::max(file.size, at);
    }
    return 0;
}

fuse_operations VirtualUf2::Private::operations()
{
    fuse_operations out{};
    out.init = [](fuse_conn_info *, fuse_config *config) -> void * {
        config->direct_io = 1; // no page cache before the drive
        config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
        return fuse_get_context()->private_data;
    };
    out.getattr = [](const char *path, struct stat *st, fuse_file_info *) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        *st = {};
        st->st_uid = ::getuid();
        st->st_gid = ::getgid();
        st->st_nlink = 1;
        if (std::strcmp(path, "/") == 0) {
            st->st_mode = S_IFDIR | 0755;
            return 0;
        }
        const Uf2Rom::File *file = d.shownFile(path);
        const auto made = d.made.constFind(path);
        if (!file && made == d.made.constEnd())
            return -ENOENT;
        st->st_mode = S_IFREG | (file ? 0444 : 0644);
        st->st_size = file ? file->size : made->size;
        st->st_blksize = 4096;
        return 0;
    };
    out.readdir = [](const char *, void *to, fuse_fill_dir_t fill, off_t, fuse_file_info *, fuse_readdir_flags) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        fill(to, ".", nullptr, 0, {});
        fill(to, "..", nullptr, 0, {});
        for (const Uf2Rom::File &file : d.rom.files())
            fill(to, file.name.toUtf8().constData(), nullptr, 0, {});
        for (auto it = d.made.constBegin(); it != d.made.constEnd(); ++it)
            fill(to, it.key().constData() + 1, nullptr, 0, {});
        return 0;
    };
    out.open = [](const char *path, fuse_file_info *info) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        info->direct_io = 1;
        if ((info->flags & O_ACCMODE) != O_RDONLY && d.find(Kind::ReadOnly))
            return -EROFS;
        if (d.shownFile(path))
            return (info->flags & O_ACCMODE) == O_RDONLY ? 0 : -EACCES;
        return d.made.contains(path) ? 0 : -ENOENT;
    };
    out.create = [](const char *path, mode_t, fuse_file_info *info) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        info->direct_io = 1;
        if (d.find(Kind::ReadOnly))
            return -EROFS;
        if (d.turn)
            return -EIO;
        d.made.insert(path, {0, d.rom.freeSector(), -1, {}});
        return 0;
    };
    out.truncate = [](const char *path, off_t, fuse_file_info *) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        const auto it = d.made.find(path);
        if (it == d.made.end())
            return d.shownFile(path) ? -EACCES : -ENOENT;
        *it = {0, d.rom.freeSector(), -1, {}};
        return 0;
    };
    out.read = [](const char *path, char *to, size_t size, off_t at, fuse_file_info *) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        if (d.turn)
            return -EIO;
        const Uf2Rom::File *file = d.shownFile(path);
        const QByteArray bytes = file ? d.rom.content(*file, at, qint64(size)) : QByteArray();
        std::memcpy(to, bytes.constData(), size_t(bytes.size()));
        return int(bytes.size());
    };
    out.write = [](const char *path, const char *bytes, size_t size, off_t at, fuse_file_info *) {
        Private &d = self();
        std::chrono::microseconds busy{0};
        int error = 0;
        {
            const std::lock_guard lock(d.mutex);
            const auto it = d.made.find(path);
            if (it == d.made.end())
                return -EBADF;
            const qint64 before = d.dealt;
            error = d.takeBytes(*it, bytes, size, at);
            busy = (d.dealt - before) * d.options.programTime;
        }
        if (busy > 0us) // flash memory at work, and nothing else is answered meanwhile
            std::this_thread::sleep_for(busy);
        return error ? -error : int(size);
    };
    out.fsync = [](const char *, int, fuse_file_info *) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        return d.turn ? -EIO : 0;
    };
    out.statfs = [](const char *, struct statvfs *room) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        *room = {};
        room->f_bsize = room->f_frsize = 4096;
        room->f_blocks = fsblkcnt_t(d.rom.sectors() / 8);
        room->f_bfree = room->f_bavail = fsblkcnt_t(d.rom.freeBytes() / 4096);
        room->f_namemax = 255;
        return 0;
    };
    out.chmod = [](const char *, mode_t, fuse_file_info *) { return 0; };
    out.utimens = [](const char *, const timespec *, fuse_file_info *) { return 0; };
    out.unlink = [](const char *path) {
        Private &d = self();
        const std::lock_guard lock(d.mutex);
        return d.made.remove(path) ? 0 : -EACCES;
    };
    return out;
}

// The drive, until the device leaves the bus or somebody stops it.
void VirtualUf2::Private::serve(const std::stop_token &stop)
{
    static const fuse_operations calls = operations();
    std::array<std::string, 3> words{"slipway", "-o", "fsname=slipway-uf2,subtype=uf2"};
    std::array<char *, 3> arguments{words[0].data(), words[1].data(), words[2].data()};
    fuse_args args = FUSE_ARGS_INIT(int(arguments.size()), arguments.data());
    fuse *drive = fuse_new(&args, &calls, sizeof calls, this);
    const QByteArray at = QFile::encodeName(folder);
    if (!drive || fuse_mount(drive, at.constData()) != 0) {
        const std::lock_guard lock(mutex);
        facts.trouble = u"no file system can be mounted there: FUSE is missing, or fusermount3 for this user"_s;
        if (drive)
            fuse_destroy(drive);
        changed.notify_all();
        return;
    }
    {
        const std::lock_guard lock(mutex);
        tree.mount(device, folder, find(Kind::ReadOnly) != nullptr);
        isMounted = shown = true;
    }
    changed.notify_all();
    fuse_session *session = fuse_get_session(drive);
    fuse_buf buffer{};
    const auto done = [&] {
        const std::lock_guard lock(mutex);
        return turn.has_value();
    };
    while (!stop.stop_requested() && !done()) {
        std::array<pollfd, 2> ready{pollfd{fuse_session_fd(session), POLLIN, 0}, pollfd{wake, POLLIN, 0}};
        if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR)
            break;
        quint64 rung = 0;
        if (ready[1].revents)
            (void)!::read(wake, &rung, sizeof rung);
        if (!ready[0].revents)
            continue;
        const int got = fuse_session_receive_buf(session, &buffer);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            break; // unmounted by somebody
        fuse_session_process_buf(session, &buffer);
    }
    {
        const std::lock_guard lock(mutex);
        tree.unmount(folder);
        isMounted = false;
        made.clear();
    }
    // Whoever still has a file open gets errors from now on.
    fuse_unmount(drive);
    fuse_destroy(drive);
    std::free(buffer.mem);
}

void VirtualUf2::Private::run(const std::stop_token &stop)
{
    const std::stop_callback end(stop, [this] { ring(); });
    const auto pause = [&](std::chrono::milliseconds limit) { // until something is asked for
        pollfd ready{wake, POLLIN, 0};
        ::poll(&ready, 1, int(limit.count()));
        quint64 rung = 0;
        (void)!::read(wake, &rung, sizeof rung);
    };
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        if (state != State::Away) {
            const bool loader = state == State::Loader;
            ++facts.enumerations;
            device.address = facts.enumerations;
            device.productId = loader || find(Kind::SameIds) ? options.loaderId : options.applicationId;
            device.product = loader ? options.rom.label : u"Application"_s;
            device.disk = loader ? options.disk : QString();
            rom.damageInfo(find(Kind::BadInfo) != nullptr);
            const Active *lose = find(Kind::Lose);
            rom.loseEvery(lose ? lose->fault.every : 0);
            if (const Active *stuck = find(Kind::Stuck))
                rom.stick(stuck->fault.after);
            dealt = 0;
            facts.present = true;
            facts.applicationRuns = !loader;
            try {
                tree.add(device);
            } catch (const Fault &fault) {
                facts.trouble = fault.text();
            }
            wantsMount = loader && options.mounted;
            if (!wantsMount)
                shown = true;
            changed.notify_all();
            while (!turn && !stop.stop_requested() && facts.trouble.isEmpty()) {
                const bool mountNow = std::exchange(wantsMount, false);
                lock.unlock();
                if (mountNow)
                    serve(stop);
                else
                    pause(-1ms);
                lock.lock();
            }
            tree.remove(device);
            facts.present = facts.applicationRuns = false;
        } else {
            shown = true;
            changed.notify_all();
        }
        while (!turn && !stop.stop_requested()) {
            lock.unlock();
            pause(-1ms);
            lock.lock();
        }
        if (stop.stop_requested())
            break;
        // A later order ends an absence that has not ended.
        Turn next = *turn;
        const auto back = std::chrono::steady_clock::now() + std::max(next.after, 0ms);
        turn.reset();
        state = next.after < 0ms ? State::Away : next.to;
        while (state != State::Away && !turn && !stop.stop_requested()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(back - std::chrono::steady_clock::now());
            if (left <= 0ms)
                break;
            lock.unlock();
            pause(left);
            lock.lock();
        }
    }
}

bool VirtualUf2::canMount()
{
    return ::access("/dev/fuse", R_OK | W_OK) == 0 &&
           (::geteuid() == 0 || QFileInfo(u"/usr/bin/fusermount3"_s).isExecutable());
}

VirtualUf2::VirtualUf2(VirtualUf2Options options)
{
    if (options.root.isEmpty() || !QDir().mkpath(options.root))
        throw Fault("virtual.link", {options.root, u"the folder cannot be made"_s});
    options.root = QFileInfo(options.root).canonicalFilePath();
    d = std::make_unique<Private>(std::move(options));
}

VirtualUf2::~VirtualUf2()
{
    stop();
}

void VirtualUf2::start()
{
    std::unique_lock lock(d->mutex);
    d->state = Private::State::Loader;
    d->shown = false;
    d->thread = std::jthread([this](const std::stop_token &stop) { d->run(stop); });
    d->changed.wait(lock, [this] { return d->shown || !d->facts.trouble.isEmpty(); });
    if (!d->facts.trouble.isEmpty()) {
        const QString why = d->facts.trouble;
        lock.unlock();
        stop();
        throw Fault("virtual.link", {d->folder, why});
    }
}

void VirtualUf2::stop()
{
    d->thread.request_stop();
    if (d->thread.joinable())
        d->thread.join();
}

QString VirtualUf2::root() const
{
    return d->options.root;
}

QString VirtualUf2::folder() const
{
    return d->folder;
}

void VirtualUf2::setFault(const VirtualUf2Fault &fault)
{
    const std::lock_guard lock(d->mutex);
    d->faults.push_back({fault, 0, false});
    if (fault.kind == Kind::Lose)
        d->rom.loseEvery(fault.every);
    if (fault.kind == Kind::Stuck)
        d->rom.stick(fault.after);
    if (fault.kind == Kind::BadInfo)
        d->rom.damageInfo(true);
    if (fault.kind == Kind::ReadOnly && d->isMounted) {
        d->tree.unmount(d->folder);
        d->tree.mount(d->device, d->folder, true);
    }
}

void VirtualUf2::clearFaults()
{
    const std::lock_guard lock(d->mutex);
    d->faults.clear();
    d->rom.loseEvery(0);
    d->rom.stick(-1);
    d->rom.damageInfo(false);
    if (d->isMounted) {
        d->tree.unmount(d->folder);
        d->tree.mount(d->device, d->folder, false);
    }
}

void VirtualUf2::bootLoader()
{
    std::unique_lock lock(d->mutex);
    const int before = d->facts.enumerations;
    d->rom.restart();
    d->shown = false;
    d->leave(Private::State::Loader, plugTime);
    d->changed.wait(lock, [&] { return (d->shown && d->facts.enumerations > before) || !d->facts.trouble.isEmpty(); });
}

void VirtualUf2::unplug()
{
    std::unique_lock lock(d->mutex);
    d->rom.restart();
    d->shown = false;
    d->leave(Private::State::Away, -1ms);
    d->changed.wait(lock, [this] { return d->shown; });
}

void VirtualUf2::mount()
{
    std::unique_lock lock(d->mutex);
    d->wantsMount = true;
    d->ring();
    d->changed.wait(lock, [this] { return d->isMounted || !d->facts.trouble.isEmpty(); });
}

VirtualUf2::Facts VirtualUf2::facts() const
{
    const std::lock_guard lock(d->mutex);
    Facts out = d->facts;
    out.counts = d->rom.counts();
    return out;
}

QByteArray VirtualUf2::flash(quint32 at, qsizetype size) const
{
    const std::lock_guard lock(d->mutex);
    return d->rom.flash().mid(qsizetype(at) - qsizetype(d->options.rom.flashAt), size);
}

void VirtualUf2::setFlash(quint32 at, const QByteArray &bytes)
{
    const std::lock_guard lock(d->mutex);
    d->rom.setFlash(qint64(at) - d->options.rom.flashAt, bytes);
}

} // namespace slipway
