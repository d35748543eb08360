#pragma once
// What a kill or a power cut left behind. At the start of a station every run that has no end gets one, with what is
// known of it; irreversible acts whose outcome is open are looked up in the journal and, once the unit is back in a
// place, asked of the device. Throws journal.*.

#include "core/station/lookup.h"
#include "core/station/station.h"

#include <QCborMap>

namespace slipway {

// "set lock debug", for a sentence.
QString actWords(const QString &act, const QCborMap &detail);

// Asks the kind of step that intends this act. device may be null: the journal alone is asked. Never throws: what
// cannot be found out is "unknown".
Reconciled reconcileIntent(const Lookup::OpenIntent &open, Mode mode, Device *device, Journal &journal,
                           const Task &task);
// Whether a device is for certain the unit of that run, so that it may answer for it: by its hardware id, where the run
// has one on record and the device says one; else by its serial number. Silence proves nothing.
bool isUnitOf(const DeviceFacts &facts, const QString &run, const QString &unit, Lookup &lookup);
// Durable. An act that stays unknown gets no outcome, so that it is asked for again.
void recordOutcome(Journal &journal, const Lookup::OpenIntent &open, const Reconciled &known);

// Ends every open run in the journal. Returns how many there were. Only for the holder of the station's lock.
int endInterruptedRuns(Journal &journal, Lookup &lookup);
// The runs that still need somebody's attention.
QList<Interrupted> listInterrupted(Lookup &lookup);

} // namespace slipway
