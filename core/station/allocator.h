#pragma once
// Gives out numbers (serial numbers, MAC addresses) that are never given twice: not to two places, not to two programs,
// not after a kill. A number is on record, durable, before anybody gets to see it. Thread-safe.
// Throws recipe.number-format, recipe.numbers-out, journal.*.

#include "core/journal/journal.h"
#include "core/recipe/recipe.h"

#include <QString>

namespace slipway {

class Allocator
{
public:
    Allocator(Journal &journal, Mode mode) : m_journal(journal), m_mode(mode) {}

    // The next number of the variable's pool, for a run of a unit. With a unit named, a number that the unit has of
    // this pool already is given again to the same unit, so that a retry changes nothing. Without (the number is the
    // unit's own serial number) the entry is recorded under the number itself, and numbers that units have already,
    // because they were scanned or got a certificate, are left out.
    QString take(const RecipeVariable &variable, const QString &run, const QString &unit);

private:
    Journal &m_journal;
    Mode m_mode;
};

} // namespace slipway
