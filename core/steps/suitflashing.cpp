#include "core/steps/suitflashing.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"

#include <QCryptographicHash>
#include <QRegularExpression>
#include <QSet>
#include <QUrl>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr int deepestCopy = SuitManifest::MaximumComponents;

QByteArray sha256(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

std::optional<Firmware::ImageSlot> activeSlot(Firmware &firmware, int image, const Task &task)
{
    const auto list = firmware.imageSlots(task);
    for (const Firmware::ImageSlot &slot : list) {
        if (slot.image == image && slot.active)
            return slot;
    }
    return {};
}

// "file.bin" of "http://example.com/path/file.bin?x", as it may be called on the device.
QString lastPart(const QString &uri)
{
    static const QRegularExpression odd(u"[^A-Za-z0-9._-]"_s);
    QString name = QUrl(uri).fileName();
    name.replace(odd, u"_"_s);
    return name.isEmpty() || name.startsWith(u'.') ? u"payload"_s + name : name.right(64);
}

std::optional<quint64> sequenceOf(const DeviceFacts &facts)
{
    bool told = false;
    const quint64 number = facts.more.value(u"suit-sequence"_s).toULongLong(&told);
    return told ? std::optional(number) : std::nullopt;
}

} // namespace

SuitFlashing::SuitFlashing(const FlashOrder &order, const SuitEnvelope &envelope)
    : m_order(order), m_envelope(order.files.front().bytes), m_digest(envelope.digest().bytes),
      m_manifest(envelope.open(order.signer))
{
    QList<QByteArray> given;
    for (const FlashFile &file : m_order.suit.payloads)
        given << file.bytes;
    (void)m_manifest.checkPayloads(given);
    for (auto it = m_order.suit.places.begin(); it != m_order.suit.places.end(); ++it) {
        if (!m_manifest.components().contains(it.key()))
            throw Fault("flash.suit-no-component",
                        {oneLine(it.key(), 60), oneLine(m_manifest.components().join(u", "_s), 200)});
    }
}

// What the device says counts; the order's word stands in where it says nothing.
std::optional<QUuid> SuitFlashing::idOf(const DeviceFacts &facts, const QString &what,
                                        const std::optional<QUuid> &ordered, bool needed) const
{
    const QUuid told(facts.more.value(what + u"-id"_s));
    if (!told.isNull()) {
        if (ordered && *ordered != told)
            throw Fault("flash.suit-other-device",
                        {what, told.toString(QUuid::WithoutBraces), ordered->toString(QUuid::WithoutBraces)});
        return told;
    }
    if (ordered || !needed)
        return ordered;
    QString wanted;
    for (const SuitPlan &plan : m_manifest.plans()) {
        for (const SuitPlan::Component &component : plan.components) {
            if (wanted.isEmpty())
                wanted = what == u"vendor" ? component.vendor : component.deviceClass;
        }
    }
    if (wanted.isEmpty())
        throw Fault("firmware.suit-no-identity", {what});
    throw Fault("flash.suit-unknown-device", {what, wanted});
}

SuitTarget SuitFlashing::target(Device &device, const DeviceFacts &facts, bool itself, const Task &task) const
{
    SuitTarget target;
    target.vendor = idOf(facts, u"vendor"_s, m_order.suit.vendor, !itself);
    target.deviceClass = idOf(facts, u"class"_s, m_order.suit.deviceClass, !itself);
    if (const QUuid id(facts.more.value(u"device-id"_s)); !id.isNull())
        target.device = id;
    const SuitKnown known = m_order.suit.known ? m_order.suit.known(facts) : SuitKnown();
    target.sequence = sequenceOf(facts);
    if (known.sequence && (!target.sequence || *known.sequence > *target.sequence))
        target.sequence = known.sequence;
    // The very same manifest once more is no way back: a unit that failed later in a recipe comes again.
    target.allowEqual =
        m_order.suit.sameSequence || (known.sequence == m_manifest.sequence() && known.manifest == m_digest);
    bool told = false;
    if (const int count = facts.more.value(u"suit-components"_s).toInt(&told); told)
        target.components = count;
    const bool slots = std::any_of(m_manifest.plans().begin(), m_manifest.plans().end(), [](const SuitPlan &plan) {
        return std::any_of(plan.components.begin(), plan.components.end(),
                           [](const auto &component) { return component.slot.has_value(); });
    });
    if (slots && device.firmware()) {
        if (const auto active = activeSlot(*device.firmware(), m_order.image, task))
            target.slot = active->slot == 0 ? 1 : 0;
    }
    return target;
}

