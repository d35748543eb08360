#include "drivers/dfu/dfuimages.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/dfufile.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 largestImage = qint64(256) << 20; // a device whose upload never ends

QStringList namesOf(const DfuInterface &interface)
{
    QStringList out;
    for (const DfuInterface::Alternate &alternate : interface.alternates)
        out << (alternate.name.isEmpty() ? QString::number(alternate.number) : alternate.name);
    return out;
}

} // namespace

QList<Firmware::ImageSlot> DfuImages::imageSlots(const Task &task)
{
    QList<ImageSlot> out;
    for (const DfuInterface::Alternate &alternate : m_session.client(task).interface().alternates) {
        ImageSlot slot;
        slot.image = alternate.number;
        out << slot;
    }
    return out;
}

std::optional<qint64> DfuImages::capacity(int, const Task &)
{
    return std::nullopt;
}

Firmware::WriteResult DfuImages::write(const QByteArray &file, const WriteOptions &options, const Task &task)
{
    const auto begin = std::chrono::steady_clock::now();
    DfuClient &client = m_session.client(task);
    QByteArray image = file;
    if (DfuFile::recognises(file)) {
        const DfuFile parsed = DfuFile::parse(file);
        const QStringList ids = m_session.ids();
        if (std::none_of(ids.begin(), ids.end(), [&parsed](const QString &id) {
                return parsed.fits(quint16(id.left(4).toUInt(nullptr, 16)), quint16(id.mid(5).toUInt(nullptr, 16)));
            }))
            throw Fault("dfu.other-device", {u"%1:%2"_s.arg(parsed.vendorId, 4, 16, QLatin1Char('0'))
                                                 .arg(parsed.productId, 4, 16, QLatin1Char('0')),
                                             ids.join(u" or "_s)});
        if (parsed.isDfuSe())
            throw Fault("dfu.form");
        image = parsed.image;
    }
    if (image.isEmpty())
        throw Fault("firmware.empty");
    const auto &alternates = client.interface().alternates;
    if (std::none_of(alternates.begin(), alternates.end(),
                     [&options](const DfuInterface::Alternate &a) { return a.number == options.image; }))
        throw Fault("dfu.alternate", {QString::number(options.image), namesOf(client.interface()).join(u", "_s)});
    if (!client.interface().canDownload)
        throw Fault("device.lacks", {u"take firmware over USB"_s});

    const auto tell = [&options](WriteStage stage) {
        if (options.stage)
            options.stage(stage);
    };
    tell(WriteStage::Checking);
    client.select(options.image, task);
    client.toIdle(task);
    if (task.progress)
        task.progress->setTotal(image.size());
    tell(WriteStage::Writing);
    quint16 block = 0; // rolls over
    for (qsizetype at = 0; at < image.size(); at += client.transferSize()) {
        client.download(block++, image.mid(at, client.transferSize()), u"take byte %1 of the image"_s.arg(at), task);
        if (task.progress)
            task.progress->setDone(std::min(at + client.transferSize(), image.size()));
    }
    tell(WriteStage::Verifying);
    manifest(block, task);
    WriteResult out;
    out.bytes = image.size();
    out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return out;
}

void DfuImages::manifest(quint16 block, const Task &task)
{
    DfuClient &client = m_session.client(task);
    const QString what = u"take the image over"_s;
    const bool tolerant = client.interface().manifestationTolerant;
    const Deadline limit = Deadline::in(std::chrono::minutes(5));
    try {
        client.send(block, {}, what, task);
        for (;;) {
            const DfuClient::Status now = client.status(what, task);
            if (now.status != 0 || now.state == DfuClient::Error)
                client.refused(what, now, task);
            if (now.state == DfuClient::Idle)
                return;
            if (now.state == DfuClient::ManifestWaitReset || (now.state == DfuClient::Manifest && !tolerant))
                break; // it does not answer any more (section 6.1.1)
            if (now.state != DfuClient::ManifestSync && now.state != DfuClient::Manifest)
                throw Fault("dfu.state", {what}, DfuClient::stateName(now.state));
            task.check(u"Taking the image over"_s);
            if (limit.expired())
                throw Fault("dfu.stuck", {what});
        }
        client.sitOut(task);
        m_session.leave(task);
    } catch (const Fault &fault) {
        if (!fault.is("link.gone"))
            throw;
        // Many restart by themselves. One that was pulled does not come back by itself.
        m_session.awaitReturn(what, task);
    }
}

void DfuImages::activate(const QByteArray &, bool, const Task &)
{
    // What was written last runs next: there is nothing to choose.
}

void DfuImages::confirm(const Task &) {}

void DfuImages::erase(int, int, const Task &)
{
    throw Fault("device.lacks", {u"erase an image over USB"_s});
}

int DfuImages::alternateOf(const QString &name, const Task &task)
{
    const DfuInterface &interface = m_session.client(task).interface();
    const qsizetype found = namesOf(interface).indexOf(name);
    if (found >= 0)
        return interface.alternates[found].number;
    for (const DfuInterface::Alternate &alternate : interface.alternates) {
        if (QString::number(alternate.number) == name)
            return alternate.number;
    }
    throw Fault("dfu.alternate", {oneLine(name, 60), namesOf(interface).join(u", "_s)});
}

QByteArray DfuImages::read(Kind kind, const QString &name, const Task &task)
{
    if (kind != Kind::File)
        throw Fault("device.lacks", {u"keep settings"_s});
    const int alternate = alternateOf(name, task);
    DfuClient &client = m_session.client(task);
    if (!client.interface().canUpload)
        throw Fault("device.lacks", {u"be read over USB"_s});
    client.select(alternate, task);
    client.toIdle(task);
    QByteArray out;
    for (quint16 block = 0;; ++block) {
        const QByteArray bytes =
            client.upload(block, client.transferSize(), u"give byte %1 of the image"_s.arg(out.size()), task);
        out += bytes;
        if (task.progress)
            task.progress->setDone(out.size());
        if (bytes.size() < client.transferSize())
            return out;
        task.check(u"Reading the image"_s);
        if (out.size() > largestImage)
            throw Fault("dfu.stuck", {u"giving its image"_s});
    }
}

void DfuImages::write(Kind kind, const QString &name, const QByteArray &content, const Task &task)
{
    if (kind != Kind::File)
        throw Fault("device.lacks", {u"keep settings"_s});
    WriteOptions options;
    options.image = alternateOf(name, task);
    (void)write(content, options, task);
}

void DfuImages::remove(Kind, const QString &, const Task &)
{
    throw Fault("device.lacks", {u"erase an image over USB"_s});
}

std::optional<QByteArray> DfuImages::sha256(const QString &, const Task &)
{
    return std::nullopt;
}

void DfuImages::commitSettings(const Task &) {}

} // namespace slipway
