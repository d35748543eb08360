#pragma once
// Group 8, fs: files up and down, size, hash. Zephyr "File management group". Throws as smpos.h, and smp.file-changed,
// smp.file-too-large.

#include "drivers/smp/smpclient.h"

#include <optional>

namespace slipway::smp {

QByteArray downloadFile(SmpClient &client, const QString &name, qint64 limit, const Task &task);
void uploadFile(SmpClient &client, const QString &name, const QByteArray &content, const Task &task);
qint64 fileSize(SmpClient &client, const QString &name, const Task &task);
// Nothing where the device has no hash command or not this hash.
std::optional<QByteArray> fileSha256(SmpClient &client, const QString &name, const Task &task);
struct HashType {
    QString name;
    int format = 0; // 0: a number, 1: bytes
    int size = 0;
};
std::optional<QList<HashType>> hashTypes(SmpClient &client, const Task &task);
// A device without the command has nothing to close.
void closeFiles(SmpClient &client, const Task &task);

// The CBOR of one piece {off, data, name} and on the first also {len}; returns how many bytes are in it.
qint64 appendFilePiece(QByteArray &payload, const QString &name, const QByteArray &content, qint64 offset,
                       qsizetype room, qint64 most = INT64_MAX);

} // namespace slipway::smp
