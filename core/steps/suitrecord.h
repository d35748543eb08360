#pragma once
// Which SUIT manifest a unit has by the station's record: the highest sequence number that was carried out on it.
// A unit goes by its serial number; runs in which the device had another hardware id than now were on another board.
// Throws journal.*.

#include "core/journal/queries.h"
#include "core/steps/flashing.h"

namespace slipway {

SuitKnown suitOnRecord(JournalReader &reader, const QString &serial, const DeviceFacts &facts);

} // namespace slipway
