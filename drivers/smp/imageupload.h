#pragma once
// The upload of an image into a slot (group 1, command 1): first piece {len, off, sha, data}, further ones {off, data}.
// `sha` is the SHA-256 over the whole file, by which a device recognises an upload that was interrupted and goes on.
// Throws as SmpClient and OffsetUpload, and smp.other-bytes when the device says that what it holds is something else.

#include "core/device/capabilities.h"
#include "drivers/smp/smpclient.h"

#include <chrono>

namespace slipway {

// comesBack: how long a device that went away during the upload may stay away.
Firmware::WriteResult uploadImage(SmpClient &client, const QByteArray &image, const Firmware::WriteOptions &options,
                                  std::chrono::milliseconds comesBack, const Task &task);

// Payload bytes per second that the line carries in pieces of the size that this device takes; 0: rate not known.
double uploadLimit(SmpClient &client);

// The CBOR of one piece, for the upload and its test. Returns how many bytes of the image are in it: as many as fit
// into room, but at most `most`.
qint64 appendImagePiece(QByteArray &payload, const QByteArray &image, const QByteArray &sha, qint64 offset,
                        qsizetype room, const Firmware::WriteOptions &options, qint64 most = INT64_MAX);

} // namespace slipway