Flashing::Result SuitFlashing::run(const std::function<Device &()> &device, const Task &task,
                                   const FlashSink &reached) const
{
    const DeviceFacts facts = device().facts(task);
    Firmware *firmware = device().firmware();
    const bool itself = firmware && firmware->takesEnvelopes();
    SuitTarget wanted = target(device(), facts, itself, task);
    // At this number already, nobody knows by which manifest: left alone where it runs what this one installs.
    if (itself && wanted.sequence == m_manifest.sequence() && !m_order.reinstall) {
        const auto active = activeSlot(*firmware, m_order.image, task);
        SuitTarget same = wanted;
        same.allowEqual = true;
        if (active && runs(m_manifest.check(same), *active)) {
            Flashing::Result result;
            if (!active->confirmed && !m_order.trial)
                firmware->confirm(task);
            result.before = result.now = *active;
            result.confirmed = result.now.confirmed = active->confirmed || !m_order.trial;
            result.version = oneLine(active->version, 40);
            result.hash = active->hash;
            result.sequence = m_manifest.sequence();
            return result;
        }
    }
    const QList<SuitPlan> plans = m_manifest.check(wanted);
    Flashing::Result result = itself ? handOver(plans, device, task, reached) : carryOut(plans, device, task, reached);
    result.sequence = m_manifest.sequence();
    return result;
}

// What the manifest names by that URI: in the envelope, or given and of the right digest.
std::optional<QByteArray> SuitFlashing::payload(const SuitPayload &payload) const
{
    if (const auto inside = m_manifest.integrated().constFind(payload.uri);
        inside != m_manifest.integrated().constEnd())
        return *inside;
    for (const FlashFile &file : m_order.suit.payloads) {
        if ((!payload.size || quint64(file.bytes.size()) == *payload.size) && payload.digest &&
            payload.digest->isOf(file.bytes))
            return file.bytes;
    }
    return {};
}

bool SuitFlashing::runs(const QList<SuitPlan> &plans, const Firmware::ImageSlot &active) const
{
    if (active.hash.isEmpty())
        return false;
    for (const SuitPlan &plan : plans) {
        for (const SuitPlan::Component &component : plan.components) {
            if (component.digest && component.digest->bytes == active.hash)
                return true;
        }
        for (const SuitPayload &one : plan.payloads) {
            const auto bytes = payload(one);
            const auto image = bytes ? FirmwareFile::parse(*bytes).mcuboot() : std::nullopt;
            if (image && image->hash() == active.hash)
                return true;
        }
    }
    return false;
}

// By the device itself

Flashing::Result SuitFlashing::handOver(const QList<SuitPlan> &plans, const std::function<Device &()> &device,
                                        const Task &task, const FlashSink &reached) const
{
    Firmware &firmware = *device().firmware();
    QMap<QString, QByteArray> beside;
    FlashReach reach;
    reach.total = m_envelope.size();
    for (const SuitPlan &plan : plans) {
        for (const SuitPayload &one : plan.payloads) {
            const auto bytes = payload(one);
            if (!bytes || m_manifest.integrated().contains(one.uri))
                continue; // the device fetches what was not given
            const QString name = lastPart(one.uri);
            if (beside.contains(name) && beside.value(name) != *bytes)
                throw Fault("flash.suit-names", {name});
            if (!beside.contains(name))
                reach.total += bytes->size();
            beside.insert(name, *bytes);
        }
    }
    Blobs *blobs = device().blobs();
    if (!beside.isEmpty() && !blobs)
        throw Fault("device.lacks", {u"take the payloads of a SUIT envelope"_s});
    Progress own;
    Progress &node = task.progress ? *task.progress : own;
    Progress &writing = node.child(u"Write"_s, 8), &starting = node.child(u"Restart"_s, 2);
    const auto tell = [&](WriteStage stage) {
        reach.stage = stage;
        if (reached)
            reached(reach);
    };
    tell(WriteStage::Checking);
    tell(WriteStage::Writing);
    Flashing::Result result;
    if (const auto active = activeSlot(firmware, m_order.image, task))
        result.before = *active;
    const auto begin = std::chrono::steady_clock::now();
    for (auto it = beside.begin(); it != beside.end(); ++it) {
        blobs->write(Blobs::Kind::File, u"suit/"_s + it.key(), it.value(), task.at(&writing));
        result.bytes += it.value().size();
        reach.done += it.value().size();
        tell(WriteStage::Writing);
    }
    const Firmware::WriteResult written = firmware.write(m_envelope, {.image = m_order.image}, task.at(&writing));
    writing.finish();
    reach.done = reach.total;
    result.written = true;
    result.bytes += written.bytes;
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    result.lineLimit = written.lineLimit;
    tell(WriteStage::Restarting);

    Reset *reset = device().resetter();
    if (!reset)
        throw Fault("device.lacks", {u"be restarted from here"_s});
    starting.setNote(u"waiting for the device to restart"_s);
    reset->reset(task.at(&starting));
    const DeviceFacts after = device().facts(task);
    const auto number = sequenceOf(after);
    if (number && *number != m_manifest.sequence())
        throw Fault("flash.suit-not-taken", {QString::number(m_manifest.sequence()), QString::number(*number)});
    Firmware *now = device().firmware();
    auto active = now ? activeSlot(*now, m_order.image, task) : std::nullopt;
    const bool same = active && runs(plans, *active);
    if (!number && !same && m_order.verify)
        throw Fault("flash.unverified", {});
    if (active) {
        if (!m_order.trial && !active->confirmed) {
            now->confirm(task);
            active = activeSlot(*now, m_order.image, task);
        }
        result.confirmed = active && active->confirmed;
        if (!m_order.trial && !result.confirmed)
            throw Fault("flash.not-confirmed", {u"of SUIT manifest %1"_s.arg(m_manifest.sequence())});
        result.now = *active;
        result.hash = active->hash;
        result.version = oneLine(active->version, 40);
    }
    result.compared = same ? u"hash read back"_s : number ? u"sequence number read back"_s : QString();
    starting.finish();
    return result;
}

