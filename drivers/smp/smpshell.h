#pragma once
// Group 9, shell: one command line, its output and status; and group 63, Zephyr's own: erasing the storage partition.
// Zephyr "Shell management group", "Zephyr management group". Throws as smpos.h.

#include "core/device/capabilities.h"
#include "drivers/smp/smpclient.h"

#include <QStringList>

namespace slipway::smp {

// safeTwice: the command may be sent again after silence. Output without escape sequences, lines ended by "\n".
Shell::Result runShell(SmpClient &client, const QString &command, bool safeTwice, const Task &task);
void eraseStorage(SmpClient &client, const Task &task);

// Words of a command line; "two words" and 'two words' are one.
QStringList shellWords(const QString &command);
QString plainOutput(const QString &output);

} // namespace slipway::smp
