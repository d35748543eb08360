#pragma once
// Group 3, settings, and group 2, statistics. Zephyr "Settings management group", "Statistics management group".
// Throws as smpos.h.

#include "drivers/smp/smpclient.h"

#include <QMap>
#include <QStringList>

#include <optional>

namespace slipway::smp {

QByteArray readSetting(SmpClient &client, const QString &name, const Task &task);
// Nothing where there is no such setting, or the device has no settings at all.
std::optional<QByteArray> findSetting(SmpClient &client, const QString &name, const Task &task);
void writeSetting(SmpClient &client, const QString &name, const QByteArray &value, const Task &task);
void deleteSetting(SmpClient &client, const QString &name, const Task &task);
void commitSettings(SmpClient &client, const Task &task); // what was written takes effect
void saveSettings(SmpClient &client, const Task &task);   // and survives a restart
void loadSettings(SmpClient &client, const Task &task);   // what was saved comes back

QStringList statisticGroups(SmpClient &client, const Task &task);
QMap<QString, qint64> statistics(SmpClient &client, const QString &group, const Task &task);

} // namespace slipway::smp
