#include "drivers/smp/imageupload.h"

#include "core/base/progress.h"
#include "core/codec/cbor.h"
#include "drivers/smp/offsetupload.h"

#include <QCryptographicHash>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr quint8 uploadCommand = 1;
constexpr qint64 alignment = 8; // boot loaders that write each piece as it comes want whole flash words

enum Major { Unsigned = 0, Bytes = 2, Map = 5 };

} // namespace

qint64 appendImagePiece(QByteArray &payload, const QByteArray &image, const QByteArray &sha, qint64 offset,
                        qsizetype room, const Firmware::WriteOptions &options, qint64 most)
{
    const qsizetype before = payload.size();
    const bool first = offset == 0;
    const bool named = first && options.image != 0;
    const bool upgrade = first && options.upgradeOnly;
    const bool hashed = first && !sha.isEmpty();
    appendCborHead(payload, Map, 2 + (first ? 1 : 0) + (named ? 1 : 0) + (upgrade ? 1 : 0) + (hashed ? 1 : 0));
    if (named) {
        appendCborText(payload, "image");
        appendCborHead(payload, Unsigned, static_cast<quint64>(options.image));
    }
    if (first) {
        appendCborText(payload, "len");
        appendCborHead(payload, Unsigned, static_cast<quint64>(image.size()));
    }
    appendCborText(payload, "off");
    appendCborHead(payload, Unsigned, static_cast<quint64>(offset));
    if (hashed) {
        appendCborText(payload, "sha");
        appendCborHead(payload, Bytes, static_cast<quint64>(sha.size()));
        payload += sha;
    }
    if (upgrade) {
        appendCborText(payload, "upgrade");
        payload += '\xf5';
    }
    appendCborText(payload, "data");
    const qint64 longestHead = 3; // up to 65 535 bytes
    const qint64 fits = room - (payload.size() - before) - longestHead;
    const qint64 left = image.size() - offset;
    qint64 n = std::min({fits, most, left});
    if (n < left && n > alignment)
        n -= n % alignment;
    if (n <= 0)
        return 0;
    appendCborHead(payload, Bytes, static_cast<quint64>(n));
    payload += QByteArrayView(image).sliced(offset, n);
    return n;
}

double uploadLimit(SmpClient &client)
{
    const double rate = client.link().bytesPerSecond();
    if (rate <= 0)
        return 0;
    const qsizetype packet = client.largestPacket();
    const qsizetype overhead = SmpHeader::size + 18; // map, "off" with 4 bytes, "data" with its head
    return rate * double(packet - overhead) / double(client.transport().wireSize(packet));
}

Firmware::WriteResult uploadImage(SmpClient &client, const QByteArray &image, const Firmware::WriteOptions &options,
                                  std::chrono::milliseconds comesBack, const Task &task)
{
    if (image.isEmpty())
        throw Fault("smp.empty-image");
    // Without the hash a device cannot recognise what it has, and begins anew.
    const QByteArray sha = options.resume ? QCryptographicHash::hash(image, QCryptographicHash::Sha256) : QByteArray();
    OffsetUpload::Plan plan;
    plan.group = smp::Image;
    plan.command = uploadCommand;
    plan.total = image.size();
    plan.what = u"take the image"_s;
    plan.resumes = true;
    plan.comesBack = comesBack;
    plan.piece = [&](QByteArray &payload, qint64 offset, qsizetype room) {
        return appendImagePiece(payload, image, sha, offset, room, options);
    };
    if (task.progress)
        task.progress->setLineLimit(uploadLimit(client));
    OffsetUpload upload(client, plan);
    Firmware::WriteResult result = upload.run(task);
    result.lineLimit = uploadLimit(client);
    const QCborValue match = upload.lastReply().body.value("match"_L1);
    if (match.isBool() && !match.toBool())
        throw Fault("smp.other-bytes");
    return result;
}

} // namespace slipway
