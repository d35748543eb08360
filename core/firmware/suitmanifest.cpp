#include "core/firmware/suitmanifest.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/firmware/suitprogram.h"

#include <QCborArray>
#include <QJsonArray>

#include <algorithm>

namespace slipway {

namespace {

constexpr char manifestFault[] = "firmware.suit-manifest";
constexpr qsizetype longestText = 400;

[[noreturn]] void refuse(const QString &what)
{
    throw Fault(manifestFault, {what});
}

// "usr/bin/env" where all of it can be read, else hex: "00".
QString componentName(const QCborValue &id)
{
    const QCborArray parts = id.toArray();
    if (!id.isArray() || parts.size() > 16)
        refuse(QStringLiteral("one of its components has no name"));
    QStringList names;
    for (const QCborValue &part : parts) {
        const QByteArray bytes = part.toByteArray();
        if (!part.isByteArray())
            refuse(QStringLiteral("one of its components has no name"));
        const bool readable = !bytes.isEmpty() && std::all_of(bytes.begin(), bytes.end(),
                                                              [](char c) { return c > 0x20 && c < 0x7f && c != '/'; });
        names << (readable ? QString::fromLatin1(bytes) : hex(bytes));
    }
    return oneLine(names.join(u'/'), 200);
}

QString sequenceName(int key)
{
    return key == suit::PayloadFetch ? QStringLiteral("payload-fetch")
           : key == suit::Install    ? QStringLiteral("install")
                                     : QStringLiteral("text");
}

QJsonObject digestJson(const suit::Digest &digest)
{
    return {{QStringLiteral("algorithm"), digest.algorithmName()}, {QStringLiteral("value"), hex(digest.bytes)}};
}

} // namespace

void SuitManifest::read(const QByteArray &manifest, const SuitEnvelope &envelope)
{
    const QCborValue value = suit::strictCbor(manifest, QStringLiteral("it"), manifestFault);
    const QCborMap map = value.toMap();
    if (!value.isMap())
        refuse(QStringLiteral("it is no map"));
    const QCborValue version = map.value(suit::Version);
    if (!version.isInteger() || version.toInteger() != 1)
        throw Fault("firmware.suit-version",
                    {version.isInteger() ? QString::number(version.toInteger()) : QStringLiteral("none")});
    const QCborValue number = map.value(suit::SequenceNumber);
    if (!number.isInteger() || number.toInteger() < 0)
        refuse(QStringLiteral("it has no sequence number"));
    m_sequence = quint64(number.toInteger());

    const QCborValue commonBytes = map.value(suit::Common);
    if (!commonBytes.isByteArray())
        refuse(QStringLiteral("it has no common part"));
    const QCborMap common =
        suit::strictCbor(commonBytes.toByteArray(), QStringLiteral("its common part"), manifestFault).toMap();
    QByteArray shared;
    for (auto it = common.constBegin(); it != common.constEnd(); ++it) {
        if (it.key() == QCborValue(suit::Components)) {
            const QCborArray list = it.value().toArray();
            if (list.size() > MaximumComponents)
                refuse(QStringLiteral("it has more than %1 components").arg(MaximumComponents));
            for (const QCborValue &id : list) {
                const QString name = componentName(id);
                if (m_components.contains(name))
                    refuse(QStringLiteral("it has the component %1 twice").arg(name));
                m_components << name;
            }
        } else if (it.key() == QCborValue(suit::SharedSequence) && it.value().isByteArray()) {
            shared = it.value().toByteArray();
        } else {
            throw Fault("firmware.suit-unsupported", {QStringLiteral("an unknown element of its common part")});
        }
    }
    if (m_components.isEmpty())
        refuse(QStringLiteral("it names no component"));

    auto program = std::make_shared<Program>();
    program->components = int(m_components.size());
    suit::CommandReader reader(program->components);
    if (!shared.isEmpty())
        program->shared = reader.read(shared, QStringLiteral("shared"), true);
    const auto commands = [&reader](const QByteArray &bytes, int key) {
        const QString name = key == suit::Validate ? QStringLiteral("validate")
                             : key == suit::Load   ? QStringLiteral("load")
                             : key == suit::Invoke ? QStringLiteral("invoke")
                                                   : sequenceName(key);
        return reader.read(bytes, name, false);
    };
    QByteArray text;
    QMap<int, QByteArray> severable = envelope.severable();
    for (auto it = map.constBegin(); it != map.constEnd(); ++it) {
        const int key = it.key().isInteger() ? int(std::clamp<qint64>(it.key().toInteger(), -1, 1000)) : -1;
        const QCborValue element = it.value();
        switch (key) {
        case suit::Version:
        case suit::SequenceNumber:
        case suit::Common:
            break;
        case suit::ReferenceUri:
            if (!element.isString())
                refuse(QStringLiteral("its reference is no text"));
            m_referenceUri = oneLine(element.toString(), 2000);
            break;
        case suit::Validate:
        case suit::Load:
        case suit::Invoke:
            if (!element.isByteArray())
                refuse(QStringLiteral("one of its sequences is not wrapped as a byte string"));
            (key == suit::Validate ? program->validate
             : key == suit::Load   ? program->load
                                   : program->invoke) = commands(element.toByteArray(), key);
            break;
        case suit::PayloadFetch:
        case suit::Install:
        case suit::Text: {
            QByteArray bytes;
            if (element.isByteArray()) {
                bytes = element.toByteArray();
            } else {
                const QString what = QStringLiteral("the digest of its %1 part").arg(sequenceName(key));
                const suit::Digest digest = suit::Digest::read(element, what, manifestFault);
                const auto found = severable.find(key);
                if (found == severable.end()) {
                    m_severed << sequenceName(key);
                    break;
                }
                if (!digest.isOfWrapped(*found))
                    throw Fault("firmware.suit-severed", {sequenceName(key)});
                bytes = *found;
                severable.erase(found);
            }
            if (key == suit::Text)
                text = bytes;
            else
                (key == suit::PayloadFetch ? program->fetch : program->install) = commands(bytes, key);
            break;
        }
        default:
            throw Fault("firmware.suit-unsupported",
                        {QStringLiteral("the element %1 of the manifest").arg(it.key().toInteger())});
        }
    }
    if (!severable.isEmpty())
        throw Fault("firmware.suit-unvouched", {QStringLiteral("part ") + sequenceName(severable.firstKey())});
    program->uris = reader.uris();
    m_integrated = envelope.integrated();
    const bool whole =
        std::none_of(m_severed.begin(), m_severed.end(), [](const auto &name) { return name != u"text"; });
    for (auto it = m_integrated.constBegin(); whole && it != m_integrated.constEnd(); ++it) {
        if (!program->uris.contains(it.key()))
            throw Fault("firmware.suit-unvouched", {oneLine(it.key(), 80)});
    }
    m_program = program;
    m_plans = program->follow({});
    if (!text.isEmpty())
        readTexts(text);
}

void SuitManifest::readTexts(const QByteArray &bytes)
{
    const QCborMap languages = suit::strictCbor(bytes, QStringLiteral("its text"), manifestFault).toMap();
    if (languages.isEmpty())
        refuse(QStringLiteral("its text is no map of languages"));
    const QCborValue english = languages.value(QStringLiteral("en"));
    const QCborMap words = (english.isMap() ? english : QCborValue(languages.constBegin().value())).toMap();
    static const QMap<int, QString> general{{1, QStringLiteral("description")}, {2, QStringLiteral("update")}};
    static const QMap<int, QString> ofComponent{{1, QStringLiteral("vendor")},      {2, QStringLiteral("model")},
                                                {3, QStringLiteral("domain")},      {4, QStringLiteral("model-info")},
                                                {5, QStringLiteral("description")}, {6, QStringLiteral("version")}};
    for (auto it = words.constBegin(); it != words.constEnd(); ++it) {
        if (it.key().isInteger()) {
            const QString name = general.value(int(std::clamp<qint64>(it.key().toInteger(), -1, 100)));
            if (!name.isEmpty())
                m_texts.insert(name, oneLine(it.value().toString(), longestText));
            continue;
        }
        const QString component = componentName(it.key());
        if (!m_components.contains(component))
            refuse(QStringLiteral("its text is about a component that it does not have"));
        const QCborMap inner = it.value().toMap();
        for (auto word = inner.constBegin(); word != inner.constEnd(); ++word) {
            const QString name = ofComponent.value(int(std::clamp<qint64>(word.key().toInteger(), -1, 100)));
            if (!name.isEmpty())
                m_texts.insert(name + QStringLiteral(" of ") + component,
                               oneLine(word.value().toString(), longestText));
        }
    }
}

QList<SuitPlan> SuitManifest::check(const SuitTarget &target) const
{
    if (target.sequence && m_sequence < *target.sequence)
        throw Fault("firmware.suit-older", {QString::number(m_sequence), QString::number(*target.sequence)});
    if (target.sequence && m_sequence == *target.sequence && !target.allowEqual)
        throw Fault("firmware.suit-equal", {QString::number(m_sequence)});
    if (target.components && m_components.size() > *target.components) {
        throw Fault("firmware.suit-components",
                    {QString::number(m_components.size()), QString::number(*target.components)});
    }
    const QList<SuitPlan> plans = m_program->follow(target);
    // A manifest that never asks would fit every device there is.
    const auto asks = [&plans](auto field) {
        return std::all_of(plans.begin(), plans.end(), [field](const SuitPlan &plan) {
            return std::any_of(plan.components.begin(), plan.components.end(),
                               [field](const auto &component) { return !(component.*field).isEmpty(); });
        });
    };
    if (target.vendor && !asks(&SuitPlan::Component::vendor))
        throw Fault("firmware.suit-no-identity", {QStringLiteral("vendor")});
    if (target.deviceClass && !asks(&SuitPlan::Component::deviceClass))
        throw Fault("firmware.suit-no-identity", {QStringLiteral("class")});
    return plans;
}

QStringList SuitManifest::checkPayloads(const QList<QByteArray> &detached) const
{
    QStringList notGiven;
    std::vector<bool> used(size_t(detached.size()), false);
    std::vector<std::pair<suit::Digest, std::optional<quint64>>> known;
    for (const SuitPlan &plan : m_plans) {
        for (const SuitPlan::Component &component : plan.components) {
            if (component.digest)
                known.emplace_back(*component.digest, component.size);
        }
        for (const SuitPayload &payload : plan.payloads) {
            known.emplace_back(*payload.digest, payload.size);
            const QString name = oneLine(payload.uri, 80);
            const auto inside = m_integrated.constFind(payload.uri);
            if (inside != m_integrated.constEnd()) {
                if (payload.size && quint64(inside->size()) != *payload.size) {
                    throw Fault("firmware.suit-payload-size",
                                {name, QString::number(inside->size()), QString::number(*payload.size)});
                }
                if (!payload.digest->isOf(*inside))
                    throw Fault("firmware.suit-payload-digest", {name});
                continue;
            }
            if (payload.uri.startsWith(u'#'))
                throw Fault("firmware.suit-payload-missing", {name});
            const bool given = std::any_of(detached.begin(), detached.end(), [&payload](const QByteArray &bytes) {
                return (!payload.size || quint64(bytes.size()) == *payload.size) && payload.digest->isOf(bytes);
            });
            if (!given && !notGiven.contains(name))
                notGiven << name;
        }
    }
    for (qsizetype i = 0; i < detached.size(); ++i) {
        const QByteArray &bytes = detached[i];
        const bool size = std::any_of(known.begin(), known.end(), [&bytes](const auto &one) {
            return !one.second || *one.second == quint64(bytes.size());
        });
        const bool whole = std::any_of(known.begin(), known.end(), [&bytes](const auto &one) {
            return (!one.second || *one.second == quint64(bytes.size())) && one.first.isOf(bytes);
        });
        const QString name = detached.size() == 1 ? QStringLiteral("given") : QStringLiteral("number %1").arg(i + 1);
        if (!size && !known.empty()) {
            throw Fault("firmware.suit-payload-size",
                        {name, QString::number(bytes.size()), QString::number(known.front().second.value_or(0))});
        }
        if (!whole)
            throw Fault("firmware.suit-payload-digest", {name});
    }
    return notGiven;
}

QJsonObject SuitManifest::toJson() const
{
    QJsonArray plans;
    for (const SuitPlan &plan : m_plans) {
        QJsonArray components;
        for (qsizetype i = 0; i < plan.components.size(); ++i) {
            const SuitPlan::Component &component = plan.components[i];
            QJsonObject object{{QStringLiteral("component"), m_components[i]}};
            const auto put = [&object](const char *key, const QString &text) {
                if (!text.isEmpty())
                    object[QLatin1String(key)] = text;
            };
            put("vendor", component.vendor);
            put("class", component.deviceClass);
            put("device", component.device);
            put("stored", component.stored);
            if (component.source)
                put("source", m_components[*component.source]);
            if (component.slot)
                object[QStringLiteral("slot")] = qint64(*component.slot);
            if (component.digest)
                object[QStringLiteral("digest")] = digestJson(*component.digest);
            if (component.size)
                object[QStringLiteral("size")] = qint64(*component.size);
            if (component.invoked)
                object[QStringLiteral("invoked")] = true;
            components << object;
        }
        QJsonArray payloads;
        for (const SuitPayload &payload : plan.payloads) {
            QJsonObject object{{QStringLiteral("uri"), oneLine(payload.uri, 2000)},
                               {QStringLiteral("component"), m_components[payload.component]},
                               {QStringLiteral("digest"), digestJson(*payload.digest)},
                               {QStringLiteral("integrated"), m_integrated.contains(payload.uri)}};
            if (payload.size)
                object[QStringLiteral("size")] = qint64(*payload.size);
            payloads << object;
        }
        plans << QJsonObject{{QStringLiteral("components"), components}, {QStringLiteral("payloads"), payloads}};
    }
    QJsonObject texts;
    for (auto it = m_texts.constBegin(); it != m_texts.constEnd(); ++it)
        texts[it.key()] = it.value();
    QJsonObject json{{QStringLiteral("sequence"), qint64(m_sequence)},
                     {QStringLiteral("components"), QJsonArray::fromStringList(m_components)},
                     {QStringLiteral("plans"), plans},
                     {QStringLiteral("severed"), QJsonArray::fromStringList(m_severed)},
                     {QStringLiteral("texts"), texts}};
    if (!m_referenceUri.isEmpty())
        json[QStringLiteral("reference-uri")] = m_referenceUri;
    return json;
}

} // namespace slipway
