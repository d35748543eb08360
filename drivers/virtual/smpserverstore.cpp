// Groups 2 (statistics), 3 (settings), 8 (file system) and 9 (shell), Zephyr "SMP Groups".
#include "drivers/virtual/faultdesk.h"
#include "drivers/virtual/smpserver.h"

#include <QCryptographicHash>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

enum StatError { statInvalidName = 3 };
enum ShellError { shellTooLong = 2, shellEmpty = 3 };
constexpr int longestCommand = 256;
constexpr int largestDatagram = 1472;

// CRC-32 of IEEE 802.3, as "crc32" of fs_mgmt.
quint32 crc32(QByteArrayView data)
{
    quint32 crc = ~0u;
    for (const char byte : data) {
        crc ^= static_cast<quint8>(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
    }
    return ~crc;
}

} // namespace

SmpServer::Result SmpServer::statistics(const SmpHeader &header, SmpParameters &in)
{
    if (header.op != SmpHeader::Read)
        return Result::error(unsupported);
    if (header.command == 1) {
        m_out.put("rc", 0).text("stat_list").beginList();
        m_out.text("flash_sim_stats").text("flash_sim_thresholds").text("smp_svr_stats").end();
        return {};
    }
    if (header.command != 0)
        return Result::error(unsupported);
    const auto name = in.text("name"_L1);
    if (in.bad() || !name)
        return Result::error(invalid);
    const qint64 seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - m_started).count();
    QList<std::pair<const char *, qint64>> fields;
    if (*name == u"smp_svr_stats") {
        fields = {{"ticks", seconds}, {"s1", 0}};
    } else if (*name == u"flash_sim_stats") {
        fields = {{"bytes_read", 0}, {"bytes_written", uploadedBytes}};
    } else if (*name == u"flash_sim_thresholds") {
        fields = {{"max_write_calls", 0}, {"max_erase_calls", 0}, {"max_len", 0}};
    } else {
        m_answer.log.append(u"<err> mcumgr_stat_grp: Invalid stat name: "_s + *name);
        Result result = Result::groupError(63, statInvalidName); // the group number as recorded
        result.mute = !m_version2;
        return result;
    }
    success();
    m_out.putText("name", *name).text("fields").beginMap();
    for (const auto &[key, value] : fields)
        m_out.put(key, value);
    m_out.end();
    return {};
}

SmpServer::Result SmpServer::settings(const SmpHeader &header, SmpParameters &in)
{
    const bool read = header.op == SmpHeader::Read;
    const auto verdict = [](int code) { return code ? Result::groupError(3, code) : Result{}; };
    switch (header.command) {
    case 0: {
        const QString name = in.text("name"_L1).value_or(QString());
        const auto value = in.blob("val"_L1);
        const auto limit = in.number("max_size"_L1);
        if (in.bad() || name.isEmpty())
            return Result::error(invalid);
        if (!read)
            return verdict(m_board.writeSetting(name, value.value_or(QByteArray())));
        QByteArray content;
        if (const int code = m_board.readSetting(name, content))
            return Result::groupError(3, code);
        constexpr quint64 longest = 256;
        const quint64 size = std::min(limit.value_or(longest), longest);
        m_out.putBlob("val", QByteArrayView(content).first(static_cast<qsizetype>(
                                 std::min<quint64>(size, static_cast<quint64>(content.size())))));
        if (limit && *limit > longest)
            m_out.put("max_size", static_cast<qint64>(longest));
        return {};
    }
    case 1: {
        const QString name = in.text("name"_L1).value_or(QString());
        if (read)
            return Result::error(unsupported);
        if (in.bad() || name.isEmpty())
            return Result::error(invalid);
        return verdict(m_board.deleteSetting(name));
    }
    case 2: // commit: what was set is in effect at once on this device
        return read ? Result::error(unsupported) : Result{};
    case 3:
        if (read)
            m_board.loadSettings();
        else
            m_board.saveSettings();
        return {};
    default:
        return Result::error(unsupported);
    }
}

SmpServer::Result SmpServer::files(const SmpHeader &header, SmpParameters &in)
{
    const bool read = header.op == SmpHeader::Read;
    switch (header.command) {
    case 0:
        return read ? fileDownload(in) : fileUpload(in);
    case 1: {
        const QString name = in.text("name"_L1).value_or(QString());
        if (!read)
            return Result::error(unsupported);
        if (in.bad() || name.isEmpty())
            return Result::error(invalid);
        if (const int code = m_board.lookAt(name))
            return Result::groupError(8, code);
        success();
        m_out.put("len", m_board.fileSize(name));
        return {};
    }
    case 2:
        return read ? fileHash(in) : Result::error(unsupported);
    case 3:
        if (!read)
            return Result::error(unsupported);
        m_out.text("types").beginMap();
        m_out.text("crc32").beginMap().put("format", 0).put("size", 4).end();
        m_out.text("sha256").beginMap().put("format", 1).put("size", 32).end();
        m_out.end();
        return {};
    case 4:
        m_file = {};
        return read ? Result::error(unsupported) : Result{};
    default:
        return Result::error(unsupported);
    }
}

