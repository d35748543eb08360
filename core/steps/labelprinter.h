#pragma once
// Sends a label to a printer: a character device or FIFO that takes ZPL ("/dev/usb/lp0"), or a queue of the print
// system
// ("lp:Zebra", through the program lp, unchanged). Blocks at most until the task's deadline. Throws label.printer.

#include "core/base/task.h"

#include <QByteArray>
#include <QString>

namespace slipway {

void printLabel(const QString &printer, const QByteArray &zpl, const Task &task);
// Whether the text names a printer: an absolute path, or "lp:" and a queue's name.
bool isPrinterName(const QString &printer);

} // namespace slipway
