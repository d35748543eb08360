#include "drivers/smp/smpfiles.h"

#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "drivers/smp/offsetupload.h"

#include <algorithm>

namespace slipway::smp {

using namespace Qt::StringLiterals;

namespace {

enum Command : quint8 { File = 0, Status = 1, Hash = 2, HashTypes = 3, Close = 4 };
enum Major { Unsigned = 0, Bytes = 2, Map = 5 };
constexpr qint64 offsetNotValid = 11; // of group 8

QString shown(const QString &name)
{
    return oneLine(name, 80);
}

} // namespace

QByteArray downloadFile(SmpClient &client, const QString &name, qint64 limit, const Task &task)
{
    const QString what = u"give the file %1"_s.arg(shown(name));
    QByteArray content;
    qint64 total = -1;
    do {
        task.check(u"Reading %1"_s.arg(shown(name)));
        const SmpReply reply = client.demand(
            SmpRequest::read(Fs, File, {{"off"_L1, qint64(content.size())}, {"name"_L1, name}}), what, task);
        if (total < 0) {
            const auto length = reply.integer("len"_L1);
            if (!length || *length < 0)
                throw Fault("smp.bad-reply", {what}, u"no len"_s);
            if (*length > limit)
                throw Fault("smp.file-too-large", {shown(name), humanSize(*length), humanSize(limit)});
            total = *length;
            if (task.progress)
                task.progress->setTotal(total);
        }
        const QByteArray data = reply.body.value("data"_L1).toByteArray();
        if (reply.integer("off"_L1) != content.size() || content.size() + data.size() > total)
            throw Fault("smp.bad-reply", {what}, u"wrong piece at %1"_s.arg(content.size()));
        if (data.isEmpty() && content.size() < total)
            throw Fault("smp.file-changed", {shown(name)});
        content += data;
        if (task.progress)
            task.progress->setDone(content.size());
    } while (content.size() < total);
    return content;
}

qint64 appendFilePiece(QByteArray &payload, const QString &name, const QByteArray &content, qint64 offset,
                       qsizetype room, qint64 most)
{
    const QByteArray utf8 = name.toUtf8();
    const bool first = offset == 0;
    QByteArray before, behind;
    appendCborHead(before, Map, first ? 4 : 3);
    appendCborText(before, "off");
    appendCborHead(before, Unsigned, static_cast<quint64>(offset));
    appendCborText(before, "data");
    appendCborText(behind, "name");
    appendCborText(behind, utf8);
    if (first) {
        appendCborText(behind, "len");
        appendCborHead(behind, Unsigned, static_cast<quint64>(content.size()));
    }
    const qint64 longestHead = 3;
    const qint64 n =
        std::min({qint64(room) - before.size() - behind.size() - longestHead, most, qint64(content.size()) - offset});
    if (n < 0)
        return 0;
    payload += before;
    appendCborHead(payload, Bytes, static_cast<quint64>(n));
    payload += QByteArrayView(content).sliced(offset, n);
    payload += behind;
    return n;
}

void uploadFile(SmpClient &client, const QString &name, const QByteArray &content, const Task &task)
{
    OffsetUpload::Plan plan;
    plan.group = Fs;
    plan.command = File;
    plan.total = content.size();
    plan.what = u"take the file %1"_s.arg(shown(name));
    plan.piece = [&](QByteArray &payload, qint64 offset, qsizetype room) {
        return appendFilePiece(payload, name, content, offset, room);
    };
    // An answer was lost and the piece is there already: the device tells the length it has.
    plan.offsetOfError = [&](const SmpReply &reply) -> std::optional<qint64> {
        const bool notThere = reply.error->group == quint16(Fs) && reply.error->rc == offsetNotValid;
        const auto length = reply.integer("len"_L1);
        return notThere && length && *length <= content.size() ? length : std::nullopt;
    };
    OffsetUpload(client, plan).run(task);
}

qint64 fileSize(SmpClient &client, const QString &name, const Task &task)
{
    const QString what = u"tell the size of %1"_s.arg(shown(name));
    const auto length = client.demand(SmpRequest::read(Fs, Status, {{"name"_L1, name}}), what, task).integer("len"_L1);
    if (!length)
        throw Fault("smp.bad-reply", {what}, u"no len"_s);
    return *length;
}

std::optional<QByteArray> fileSha256(SmpClient &client, const QString &name, const Task &task)
{
    const SmpReply reply =
        client.exchange(SmpRequest::read(Fs, Hash, {{"name"_L1, name}, {"type"_L1, u"sha256"_s}}), task);
    constexpr qint64 hashUnknown = 13; // of group 8
    if (reply.error &&
        (reply.error->isNotSupported() || (reply.error->group == quint16(Fs) && reply.error->rc == hashUnknown)))
        return std::nullopt;
    reply.require(u"hash the file %1"_s.arg(shown(name)));
    const QByteArray hash = reply.body.value("output"_L1).toByteArray();
    if (hash.size() != 32)
        return std::nullopt;
    return hash;
}

std::optional<QList<HashType>> hashTypes(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Fs, HashTypes), task);
    if (!reply.ok())
        return std::nullopt;
    QList<HashType> out;
    const QCborMap types = reply.body.value("types"_L1).toMap();
    for (auto it = types.constBegin(); it != types.constEnd(); ++it) {
        const QCborMap entry = it.value().toMap();
        out << HashType{oneLine(it.key().toString(), 32), static_cast<int>(entry.value("format"_L1).toInteger()),
                        static_cast<int>(entry.value("size"_L1).toInteger())};
    }
    return out;
}

void closeFiles(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::write(Fs, Close), task);
    if (reply.error && reply.error->isNotSupported())
        return;
    reply.require(u"close its files"_s);
}

} // namespace slipway::smp