SmpServer::Result SmpServer::fileDownload(SmpParameters &in)
{
    const auto offset = in.number("off"_L1);
    const QString name = in.text("name"_L1).value_or(QString());
    if (in.bad() || !offset || name.isEmpty())
        return Result::error(invalid);
    m_file = {};
    if (const int code = m_board.lookAt(name))
        return Result::groupError(8, code);
    QByteArray content = m_board.file(name);
    if (m_faults.has(VirtualFault::Kind::CertificateLost) && name == QLatin1String(VirtualBoard::certificateFile))
        content.clear();
    int buffer = m_options.bufferSize;
    if (m_options.link == VirtualSmpOptions::Link::Udp)
        buffer = std::min(buffer, largestDatagram);
    const qsizetype from = static_cast<qsizetype>(std::min<quint64>(*offset, static_cast<quint64>(content.size())));
    const QByteArrayView piece = QByteArrayView(content).sliced(from).first(
        std::min<qsizetype>(content.size() - from, std::max(1, buffer - 50)));
    success();
    m_out.put("off", static_cast<qint64>(*offset)).putBlob("data", piece);
    if (*offset == 0)
        m_out.put("len", content.size());
    return {};
}

SmpServer::Result SmpServer::fileUpload(SmpParameters &in)
{
    const auto offset = in.number("off"_L1);
    const QString name = in.text("name"_L1).value_or(QString());
    const QByteArray data = in.blob("data"_L1).value_or(QByteArray());
    const auto length = in.number("len"_L1);
    if (in.bad() || !offset || name.isEmpty() || (*offset == 0 && !length))
        return Result::error(invalid);
    if (const int code = m_board.mayWrite(name))
        return Result::groupError(8, code);
    if (*offset != 0) {
        const qint64 size = m_board.fileSize(name);
        if (m_file.name != name) { // opened anew: goes on at the end of what is there
            if (const int code = m_board.lookAt(name))
                return Result::groupError(8, code);
            m_file = {name, size};
        }
        if (*offset != static_cast<quint64>(m_file.offset)) {
            const qint64 expected = m_file.offset;
            m_file = {};
            if (m_version2)
                m_out.text("err").beginMap().put("group", 8).put("rc", VirtualBoard::fileOffsetNotValid).end();
            else
                m_out.put("rc", unknown);
            m_out.put("len", expected);
            return {};
        }
    } else {
        m_file = {name, 0};
    }
    if (const int code = m_board.write(name, static_cast<qint64>(*offset), data)) {
        m_file = {};
        return Result::groupError(8, code);
    }
    m_file.offset += data.size();
    success();
    m_out.put("off", m_file.offset);
    return {};
}

SmpServer::Result SmpServer::fileHash(SmpParameters &in)
{
    const QString name = in.text("name"_L1).value_or(QString());
    const QString type = in.text("type"_L1).value_or(u"crc32"_s);
    const quint64 offset = in.number("off"_L1).value_or(0);
    const auto length = in.number("len"_L1);
    if (in.bad() || name.isEmpty() || type.size() > 8 || length == 0u)
        return Result::error(invalid);
    if (type != u"crc32" && type != u"sha256")
        return Result::groupError(8, VirtualBoard::fileHashUnknown);
    if (const int code = m_board.lookAt(name))
        return Result::groupError(8, code);
    const QByteArray content = m_board.file(name);
    if (content.isEmpty())
        return Result::groupError(8, VirtualBoard::fileEmpty);
    if (offset >= static_cast<quint64>(content.size()))
        return Result::groupError(8, VirtualBoard::fileOffsetBeyond);
    QByteArrayView part = QByteArrayView(content).sliced(static_cast<qsizetype>(offset));
    if (length && *length < static_cast<quint64>(part.size()))
        part = part.first(static_cast<qsizetype>(*length));
    m_out.putText("type", type);
    if (offset)
        m_out.put("off", static_cast<qint64>(offset));
    m_out.put("len", part.size());
    if (type == u"sha256")
        m_out.putBlob("output", QCryptographicHash::hash(part.toByteArray(), QCryptographicHash::Sha256));
    else
        m_out.put("output", crc32(part));
    return {};
}

SmpServer::Result SmpServer::shell(const SmpHeader &header, SmpParameters &in)
{
    if (header.command != 0 || header.op != SmpHeader::Write)
        return Result::error(unsupported);
    const auto words = in.texts("argv"_L1);
    if (in.bad() || !words)
        return Result::error(invalid);
    const QString command = words->join(u' ');
    if (command.trimmed().isEmpty())
        return Result::groupError(9, shellEmpty);
    if (command.size() > longestCommand)
        return Result::groupError(9, shellTooLong);
    const VirtualBoard::ShellResult result = m_board.shell(*words);
    m_out.putText("o", result.output).put("ret", result.status);
    return {};
}

} // namespace slipway
