#include "drivers/linux/linuxsettings.h"

#include "core/base/text.h"

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr qint64 longestFile = 64 * 1024 * 1024, longestSettings = 1024 * 1024;
constexpr qsizetype longestValue = 4096;
constexpr auto archiveTime = 10min;

bool isFolder(const QString &name)
{
    return name.endsWith(u'/');
}

} // namespace

QList<SettingLines::Place> SettingLines::places(QByteArrayView name) const
{
    QList<Place> out;
    for (qsizetype at = 0; at < m_text.size();) {
        const qsizetype found = m_text.indexOf('\n', at);
        const qsizetype next = found < 0 ? m_text.size() : found + 1;
        const QByteArray line = m_text.mid(at, next - at).trimmed();
        const qsizetype equals = line.indexOf('=');
        if (equals > 0 && line.first(equals).trimmed() == name) {
            QByteArray value = line.mid(equals + 1).trimmed();
            if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
                value = value.mid(1, value.size() - 2);
            out << Place{at, next - at, value};
        }
        at = next;
    }
    return out;
}

std::optional<QByteArray> SettingLines::value(QByteArrayView name) const
{
    const auto found = places(name);
    return found.isEmpty() ? std::nullopt : std::optional(found.last().value);
}

void SettingLines::set(QByteArrayView name, QByteArrayView value)
{
    QByteArray line = name.toByteArray() + '=';
    // Quotes where a shell that reads the file would see more than one word; a value with both kinds goes as it is.
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
        return std::isalnum(quint8(c)) || QByteArrayView("-_.:,/@+%").contains(c);
    });
    const char quote = plain || value.contains('\'') ? '\0' : '\'';
    if (quote)
        line += quote;
    line += value;
    if (quote)
        line += quote;
    line += '\n';
    const auto found = places(name);
    if (!found.isEmpty()) {
        m_text.replace(found.last().at, found.last().size, line);
        return;
    }
    if (!m_text.isEmpty() && !m_text.endsWith('\n'))
        m_text += '\n';
    m_text += line;
}

bool SettingLines::remove(QByteArrayView name)
{
    const auto found = places(name);
    for (auto it = found.rbegin(); it != found.rend(); ++it)
        m_text.remove(it->at, it->size);
    return !found.isEmpty();
}

QByteArray LinuxSettings::readFolder(const QString &name, const Task &task)
{
    const QString out = m_console.scratch(task) + u"/folder.tar"_s;
    LinuxConsole::Order order;
    order.command =
        u"tar -cf %1 -C %2 . 2>&1"_s.arg(console::shellWord(out), console::shellWord(u"./"_s + name)).toUtf8();
    if (name.startsWith(u'/'))
        order.command = u"tar -cf %1 -C %2 . 2>&1"_s.arg(console::shellWord(out), console::shellWord(name)).toUtf8();
    order.what = u"reading the folder %1"_s.arg(oneLine(name, 80));
    order.patience = archiveTime;
    const auto reply = m_console.run(order, task);
    if (!reply.ok())
        m_files.trouble(reply.text(), name, u"read the folder %1"_s.arg(oneLine(name, 80)));
    const QByteArray archive = m_files.get(out, longestFile, task);
    m_files.remove(out, task);
    return archive;
}

void LinuxSettings::writeFolder(const QString &name, const QByteArray &archive, const Task &task)
{
    const QString in = m_console.scratch(task) + u"/folder.tar"_s;
    m_files.put(archive, in, false, task);
    const QString folder = console::shellWord(name.startsWith(u'/') ? name : u"./"_s + name);
    LinuxConsole::Order order;
    // Looked through first: an archive that leaves its folder, or is none, changes nothing.
    order.command = u"l=$(tar -tf %1)||exit 1;case \"/$l\" in */../*|*/..|*'\n'/*) echo 'it leaves its folder';exit 1;;"
                    "esac;mkdir -p %2&&tar -xf %1 -C %2;s=$?;rm -f %1;exit $s"_s.arg(console::shellWord(in), folder)
                        .toUtf8();
    order.what = u"writing the folder %1"_s.arg(oneLine(name, 80));
    order.patience = archiveTime;
    const auto reply = m_console.run(order, task);
    if (!reply.ok())
        m_files.trouble(reply.text(), name, u"write the folder %1"_s.arg(oneLine(name, 80)));
}

