#pragma once
// Whether a recipe can be run on a station at all, found out before any device is touched: the driver has what the
// steps need, files are there, images verify, profiles exist. Throws driver.unknown, driver.lacks,
// station.recipe-attention.

#include "core/station/runcontext.h"
#include "core/steps/recipechecker.h"

namespace slipway {

// What a station's recipes are checked with: its drivers, and its own CA, under which a recipe counts as signed. A
// folder that is no home gives no CA. Throws file.*.
RecipeChecks stationChecks(const QString &homePath, const DriverRegistry &drivers);

// drivers: of the places, beside the recipe's own.
void checkRecipeFits(const Recipe &recipe, const QStringList &drivers, const Worksite &site);

} // namespace slipway
