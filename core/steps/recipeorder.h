#pragma once
// What is wrong with the order of a recipe's steps. The rule: what cannot be undone comes last. A step that writes to
// the device after it is an error, since it could not be put right any more; a step that only reads, asks or prints
// after it is a warning, since it can still fail a unit that is locked already. In `always` an irreversible step is an
// error: it would be done to a unit that failed; in `on-fail` it is a warning.

#include "core/recipe/findings.h"

namespace slipway {

void checkOrder(const Recipe &recipe, Findings &findings);

} // namespace slipway
