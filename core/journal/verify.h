#pragma once
// Reads a whole journal and says whether it is the one that was written: every entry, the chain, the signed head,
// checkpoints and journal.head, the tables themselves, and every projection against a rebuild from the entries. What
// this finds and what it cannot find stands in core/journal/README.md. Reads one state of the database, so a station
// may be at work meanwhile.

#include "core/base/task.h"
#include "core/journal/verifier.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace slipway {

struct JournalFinding {
    qint64 entry = 0; // 0: of the journal as a whole
    QString sentence; // "entry 17: ..." where there is an entry
};

struct JournalReport {
    qint64 entries = 0;
    qint64 lastEntry = 0;
    QString firstKind; // of entry 1; in a station's home it is station.created
    QByteArray lastHash;
    qint64 checkpoints = 0;
    qint64 lastCheckpoint = 0;
    bool isSigned = false;                // there are signatures, or there should be: a key was given
    bool signaturesChecked = false;       // with that key; without it nothing vouches for a chain that is whole
    std::vector<JournalFinding> findings; // first bad entry first, those of the whole journal last
    bool more = false;                    // further findings were left out
    QStringList notes;
    bool good() const { return findings.empty(); }
};

// verifier null: signatures are not checked, and a note says so. With a verifier, every signature the journal should
// have and has not is a finding: head, journal.head, the checkpoint at each 1000th entry. Progress counts entries.
// Throws journal.missing, journal.foreign, journal.newer, base.stopped; a damaged database is a finding.
JournalReport verifyJournal(const QString &path, const JournalVerifier *verifier, const Task &task = {});

} // namespace slipway
