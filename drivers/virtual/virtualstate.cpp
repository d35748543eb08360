#include "drivers/virtual/virtualstate.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/codec/cbor.h"
#include "drivers/virtual/deviceend.h"

#include <QDir>
#include <QFile>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr int formatNumber = 1;

QString stateFile(const QString &folder)
{
    return folder + u"/state.cbor"_s;
}

QCborMap fromMap(const QMap<QString, QByteArray> &map)
{
    QCborMap out;
    for (auto it = map.constBegin(); it != map.constEnd(); ++it)
        out.insert(it.key(), it.value());
    return out;
}

QMap<QString, QByteArray> toMap(const QCborValue &value)
{
    QMap<QString, QByteArray> out;
    for (const auto &[key, content] : value.toMap())
        out.insert(key.toString(), content.toByteArray());
    return out;
}

} // namespace

void saveState(const QString &folder, const VirtualBoard &board, const Bootloader &boot)
{
    QCborMap state;
    state.insert(u"format"_s, formatNumber);
    state.insert(u"hardware-id"_s, board.hardwareId());
    state.insert(u"settings"_s, fromMap(board.saved));
    state.insert(u"files"_s, fromMap(board.files()));
    state.insert(u"key"_s, board.identity.key());
    state.insert(u"key-before"_s, board.identity.previousKey());
    state.insert(u"debug-locked"_s, board.debugLocked);
    state.insert(u"slot-0"_s, boot.slot[0]);
    state.insert(u"slot-1"_s, boot.slot[1]);
    state.insert(u"pending"_s, static_cast<int>(boot.pending));
    state.insert(u"confirmed"_s, boot.confirmed);
    state.insert(u"security-counter"_s, static_cast<qint64>(boot.securityCounter));
    state.insert(u"factory-hash"_s, boot.factoryHash);
    const QByteArray bytes = toDeterministicCbor(state);

    QDir().mkpath(folder);
    const QByteArray name = QFile::encodeName(stateFile(folder)), fresh = name + ".new";
    const auto failed = [&] { throw Fault("virtual.state", {folder, systemError(errno)}); };
    const OwnedFd fd(::open(fresh.constData(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd)
        failed();
    for (qsizetype at = 0; at < bytes.size();) {
        const ssize_t wrote = ::write(fd.get(), bytes.constData() + at, static_cast<size_t>(bytes.size() - at));
        if (wrote < 0 && errno != EINTR)
            failed();
        at += std::max<ssize_t>(0, wrote);
    }
    if (::rename(fresh.constData(), name.constData()) != 0)
        failed();
}

bool loadState(const QString &folder, VirtualBoard &board, Bootloader &boot)
{
    if (folder.isEmpty() || !QFile::exists(stateFile(folder)))
        return false;
    constexpr qsizetype largest = 32 * 1024 * 1024;
    const QByteArray bytes = readFile(stateFile(folder), largest, u"a virtual device's state"_s);
    const CborDecoded decoded = decodeCbor(bytes, {.bytes = largest, .depth = 4, .items = 100000});
    const QCborMap state = decoded.value.toMap();
    if (!decoded.ok() || state.value(u"format"_s).toInteger() != formatNumber)
        throw Fault("virtual.state", {folder, decoded.ok() ? u"its format is not known"_s : decoded.error});
    board.setHardwareId(state.value(u"hardware-id"_s).toByteArray());
    board.saved = toMap(state.value(u"settings"_s));
    board.setFiles(toMap(state.value(u"files"_s)));
    board.identity.setKey(state.value(u"key"_s).toByteArray(), state.value(u"key-before"_s).toByteArray());
    board.debugLocked = state.value(u"debug-locked"_s).toBool();
    boot.slot[0] = state.value(u"slot-0"_s).toByteArray();
    boot.slot[1] = state.value(u"slot-1"_s).toByteArray();
    boot.pending = static_cast<Bootloader::Pending>(std::clamp<qint64>(state.value(u"pending"_s).toInteger(), 0, 2));
    boot.confirmed = state.value(u"confirmed"_s).toBool(true);
    boot.securityCounter = static_cast<quint32>(state.value(u"security-counter"_s).toInteger());
    boot.factoryHash = state.value(u"factory-hash"_s).toByteArray();
    return true;
}

} // namespace slipway
