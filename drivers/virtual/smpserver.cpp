#include "drivers/virtual/smpserver.h"

#include "drivers/virtual/faultdesk.h"

#include <QCborArray>

namespace slipway {

SmpParameters::SmpParameters(QByteArrayView body)
{
    const CborDecoded decoded = decodeCbor(body, {.bytes = 64 * 1024, .depth = 8, .items = 512});
    if (decoded.ok() && decoded.value.isMap())
        m_map = decoded.value.toMap();
    else
        m_bad = true;
}

std::optional<quint64> SmpParameters::number(QLatin1String key)
{
    const QCborValue value = m_map.value(key);
    if (value.isUndefined())
        return {};
    if (value.isInteger() && value.toInteger() >= 0)
        return static_cast<quint64>(value.toInteger());
    m_bad = true;
    return {};
}

std::optional<QByteArray> SmpParameters::blob(QLatin1String key)
{
    const QCborValue value = m_map.value(key);
    if (value.isByteArray())
        return value.toByteArray();
    m_bad = m_bad || !value.isUndefined();
    return {};
}

std::optional<QString> SmpParameters::text(QLatin1String key)
{
    const QCborValue value = m_map.value(key);
    if (value.isString())
        return value.toString();
    m_bad = m_bad || !value.isUndefined();
    return {};
}

std::optional<bool> SmpParameters::flag(QLatin1String key)
{
    const QCborValue value = m_map.value(key);
    if (value.isBool())
        return value.toBool();
    m_bad = m_bad || !value.isUndefined();
    return {};
}

std::optional<QStringList> SmpParameters::texts(QLatin1String key)
{
    const QCborValue value = m_map.value(key);
    if (value.isUndefined())
        return {};
    QStringList all;
    const QCborArray array = value.toArray();
    m_bad = m_bad || !value.isArray();
    for (const QCborValue &one : array) {
        m_bad = m_bad || !one.isString();
        all.append(one.toString());
    }
    return all;
}

std::optional<QList<quint64>> SmpParameters::numbers(QLatin1String key)
{
    const QCborValue value = m_map.value(key);
    if (value.isUndefined())
        return {};
    QList<quint64> all;
    const QCborArray array = value.toArray();
    m_bad = m_bad || !value.isArray();
    for (const QCborValue &one : array) {
        m_bad = m_bad || !one.isInteger() || one.toInteger() < 0;
        all.append(static_cast<quint64>(one.toInteger()));
    }
    return all;
}

SmpServer::SmpServer(const VirtualSmpOptions &options, FaultDesk &faults, VirtualBoard &board, Bootloader &boot)
    : server(options.server), m_options(options), m_faults(faults), m_board(board), m_boot(boot)
{}

void SmpServer::restart()
{
    m_upload = {};
    m_file = {};
    m_lastHeader.clear();
    m_started = std::chrono::steady_clock::now();
    // A serial recovery that is left starts the application it was given.
    if (server == VirtualSmpOptions::Server::McubootRecovery && m_boot.refusal(0).isEmpty())
        server = VirtualSmpOptions::Server::Zephyr;
}

SmpServer::Answer SmpServer::handle(const QByteArray &message)
{
    m_answer = {};
    const auto header = SmpHeader::decode(message);
    if (!header || message.size() < SmpHeader::size + header->length)
        return m_answer;
    m_version2 = header->version > 0;
    m_out = {};
    m_out.beginMap();
    Result result;
    if (header->isResponse()) {
        result = Result::error(invalid);
    } else if (header->version > 1) {
        result = Result::error(tooNew);
    } else if (m_faults.strike(VirtualFault::Kind::NoMemory)) {
        result = Result::error(noMemory);
    } else {
        SmpParameters in(QByteArrayView(message).sliced(SmpHeader::size, header->length));
        result = dispatch(*header, in);
    }

    SmpHeader reply = *header;
    reply.op = SmpHeader::responseTo(header->op);
    reply.flags = 0;
    if (result.mute) {
        m_answer.message = m_lastHeader;
        return m_answer;
    }
    if (!result.ok()) {
        m_out = {};
        m_out.beginMap();
        if (result.group >= 0 && m_version2)
            m_out.text("err").beginMap().put("group", result.group).put("rc", result.code).end();
        else
            m_out.put("rc", result.group >= 0 ? translated(result.group, result.code) : result.rc);
    }
    m_out.end();
    reply.length = static_cast<std::uint16_t>(m_out.bytes().size());
    m_lastHeader = reply.encoded();
    m_answer.message = m_lastHeader + m_out.bytes();
    return m_answer;
}

SmpServer::Result SmpServer::dispatch(const SmpHeader &header, SmpParameters &in)
{
    if (server == VirtualSmpOptions::Server::McubootRecovery)
        return recovery(header, in);
    switch (header.group) {
    case 0:
        return os(header, in);
    case 1:
        return image(header, in);
    case 2:
        return statistics(header, in);
    case 3:
        return settings(header, in);
    case 8:
        return files(header, in);
    case 9:
        return shell(header, in);
    case 10:
        return m_options.extendedGroups ? enumeration(header, in) : Result::error(unsupported);
    case 63:
        return basic(header);
    default:
        return Result::error(unsupported);
    }
}

void SmpServer::success()
{
    if (m_options.legacyRc)
        m_out.put("rc", 0);
}

// What a version-1 client is told instead of a group's own code.
int SmpServer::translated(int group, int code) const
{
    switch (group) {
    case 0: // os: format, no answer, clock not set
        return code == 2 ? invalid : (code == 3 || code == 4) ? noEntry : unknown;
    case 1:
        switch (code) {
        case 3:
        case 4:
            return noEntry;
        case 9:
        case 27:
        case 28:
            return badState;
        case 15:
            return noMemory;
        case 14:
        case 19:
        case 20:
        case 21:
        case 22:
        case 24:
            return invalid;
        default:
            return unknown;
        }
    case 3:
        return code == VirtualBoard::settingKeyTooLong ? invalid
               : code == VirtualBoard::settingNotFound ? noEntry
                                                       : unknown;
    case 8:
        return code == VirtualBoard::fileInvalidName ? invalid : unknown;
    default:
        return unknown;
    }
}

void SmpServer::charge(qint64 from, qint64 to)
{
    const auto units = [&](qint64 size) { return (to + size - 1) / size - (from + size - 1) / size; };
    m_answer.cost += m_options.eraseTime * units(4096) + m_options.programTime * units(256);
}

void SmpServer::took(qint64 bytes)
{
    const auto now = std::chrono::steady_clock::now();
    uploadedBytes += bytes;
    if (!firstUploadAt)
        firstUploadAt = now;
    lastUploadAt = now;
}

} // namespace slipway
