#pragma once
// What the journal holds about a unit besides its current run: earlier runs, how far the chain is signed. Read over a
// connection of its own, so that the writer is never held up. Throws journal.*.

#include "core/journal/queries.h"

#include <QList>
#include <QString>

namespace slipway {

struct UnitLife {
    QList<RunRow> passages; // newest first, at most 8
    qint64 signedTo = 0;    // last entry that a signed head or checkpoint covers
    QString trouble;        // why nothing could be read, one sentence

    static UnitLife read(const QString &journalPath, Mode mode, const QString &serial);
};

} // namespace slipway
