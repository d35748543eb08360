#pragma once
// The tables of journal.db, form 1 (PRAGMA user_version), marked as ours with PRAGMA application_id.
//   entry, head, checkpoint   the record; only ever added to (head: its one row is replaced)
//   all others                projections of the entries, filled in the same transaction, dropped and refilled by
//   rebuild
// Throws journal.*.

#include "core/journal/database.h"

#include <span>

namespace slipway {

inline constexpr qint64 journalForm = 1;
inline constexpr qint64 journalApplicationId = 0x536c6970; // "Slip"

// For the writer: WAL, synchronous=FULL, tables made when the file is new.
void prepareJournal(Database &database);
// For readers: throws journal.foreign, journal.newer, journal.damaged.
void checkJournalForm(Database &database);

void createRecordTables(Database &database);
// Indexes that came later: an older journal lacks them until it is opened for writing.
void createLaterIndexes(Database &database);
void createProjections(Database &database);
void dropProjections(Database &database);

struct ProjectionTable {
    const char *name;
    const char *key;   // its columns, to order and to name a row by
    const char *entry; // column with the seq of the entry that a row comes from
};
std::span<const ProjectionTable> projectionTables();

} // namespace slipway