// From here

const SuitPlan &SuitFlashing::chosen(const QList<SuitPlan> &plans) const
{
    for (const QString &name : m_manifest.severed()) {
        if (name != u"text")
            throw Fault("flash.suit-severed", {name});
    }
    // Cases that find everything in place store nothing; which one holds does not matter to one that writes anyway.
    const auto stores = [](const SuitPlan &plan) {
        return std::any_of(plan.components.begin(), plan.components.end(),
                           [](const auto &component) { return !component.stored.isEmpty(); });
    };
    const SuitPlan *found = nullptr;
    int ways = 0;
    for (const SuitPlan &plan : plans) {
        if (!stores(plan))
            continue;
        const auto sameWork = [](const SuitPlan::Component &a, const SuitPlan::Component &b) {
            return a.digest == b.digest && a.stored == b.stored && a.content == b.content && a.source == b.source;
        };
        const bool same = found && found->payloads == plan.payloads &&
                          std::equal(found->components.begin(), found->components.end(), plan.components.begin(),
                                     plan.components.end(), sameWork);
        if (!same)
            ++ways;
        if (!found)
            found = &plan;
    }
    if (!found)
        throw Fault("flash.suit-nothing", {});
    if (ways > 1)
        throw Fault("flash.suit-cases", {QString::number(ways)});
    return *found;
}

QByteArray SuitFlashing::bytesOf(const SuitPlan &plan, int component, int depth) const
{
    const SuitPlan::Component &one = plan.components[component];
    const QString name = m_manifest.components().value(component);
    QByteArray bytes;
    if (one.stored == u"fetched") {
        const auto found = std::find_if(plan.payloads.rbegin(), plan.payloads.rend(),
                                        [component](const SuitPayload &p) { return p.component == component; });
        const auto content = found == plan.payloads.rend() ? std::nullopt : payload(*found);
        if (!content)
            throw Fault("flash.suit-payload", {found == plan.payloads.rend() ? name : oneLine(found->uri, 200)});
        bytes = *content;
    } else if (one.stored == u"written") {
        bytes = one.content;
    } else if (one.stored == u"copied" && one.source && depth < deepestCopy &&
               !plan.components[*one.source].stored.isEmpty()) {
        bytes = bytesOf(plan, *one.source, depth + 1);
    } else {
        throw Fault("flash.suit-action", {name, one.stored.isEmpty() ? u"copied"_s : one.stored});
    }
    if (one.size && quint64(bytes.size()) != *one.size)
        throw Fault("firmware.suit-payload-size",
                    {u"for "_s + name, QString::number(bytes.size()), QString::number(*one.size)});
    if (one.digest && !one.digest->isOf(bytes))
        throw Fault("firmware.suit-payload-digest", {u"for "_s + name});
    return bytes;
}

QList<SuitFlashing::Part> SuitFlashing::parts(const SuitPlan &plan, Device &device) const
{
    QSet<int> sources;
    for (const SuitPlan::Component &component : plan.components) {
        if (component.source)
            sources.insert(*component.source);
    }
    QList<Part> out;
    for (qsizetype i = 0; i < plan.components.size(); ++i) {
        const QString place = m_order.suit.places.value(m_manifest.components()[i]);
        const bool ends = !sources.contains(int(i)); // others only hold what is copied on
        if (!plan.components[i].stored.isEmpty() && (ends || !place.isEmpty()))
            out.append({int(i), place, bytesOf(plan, int(i))});
    }
    // The one image slot, or a file that says itself where it belongs, needs no words.
    for (const Part &part : std::as_const(out)) {
        const bool plain = out.size() == 1 && (device.firmware() || m_order.files.front().at ||
                                               FirmwareFile::parse(part.bytes).hasAddresses());
        if (part.place.isEmpty() && !plain)
            throw Fault("flash.suit-place", {m_manifest.components()[part.component]});
    }
    return out;
}

