#pragma once
// The journal in other people's forms: CSV (RFC 4180, one file a table), JSON (one object a line), and a consistent
// copy of the database while the station goes on writing (SQLite's backup interface). Everything says whether it is
// training. Throws journal.*, file.unwritable, base.stopped. What was begun under a temporary name is removed on
// failure.

#include "core/base/task.h"

#include <QString>

namespace slipway {

// DIR/entry.csv, DIR/run.csv ...; bodies as JSON. Text that a spreadsheet would take for a formula gets a leading
// apostrophe. Returns the number of rows.
qint64 exportCsv(const QString &journalPath, const QString &folder, const Task &task = {});
// One file; each line {"table":"entry",...}. Returns the number of lines.
qint64 exportJson(const QString &journalPath, const QString &file, const Task &task = {});
// FILE and, beside it, its journal.head (same name, ending .head). FILE must not exist.
void backupJournal(const QString &journalPath, const QString &file, const Task &task = {});

} // namespace slipway
