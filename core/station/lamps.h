#pragma once
// The five fixed lamps of a station, each with words: journal, issuer, printer, disk, plant. Asked now and then by the
// station's housekeeping thread; asking may take a while (a signature, the file system).

#include "core/station/home.h"
#include "core/station/station.h"

namespace slipway {

// journalTrouble: the sentence of the last write that failed, empty while all is well.
QList<Lamp> readLamps(const Home &home, const Issuer &issuer, Mode mode, const QString &journalTrouble);

} // namespace slipway
