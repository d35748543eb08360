#pragma once
// Before the station signs what its tables say about a unit: whether that is what was written. Reads the whole chain,
// from entry 1 to its signed end (only so it is certain that no run of the unit was taken out or given to another one),
// in as many threads as there are processors, and compares the unit's rows with what its entries give. Checkpoints
// inside the chain add nothing to a chain that is whole and are left to verifyJournal().
// Throws journal.unproven, which names the entry or the table, and base.stopped.

#include "core/base/task.h"
#include "core/journal/database.h"
#include "core/journal/headfile.h"
#include "core/journal/verifier.h"

#include <QString>

#include <optional>

namespace slipway {

// database: inside a Snapshot. headFile: journal.head, read before that snapshot.
void proveUnit(Database &database, const std::optional<Checkpoint> &headFile, const QString &serial,
               const JournalVerifier &verifier, const Task &task = {});

} // namespace slipway
