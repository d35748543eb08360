#include "drivers/smp/smpsettings.h"

#include "core/base/text.h"

#include <QCborArray>

namespace slipway::smp {

using namespace Qt::StringLiterals;

namespace {

enum Command : quint8 { ReadWrite = 0, Delete = 1, Commit = 2, LoadSave = 3 };
enum StatCommand : quint8 { StatShow = 0, StatList = 1 };

constexpr SmpClient::Patience storagePatience{std::chrono::milliseconds(3000), 3}; // flash is written

QString shown(const QString &name)
{
    return oneLine(name, 80);
}

} // namespace

QByteArray readSetting(SmpClient &client, const QString &name, const Task &task)
{
    const SmpReply reply = client.demand(SmpRequest::read(Settings, ReadWrite, {{"name"_L1, name}}),
                                         u"read the setting %1"_s.arg(shown(name)), task);
    return reply.body.value("val"_L1).toByteArray();
}

std::optional<QByteArray> findSetting(SmpClient &client, const QString &name, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Settings, ReadWrite, {{"name"_L1, name}}), task);
    if (!reply.ok())
        return std::nullopt;
    return reply.body.value("val"_L1).toByteArray();
}

void writeSetting(SmpClient &client, const QString &name, const QByteArray &value, const Task &task)
{
    client.demand(SmpRequest::write(Settings, ReadWrite, {{"name"_L1, name}, {"val"_L1, value}}),
                  u"write the setting %1"_s.arg(shown(name)), task, storagePatience);
}

void deleteSetting(SmpClient &client, const QString &name, const Task &task)
{
    client.demand(SmpRequest::write(Settings, Delete, {{"name"_L1, name}}), u"delete the setting %1"_s.arg(shown(name)),
                  task, storagePatience);
}

void commitSettings(SmpClient &client, const Task &task)
{
    client.demand(SmpRequest::write(Settings, Commit), u"put its settings into effect"_s, task, storagePatience);
}

void saveSettings(SmpClient &client, const Task &task)
{
    client.demand(SmpRequest::write(Settings, LoadSave), u"save its settings"_s, task, storagePatience);
}

void loadSettings(SmpClient &client, const Task &task)
{
    client.demand(SmpRequest::read(Settings, LoadSave), u"load its settings"_s, task, storagePatience);
}

QStringList statisticGroups(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.demand(SmpRequest::read(Stat, StatList), u"list its statistics"_s, task);
    QStringList out;
    for (const QCborValue &name : reply.body.value("stat_list"_L1).toArray())
        out << oneLine(name.toString(), 64);
    return out;
}

QMap<QString, qint64> statistics(SmpClient &client, const QString &group, const Task &task)
{
    const SmpReply reply = client.demand(SmpRequest::read(Stat, StatShow, {{"name"_L1, group}}),
                                         u"show the statistics %1"_s.arg(shown(group)), task);
    QMap<QString, qint64> out;
    const QCborMap fields = reply.body.value("fields"_L1).toMap();
    for (auto it = fields.constBegin(); it != fields.constEnd(); ++it)
        out.insert(oneLine(it.key().toString(), 64), it.value().toInteger());
    return out;
}

} // namespace slipway::smp
