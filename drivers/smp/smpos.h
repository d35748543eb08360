#pragma once
// Group 0, os: echo, restart, buffer parameters, boot loader, operating system, clock; and group 10, which groups a
// device has. Zephyr "OS management group" and "Enumeration management group". Throws as SmpClient, and device.lacks,
// device.refused, smp.bad-reply.

#include "drivers/smp/smpclient.h"

#include <QDateTime>
#include <QList>

#include <optional>

namespace slipway::smp {

QString echo(SmpClient &client, const QString &text, const Task &task, const SmpClient::Patience &patience = {});
// "MCUmgr parameters": what receive buffers the device has. Where it does not know the command, what the client has
// assumed stays, and `told` is false.
SmpClient::Parameters askParameters(SmpClient &client, const Task &task, const SmpClient::Patience &patience = {});
// Asks the device to restart; the answer may come before or be lost with the restart.
void askRestart(SmpClient &client, const Task &task);
// Restarts and waits until it has gone and answers again, opening the link anew where it went too. The parameters are
// asked again. Throws smp.no-restart.
void restart(SmpClient &client, std::chrono::milliseconds longest, const Task &task);

struct BootLoader {
    QString name;            // "MCUboot"
    std::optional<int> mode; // MCUboot: how it swaps, Zephyr "Bootloader information"
    bool noDowngrade = false;
    QString text() const; // "MCUboot, swap using move"
};
std::optional<BootLoader> bootLoader(SmpClient &client, const Task &task); // nothing: the device does not tell
// Output of "os info" with a format such as "a" or "s"; nothing where the command does not exist.
std::optional<QString> osInfo(SmpClient &client, const QString &format, const Task &task);
// MCUboot's serial recovery answers an echo without text with an error, applications with an empty text.
bool isSerialRecovery(SmpClient &client, const Task &task);

void setTime(SmpClient &client, const QDateTime &utc, const Task &task);
QDateTime time(SmpClient &client, const Task &task);

// Group numbers; nothing where the device has no enumeration group.
std::optional<QList<int>> groups(SmpClient &client, const Task &task);

} // namespace slipway::smp
