#pragma once
// Fills the projections anew from the entries, and saves from them what must outlive lost entries. Throws journal.*,
// base.stopped.

#include "core/base/task.h"
#include "core/journal/database.h"
#include "core/journal/entry.h"

#include <vector>

namespace slipway {

// Drops the projections and fills them again, inside the caller's transaction. Returns the number of entries.
qint64 refillProjections(Database &database, const Task &task = {});
// The same for a journal that is not open here, in one transaction.
qint64 rebuildProjections(const QString &path, const Task &task = {});

// Where entries were cut off but the tables still know them: numbers and certificates from rows of entries after
// lastSeq, as entries to be written again ("recovered"), so that no number is given and no certificate issued twice.
std::vector<NewEntry> savedFromProjections(Database &database, qint64 lastSeq);

} // namespace slipway
