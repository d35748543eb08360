#pragma once
// Reads a recipe and says everything that is wrong with it, in one pass, with file, line and column. The one way in
// which a recipe enters the program: the command line, the desktop and the station all load through here.

#include "core/device/driver.h"
#include "core/recipe/recipe.h"

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

struct RecipeChecks {
    // With drivers: driver and board must be known and must be able to do what the steps need.
    const DriverRegistry *drivers = nullptr;
    // Files that steps name must be there. Off for contents that come from nowhere (fuzzing, editors).
    bool files = true;
    // Certificates (PEM) under which FILE.p7s counts as a valid signature; empty: no recipe counts as signed.
    QByteArray signatureAnchors{};
};

struct CheckedRecipe {
    Recipe recipe;                 // whole only when usable()
    QList<RecipeFinding> findings; // in the order of the file
    bool usable() const;           // no errors; warnings may be there
};

// content: the bytes of the file; file: its name, printed as given, and the folder that file names in it are relative
// to.
CheckedRecipe checkRecipe(const QByteArray &content, const QString &file, const RecipeChecks &checks = {});
// Throws file.unreadable or file.too-large.
CheckedRecipe checkRecipeFile(const QString &file, const RecipeChecks &checks = {});
// Throws recipe.invalid with the first error, and file.*.
Recipe loadRecipe(const QString &file, const RecipeChecks &checks = {});

} // namespace slipway