SettingLines LinuxSettings::lines(const Task &task)
{
    if (!m_files.exists(m_board.settingsFile, task))
        return SettingLines({});
    return SettingLines(m_files.get(m_board.settingsFile, longestSettings, task.at(nullptr)));
}

void LinuxSettings::checkName(const QString &name) const
{
    if (m_board.settingsFile.isEmpty() && m_board.settingRead.isEmpty())
        throw Fault("device.lacks", {u"keep settings"_s});
    static const QRegularExpression form(u"^[A-Za-z_][A-Za-z0-9_./:-]{0,127}$"_s);
    if (!form.match(name).hasMatch())
        throw Fault("linux.setting-form", {oneLine(name, 60), u"a name has letters, digits and _ . / : - only"_s});
}

QByteArray LinuxSettings::read(Kind kind, const QString &name, const Task &task)
{
    if (kind == Kind::File)
        return isFolder(name) ? readFolder(name, task) : m_files.get(name, longestFile, task);
    checkName(name);
    if (!m_board.settingsFile.isEmpty()) {
        const auto value = lines(task).value(name.toUtf8());
        if (!value)
            throw Fault("linux.no-setting", {name});
        return *value;
    }
    return m_console.ask(filledIn(m_board.settingRead, {{u"name"_s, name}}), u"give the setting %1"_s.arg(name), task)
        .toUtf8();
}

void LinuxSettings::write(Kind kind, const QString &name, const QByteArray &content, const Task &task)
{
    if (kind == Kind::File) {
        if (isFolder(name))
            return writeFolder(name, content, task);
        m_files.put(content, name, true, task);
        return;
    }
    checkName(name);
    const bool oneLineOnly = std::none_of(content.begin(), content.end(), [](char c) { return quint8(c) < ' '; });
    if (!oneLineOnly || content.size() > longestValue)
        throw Fault("linux.setting-form", {name, u"a value is one line of at most 4096 bytes"_s});
    if (!m_board.settingsFile.isEmpty()) {
        SettingLines text = lines(task);
        text.set(name.toUtf8(), content);
        m_files.put(text.text(), m_board.settingsFile, false, task.at(nullptr));
        return;
    }
    if (m_board.settingWrite.isEmpty())
        throw Fault("device.lacks", {u"change settings"_s});
    m_console.ask(filledIn(m_board.settingWrite, {{u"name"_s, name}, {u"value"_s, QString::fromUtf8(content)}}),
                  u"take the setting %1"_s.arg(name), task);
}

void LinuxSettings::remove(Kind kind, const QString &name, const Task &task)
{
    if (kind == Kind::File) {
        if (isFolder(name)) // what else is in there is not known here
            throw Fault("device.lacks", {u"remove a folder"_s});
        return m_files.remove(name, task);
    }
    checkName(name);
    if (!m_board.settingsFile.isEmpty()) {
        SettingLines text = lines(task);
        if (!text.remove(name.toUtf8()))
            throw Fault("linux.no-setting", {name});
        m_files.put(text.text(), m_board.settingsFile, false, task.at(nullptr));
        return;
    }
    if (m_board.settingRemove.isEmpty())
        throw Fault("device.lacks", {u"remove settings"_s});
    m_console.ask(filledIn(m_board.settingRemove, {{u"name"_s, name}}), u"remove the setting %1"_s.arg(name), task);
}

std::optional<QByteArray> LinuxSettings::sha256(const QString &file, const Task &task)
{
    if (isFolder(file))
        return std::nullopt;
    return m_files.sha256(file, task);
}

void LinuxSettings::commitSettings(const Task &task)
{
    if (!m_board.settingsCommit.isEmpty())
        m_console.ask(m_board.settingsCommit, u"save its settings"_s, task);
}

} // namespace slipway
