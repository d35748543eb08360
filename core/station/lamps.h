#pragma once
// The five fixed lamps of a station, each with words: journal, issuer, printer, disk, plant. Asked now and then by the
// station's housekeeping thread; asking may take a while (a signature, the file system).

#include "core/station/home.h"
#include "core/station/station.h"
#include "core/steps/identitylot.h"
#include "core/steps/quotause.h"

namespace slipway {

// What is left to give to units. Lots come first: where a recipe takes identities out of lots, nothing is issued.
struct Stock {
    QList<LotStock> lots;        // that the recipe names
    QString lotTrouble;          // the sentence of one that is not there
    QList<QuotaStanding> quotas; // of the recipe's products; without a recipe, all
    bool boundByQuotas = false;  // the issuer issues within quotas only
};

// journalTrouble: the sentence of the last write that failed, empty while all is well.
QList<Lamp> readLamps(const Home &home, const Issuer &issuer, Mode mode, const QString &journalTrouble,
                      const Stock &stock = {});

} // namespace slipway
