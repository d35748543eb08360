#include "core/firmware/suitcommands.h"

#include "core/base/fault.h"

#include <QCborArray>

#include <algorithm>
#include <numeric>

namespace slipway::suit {

namespace {

constexpr char manifestFault[] = "firmware.suit-manifest";

[[noreturn]] void refuse(const QString &what)
{
    throw Fault(manifestFault, {what});
}

[[noreturn]] void unsupported(const QString &what)
{
    throw Fault("firmware.suit-unsupported", {what});
}

bool actsOnComponent(int code)
{
    return code == Write || code == Fetch || code == Copy || code == InvokeComponent || code == Swap;
}

bool takesPolicy(int code)
{
    return code == CheckVendor || code == CheckClass || code == ImageMatch || code == ComponentSlot ||
           code == CheckContent || code == Abort || code == CheckDevice || actsOnComponent(code);
}

bool hasType(int key, const QCborValue &value)
{
    const bool number = value.isInteger() && value.toInteger() >= 0;
    switch (key) {
    case VendorId:
        return (value.isByteArray() && value.toByteArray().size() == 16) ||
               (value.isTag() && quint64(value.tag()) == 112 && value.taggedValue().isByteArray());
    case ClassId:
    case DeviceId:
        return value.isByteArray() && value.toByteArray().size() == 16;
    case Slot:
    case ImageSize:
    case SourceComponent:
        return number;
    case StrictOrder:
    case SoftFailure:
        return value.isBool();
    case ImageDigest:
    case Content:
    case InvokeArguments:
    case FetchArguments:
        return value.isByteArray();
    case Uri:
        return value.isString();
    default:
        return false;
    }
}

bool isKnownParameter(qint64 key)
{
    switch (key) {
    case VendorId:
    case ClassId:
    case ImageDigest:
    case Slot:
    case StrictOrder:
    case SoftFailure:
    case ImageSize:
    case Content:
    case Uri:
    case SourceComponent:
    case InvokeArguments:
    case DeviceId:
    case FetchArguments:
        return true;
    default:
        return false;
    }
}

} // namespace

Sequence CommandReader::read(const QByteArray &bytes, const QString &name, bool shared)
{
    const Sequence out =
        items(strictCbor(bytes, QStringLiteral("its %1 sequence").arg(name), manifestFault), name, shared, 1);
    if (m_components > 1 && (out.empty() || out.front().code != SetComponentIndex))
        refuse(QStringLiteral("its %1 sequence does not begin by choosing a component").arg(name));
    return out;
}

Sequence CommandReader::sequence(const QCborValue &wrapped, const QString &name, bool shared, int depth)
{
    if (depth > MaximumDepth)
        refuse(QStringLiteral("its %1 sequence is nested deeper than %2").arg(name).arg(MaximumDepth));
    if (!wrapped.isByteArray())
        refuse(QStringLiteral("its %1 sequence holds a sequence that is none").arg(name));
    return items(strictCbor(wrapped.toByteArray(), QStringLiteral("its %1 sequence").arg(name), manifestFault), name,
                 shared, depth);
}

Sequence CommandReader::items(const QCborValue &list, const QString &name, bool shared, int depth)
{
    const QCborArray array = list.toArray();
    if (!list.isArray() || array.isEmpty() || array.size() % 2 != 0)
        refuse(QStringLiteral("its %1 sequence is no list of commands and arguments").arg(name));
    Sequence out;
    for (qsizetype i = 0; i < array.size(); i += 2) {
        if (!array[i].isInteger())
            refuse(QStringLiteral("its %1 sequence is no list of commands and arguments").arg(name));
        if (++m_commands > MaximumCommands)
            refuse(QStringLiteral("it has more than %1 commands").arg(MaximumCommands));
        out.push_back(command(array[i].toInteger(), array[i + 1], name, shared, depth));
    }
    return out;
}

Command CommandReader::command(qint64 code, const QCborValue &argument, const QString &name, bool shared, int depth)
{
    Command out;
    out.code = int(std::clamp<qint64>(code, -1, 1000));
    if (code < 0)
        unsupported(QStringLiteral("the private command %1").arg(code));
    if (takesPolicy(out.code)) {
        if (shared && actsOnComponent(out.code))
            refuse(QStringLiteral("its shared sequence does more than to check"));
        if (!argument.isInteger() || argument.toInteger() < 0 || argument.toInteger() > 15)
            refuse(QStringLiteral("command %1 of its %2 sequence has no reporting policy").arg(code).arg(name));
        return out;
    }
    switch (out.code) {
    case SetComponentIndex:
        out.components = indices(argument, name);
        break;
    case OverrideParameters:
        out.parameters = parameters(argument, name, depth);
        break;
    case RunSequence:
        out.alternatives = {sequence(argument, name, shared, depth + 1)};
        break;
    case TryEach: {
        QCborArray list = argument.toArray();
        out.orNothing = !list.isEmpty() && list.last().isNull();
        if (out.orNothing)
            list.removeLast();
        if (!argument.isArray() || list.size() < (out.orNothing ? 1 : 2))
            refuse(QStringLiteral("its %1 sequence has a choice of fewer than two").arg(name));
        for (const QCborValue &item : list)
            out.alternatives.push_back(sequence(item, name, shared, depth + 1));
        break;
    }
    default:
        unsupported(QStringLiteral("the command %1").arg(code));
    }
    return out;
}

std::vector<int> CommandReader::indices(const QCborValue &argument, const QString &name) const
{
    std::vector<int> out;
    if (argument.isTrue()) {
        out.resize(size_t(m_components));
        std::iota(out.begin(), out.end(), 0);
        return out;
    }
    const QCborArray list = argument.isArray() ? argument.toArray() : QCborArray{argument};
    for (const QCborValue &item : list) {
        if (!item.isInteger() || item.toInteger() < 0 || item.toInteger() >= m_components)
            refuse(QStringLiteral("its %1 sequence chooses a component that it does not have").arg(name));
        out.push_back(int(item.toInteger()));
        if (out.size() > size_t(m_components))
            refuse(QStringLiteral("its %1 sequence chooses a component twice").arg(name));
    }
    if (out.empty())
        refuse(QStringLiteral("its %1 sequence chooses no component").arg(name));
    return out;
}

Parameters CommandReader::parameters(const QCborValue &argument, const QString &name, int depth)
{
    const QCborMap map = argument.toMap();
    if (!argument.isMap() || map.isEmpty())
        refuse(QStringLiteral("its %1 sequence sets parameters that are none").arg(name));
    Parameters out;
    for (auto it = map.constBegin(); it != map.constEnd(); ++it) {
        const qint64 key = it.key().toInteger(-1);
        if (!it.key().isInteger() || !isKnownParameter(key)) {
            unsupported(it.key().isInteger() ? QStringLiteral("the parameter %1").arg(it.key().toInteger())
                                             : QStringLiteral("a parameter without a number"));
        }
        const QCborValue value = it.value();
        if (!hasType(int(key), value))
            refuse(QStringLiteral("parameter %1 of its %2 sequence is not of its type").arg(key).arg(name));
        if (key == ImageDigest) {
            const QString what = QStringLiteral("an image digest");
            Digest::read(strictCbor(value.toByteArray(), what, manifestFault), what, manifestFault);
        }
        if (key == SourceComponent && value.toInteger() >= m_components)
            refuse(QStringLiteral("its %1 sequence copies from a component that it does not have").arg(name));
        if (key == SoftFailure && depth < 2)
            refuse(QStringLiteral("its %1 sequence wants failures to be passed over where they may not").arg(name));
        if (key == Uri)
            m_uris.append(value.toString());
        out.insert(int(key), value);
    }
    return out;
}

} // namespace slipway::suit
