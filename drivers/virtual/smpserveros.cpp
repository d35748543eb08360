// Group 0 (os), group 10 (enumeration) and the one command of group 63, Zephyr "SMP Groups".
#include "drivers/virtual/faultdesk.h"
#include "drivers/virtual/smpserver.h"

#include <QDateTime>
#include <QRegularExpression>
#include <QTimeZone>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
enum OsError { osFormat = 2, osNoAnswer = 3, osClockNotSet = 4 };
constexpr int bootSwapWithoutScratch = 3; // MCUboot mode

struct Group {
    int id;
    const char *name;
    int handlers;
};
constexpr Group groups[] = {
    {0, "os mgmt", 9}, {1, "img mgmt", 7},   {2, "stat mgmt", 2},  {3, "settings mgmt", 4},
    {8, "fs mgmt", 5}, {9, "shell mgmt", 1}, {10, "enum mgmt", 4}, {63, "zephyr basic mgmt", 1},
};
} // namespace

SmpServer::Result SmpServer::os(const SmpHeader &header, SmpParameters &in)
{
    const bool read = header.op == SmpHeader::Read;
    switch (header.command) {
    case 0: { // echo
        const auto text = in.text("d"_L1);
        if (in.bad())
            return Result::error(invalid);
        m_out.putText("r", text.value_or(QString()));
        return {};
    }
    case 2:
        return read ? osTasks() : Result::error(unsupported);
    case 4:
        return m_options.extendedGroups ? osDateTime(header, in) : Result::error(unsupported);
    case 5: // reset
        if (read)
            return Result::error(unsupported);
        m_answer.reset = true;
        return {};
    case 6:
        if (!read || !m_options.tellParameters)
            return Result::error(unsupported);
        m_out.put("buf_size", m_options.bufferSize).put("buf_count", m_options.bufferCount);
        return {};
    case 7:
        return read ? osInfo(in) : Result::error(unsupported);
    case 8: {
        if (!read || !m_options.extendedGroups)
            return Result::error(unsupported);
        const auto query = in.text("query"_L1);
        if (in.bad())
            return Result::error(invalid);
        if (!query) {
            m_out.putText("bootloader", u"MCUboot"_s);
        } else if (*query == u"mode") {
            m_out.put("mode", bootSwapWithoutScratch);
            if (m_options.downgradePrevention)
                m_out.putFlag("no-downgrade", true);
        } else {
            return Result::groupError(0, osNoAnswer);
        }
        return {};
    }
    default:
        return Result::error(unsupported);
    }
}

SmpServer::Result SmpServer::osInfo(SmpParameters &in)
{
    const QString format = in.text("format"_L1).value_or(u"s"_s);
    if (in.bad())
        return Result::error(invalid);
    constexpr QLatin1StringView order("snrvbmpio");
    for (const QChar c : format)
        if (c != u'a' && !order.contains(c))
            return Result::groupError(0, osFormat);
    const bool all = format.contains(u'a');
    const QStringList values = {
        u"Zephyr"_s,
        u"unknown"_s,
        QString(),
        m_options.kernelVersion,
        u"Sat Nov 21 00:10:39 2026"_s,
        m_options.machine,
        m_options.processor,
        m_options.board,
        u"Zephyr"_s,
    };
    QStringList output;
    for (int i = 0; i < values.size(); ++i)
        if (all || format.contains(order.at(i)))
            output.append(values.at(i));
    m_out.putText("output", output.join(u' '));
    return {};
}

SmpServer::Result SmpServer::osTasks()
{
    struct Task {
        const char *name;
        int priority;
        int state;
    };
    std::vector<Task> tasks = {{"mcumgr smp", 3, 128}, {"sysworkq", -1, 2}, {"shell_dummy", 14, 2}};
    if (m_options.shellNoise)
        tasks.push_back({"shell_uart", 14, 128});
    tasks.push_back({"idle", 15, 0});
    tasks.push_back({"main", 0, 16});
    m_out.text("tasks").beginMap();
    for (size_t i = 0; i < tasks.size(); ++i)
        m_out.text(tasks[i].name)
            .beginMap()
            .put("prio", tasks[i].priority)
            .put("tid", static_cast<qint64>(i))
            .put("state", tasks[i].state)
            .end();
    m_out.end();
    return {};
}

SmpServer::Result SmpServer::osDateTime(const SmpHeader &header, SmpParameters &in)
{
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    if (header.op == SmpHeader::Read) {
        if (!m_clockOffsetMs)
            return Result::groupError(0, osClockNotSet);
        const QDateTime time = QDateTime::fromMSecsSinceEpoch(now + *m_clockOffsetMs, QTimeZone::utc());
        m_out.putText("datetime", time.toString(u"yyyy-MM-ddTHH:mm:ss"_s));
        return {};
    }
    const QString text = in.text("datetime"_L1).value_or(QString());
    // At most 25 characters; a fraction or a time zone behind the seconds is read over.
    static const QRegularExpression form(u"^([0-9]{4,5}-[0-9]{1,2}-[0-9]{1,2})T([0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})"_s);
    const auto match = form.match(text);
    if (in.bad() || text.size() < 19 || text.size() > 25 || !match.hasMatch())
        return Result::error(invalid);
    const QDate date = QDate::fromString(match.captured(1), u"yyyy-M-d"_s);
    const QTime time = QTime::fromString(match.captured(2), u"H:m:s"_s);
    if (!date.isValid() || !time.isValid())
        return Result::error(invalid);
    m_clockOffsetMs = QDateTime(date, time, QTimeZone::utc()).toMSecsSinceEpoch() - now;
    return {};
}

SmpServer::Result SmpServer::enumeration(const SmpHeader &header, SmpParameters &in)
{
    if (header.op != SmpHeader::Read)
        return Result::error(unsupported);
    switch (header.command) {
    case 0:
        m_out.put("count", static_cast<qint64>(std::size(groups)));
        return {};
    case 1:
        m_out.text("groups").beginList();
        for (const Group &group : groups)
            m_out.number(group.id);
        m_out.end();
        return {};
    case 2: {
        const quint64 index = in.number("index"_L1).value_or(0);
        if (in.bad() || index > 0xffff)
            return Result::error(invalid);
        if (index >= std::size(groups))
            return Result::groupError(10, 3); // no such index
        m_out.put("group", groups[index].id);
        if (index + 1 == std::size(groups))
            m_out.putFlag("end", true);
        return {};
    }
    case 3: {
        const auto wanted = in.numbers("groups"_L1);
        if (in.bad())
            return Result::error(invalid);
        m_out.text("groups").beginList();
        for (const Group &group : groups) {
            if (wanted && !wanted->isEmpty() && !wanted->contains(static_cast<quint64>(group.id)))
                continue;
            m_out.beginMap()
                .put("group", group.id)
                .putText("name", QLatin1String(group.name))
                .put("handlers", group.handlers)
                .end();
        }
        m_out.end();
        return {};
    }
    default:
        return Result::error(unsupported);
    }
}

SmpServer::Result SmpServer::basic(const SmpHeader &header)
{
    if (header.command != 0 || header.op != SmpHeader::Write)
        return Result::error(unsupported);
    return m_board.eraseStorage() ? Result{} : Result::error(denied);
}

} // namespace slipway
