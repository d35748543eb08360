#include "drivers/smp/smpmessage.h"

#include "core/base/text.h"
#include "core/codec/cbor.h"

namespace slipway {

namespace {

constexpr CborLimits replyLimits{.bytes = 64 * 1024, .depth = 8, .items = 4096};

// The error in a body: {"err": {"group", "rc"}} (version 2), {"rc"} other than 0 (version 1, and version 2 where no
// handler was reached).
std::optional<SmpError> errorIn(const QCborMap &body)
{
    SmpError error;
    error.reason = oneLine(body.value(QLatin1String("rsn")).toString(), 160);
    const QCborValue err = body.value(QLatin1String("err"));
    if (err.isMap()) {
        const QCborMap map = err.toMap();
        error.group = static_cast<quint16>(map.value(QLatin1String("group")).toInteger());
        error.rc = map.value(QLatin1String("rc")).toInteger();
        if (error.rc == 0)
            return std::nullopt;
        return error;
    }
    const QCborValue rc = body.value(QLatin1String("rc"));
    if (!rc.isInteger() || rc.toInteger() == 0)
        return std::nullopt;
    error.rc = rc.toInteger();
    return error;
}

} // namespace

SmpRequest SmpRequest::read(quint16 group, quint8 command, Members members)
{
    return {SmpHeader::Read, group, command, encodeMembers(members)};
}

SmpRequest SmpRequest::write(quint16 group, quint8 command, Members members)
{
    return {SmpHeader::Write, group, command, encodeMembers(members)};
}

QByteArray SmpRequest::encodeMembers(Members members)
{
    QByteArray out;
    appendCborHead(out, 5, members.size());
    for (const auto &[name, value] : members) {
        appendCborText(out, QByteArrayView(name.data(), name.size()));
        out += value.toCbor();
    }
    return out;
}

QByteArray SmpRequest::packet(quint8 version, quint8 sequence) const
{
    SmpHeader header;
    header.op = op;
    header.version = version;
    header.length = static_cast<quint16>(payload.size());
    header.group = group;
    header.sequence = sequence;
    header.command = command;
    QByteArray out;
    out.reserve(SmpHeader::size + payload.size());
    out.resize(SmpHeader::size);
    header.encode(out.data());
    out += payload;
    return out;
}

std::optional<SmpReply> SmpReply::parse(QByteArrayView packet)
{
    const auto header = SmpHeader::decode(packet);
    if (!header || !header->isResponse())
        return std::nullopt;
    SmpReply reply;
    reply.header = *header;
    const QByteArrayView body = packet.sliced(SmpHeader::size);
    if (body.size() < header->length) {
        reply.unreadable = QStringLiteral("%1 of %2 bytes came").arg(body.size()).arg(header->length);
        return reply;
    }
    const CborDecoded decoded = decodeCbor(body.first(header->length), replyLimits);
    if (!decoded.ok())
        reply.unreadable = decoded.error;
    else if (!decoded.value.isMap())
        reply.unreadable = QStringLiteral("not a map");
    else {
        reply.body = decoded.value.toMap();
        reply.error = errorIn(reply.body);
    }
    return reply;
}

void SmpReply::require(const QString &what) const
{
    if (!unreadable.isEmpty())
        throw Fault("smp.bad-reply", {what}, unreadable);
    if (!error)
        return;
    if (error->isNotSupported())
        throw Fault("device.lacks", {what}, error->number());
    throw SmpRefusal(what, *error);
}

std::optional<qint64> SmpReply::integer(QLatin1String name) const
{
    const QCborValue value = body.value(name);
    if (!value.isInteger())
        return std::nullopt;
    return value.toInteger();
}

QString SmpReply::text(QLatin1String name) const
{
    return oneLine(body.value(name).toString(), 512);
}

bool SmpReply::flag(QLatin1String name) const
{
    return body.value(name).toBool(false);
}

} // namespace slipway
