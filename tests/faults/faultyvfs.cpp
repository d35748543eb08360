#include "tests/faults/faultyvfs.h"

#include <sqlite3.h>

#include <atomic>
#include <new>

namespace slipway::test {

namespace {

std::atomic<int> writesLeft{-1};
std::atomic<bool> syncsFail{false};
std::atomic<int> refusals{0};

struct File {
    sqlite3_file base;
    sqlite3_file *real() { return reinterpret_cast<sqlite3_file *>(this + 1); }
};

sqlite3_file *real(sqlite3_file *file)
{
    return reinterpret_cast<File *>(file)->real();
}

bool refuse()
{
    int left = writesLeft.load();
    while (left > 0 && !writesLeft.compare_exchange_weak(left, left - 1)) {
    }
    if (left != 0)
        return false;
    ++refusals;
    return true;
}

int vfsClose(sqlite3_file *f)
{
    return real(f)->pMethods->xClose(real(f));
}
int vfsRead(sqlite3_file *f, void *data, int size, sqlite3_int64 at)
{
    return real(f)->pMethods->xRead(real(f), data, size, at);
}
int vfsWrite(sqlite3_file *f, const void *data, int size, sqlite3_int64 at)
{
    return refuse() ? SQLITE_FULL : real(f)->pMethods->xWrite(real(f), data, size, at);
}
int vfsTruncate(sqlite3_file *f, sqlite3_int64 size)
{
    return real(f)->pMethods->xTruncate(real(f), size);
}
int vfsSync(sqlite3_file *f, int flags)
{
    if (syncsFail) {
        ++refusals;
        return SQLITE_IOERR_FSYNC;
    }
    return real(f)->pMethods->xSync(real(f), flags);
}
int vfsFileSize(sqlite3_file *f, sqlite3_int64 *size)
{
    return real(f)->pMethods->xFileSize(real(f), size);
}
int vfsLock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xLock(real(f), level);
}
int vfsUnlock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xUnlock(real(f), level);
}
int vfsCheckReservedLock(sqlite3_file *f, int *result)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), result);
}
int vfsFileControl(sqlite3_file *f, int what, void *argument)
{
    return real(f)->pMethods->xFileControl(real(f), what, argument);
}
int vfsSectorSize(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}
int vfsCharacteristics(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}
int vfsShmMap(sqlite3_file *f, int page, int size, int extend, void volatile **to)
{
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, to);
}
int vfsShmLock(sqlite3_file *f, int offset, int n, int flags)
{
    return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void vfsShmBarrier(sqlite3_file *f)
{
    real(f)->pMethods->xShmBarrier(real(f));
}
int vfsShmUnmap(sqlite3_file *f, int remove)
{
    return real(f)->pMethods->xShmUnmap(real(f), remove);
}

const sqlite3_io_methods methods = {2,
                                    vfsClose,
                                    vfsRead,
                                    vfsWrite,
                                    vfsTruncate,
                                    vfsSync,
                                    vfsFileSize,
                                    vfsLock,
                                    vfsUnlock,
                                    vfsCheckReservedLock,
                                    vfsFileControl,
                                    vfsSectorSize,
                                    vfsCharacteristics,
                                    vfsShmMap,
                                    vfsShmLock,
                                    vfsShmBarrier,
                                    vfsShmUnmap,
                                    nullptr,
                                    nullptr};

sqlite3_vfs *below = nullptr;
sqlite3_vfs faulty;

int vfsOpen(sqlite3_vfs *, const char *name, sqlite3_file *file, int flags, int *outFlags)
{
    auto *own = new (file) File{};
    const int code = below->xOpen(below, name, own->real(), flags, outFlags);
    own->base.pMethods = own->real()->pMethods ? &methods : nullptr;
    return code;
}

} // namespace

void FaultyDisk::install()
{
    if (below)
        return;
    below = sqlite3_vfs_find(nullptr);
    faulty = *below;
    faulty.zName = "faulty";
    faulty.pNext = nullptr;
    faulty.szOsFile = int(sizeof(File)) + below->szOsFile;
    faulty.xOpen = vfsOpen;
    sqlite3_vfs_register(&faulty, 1);
}

void FaultyDisk::fullAfter(int writes)
{
    writesLeft = writes;
}

void FaultyDisk::failSyncs(bool fail)
{
    syncsFail = fail;
}

int FaultyDisk::refused()
{
    return refusals;
}

} // namespace slipway::test