Flashing::Result SuitFlashing::carryOut(const QList<SuitPlan> &plans, const std::function<Device &()> &device,
                                        const Task &task, const FlashSink &reached) const
{
    const QList<Part> all = parts(chosen(plans), device());
    FlashOrder memory = m_order;
    memory.suit = {};
    memory.signer.clear(); // the manifest vouches for every byte
    memory.files.clear();
    memory.reinstall = m_order.reinstall || m_order.suit.sameSequence;
    FlashOrder slot = memory;
    QList<std::pair<Blobs::Kind, Part>> blobs;
    QList<Flashing::Result::Piece> pieces;
    for (const Part &part : all) {
        const QString name = m_manifest.components()[part.component];
        static const QRegularExpression image(u"^image ([0-9]|1[0-5])$"_s);
        const FlashFile file{.name = name, .bytes = part.bytes};
        const auto imageNumber = image.match(part.place);
        const auto address = parseAddress(part.place);
        if (part.place.isEmpty()) {
            const bool here = !device().firmware() || FirmwareFile::parse(part.bytes).hasAddresses();
            (here && device().memory() ? memory : slot).files << file;
            (here && device().memory() ? memory : slot).files.back().at = m_order.files.front().at;
        } else if (imageNumber.hasMatch()) {
            if (!slot.files.isEmpty())
                throw Fault("device.lacks", {u"take two images at once"_s});
            slot.image = imageNumber.captured(1).toInt();
            slot.files << file;
        } else if (part.place.startsWith(u"file:") && part.place.size() > 5) {
            blobs.append({Blobs::Kind::File, part});
        } else if (part.place.startsWith(u"setting:") && part.place.size() > 8) {
            blobs.append({Blobs::Kind::Setting, part});
        } else if (address) {
            memory.files << file;
            memory.files.back().at = *address;
        } else {
            throw Fault("flash.suit-bad-place", {oneLine(part.place, 60), name});
        }
        pieces.append({name, part.place.isEmpty() ? u"image %1"_s.arg(m_order.image) : part.place, sha256(part.bytes),
                       part.bytes.size()});
    }
    // All that can be said against any of it, before anything is sent.
    std::optional<Flashing> toMemory, toSlot;
    if (!memory.files.isEmpty()) {
        if (!device().memory())
            throw Fault("device.lacks", {u"take components at addresses"_s});
        memory.start = m_order.start && slot.files.isEmpty();
        toMemory.emplace(memory);
    }
    if (!slot.files.isEmpty()) {
        if (!device().firmware())
            throw Fault("device.lacks", {u"take components as images"_s});
        toSlot.emplace(slot);
    }
    if (!blobs.isEmpty() && !device().blobs())
        throw Fault("device.lacks", {u"take components as files or settings"_s});

    Flashing::Result result;
    FlashReach reach;
    for (const auto &[kind, part] : blobs)
        reach.total += part.bytes.size();
    for (const auto &[kind, part] : blobs) {
        if (reached && reach.done == 0) {
            reached(reach);
            reach.stage = WriteStage::Writing;
        }
        if (reached)
            reached(reach);
        const QString name = part.place.section(u':', 1);
        Blobs &on = *device().blobs();
        on.write(kind, name, part.bytes, task.at(nullptr));
        const auto told = kind == Blobs::Kind::File ? on.sha256(name, task) : std::nullopt;
        if (told ? *told != sha256(part.bytes) : on.read(kind, name, task.at(nullptr)) != part.bytes)
            throw Fault("set.differs", {oneLine(name, 60)});
        reach.done += part.bytes.size();
        result.bytes += part.bytes.size();
        result.written = true;
        result.compared = u"read back"_s;
    }
    if (!blobs.isEmpty())
        device().blobs()->commitSettings(task.at(nullptr));
    for (std::optional<Flashing> *one : {&toMemory, &toSlot}) {
        if (!*one)
            continue;
        const qint64 before = result.bytes;
        const bool written = result.written;
        result = (*one)->run(device, task, reached);
        result.bytes += before;
        result.written = result.written || written;
    }
    result.pieces = pieces;
    return result;
}

} // namespace slipway
