#pragma once
// Two readings of the same table, row by row: what stands in the journal, and what its entries give.

#include "core/journal/database.h"

#include <optional>

namespace slipway {

// The entry of the first row that is not the same in both, from the column named entryColumn; nothing when all are.
// What follows that row is shifted and is not looked at. Columns are compared as right has them.
std::optional<qint64> firstDifference(Statement &there, Statement &right, const char *entryColumn);

} // namespace slipway
