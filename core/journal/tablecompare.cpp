#include "core/journal/tablecompare.h"

namespace slipway {

namespace {

bool sameValue(const Statement &a, const Statement &b, int column)
{
    if (a.type(column) != b.type(column))
        return false;
    switch (a.type(column)) {
    case SQLITE_INTEGER:
        return a.integer(column) == b.integer(column);
    case SQLITE_FLOAT:
        return a.real(column) == b.real(column);
    case SQLITE_NULL:
        return true;
    default:
        return a.blob(column) == b.blob(column);
    }
}

int columnNamed(const Statement &s, const char *name)
{
    for (int i = 0; i < s.columns(); ++i) {
        if (s.columnName(i) == QLatin1String(name))
            return i;
    }
    return 0;
}

} // namespace

std::optional<qint64> firstDifference(Statement &there, Statement &right, const char *entryColumn)
{
    const int entry = columnNamed(right, entryColumn);
    for (;;) {
        const bool haveThere = there.step();
        const bool haveRight = right.step();
        if (!haveThere && !haveRight)
            return {};
        bool same = haveThere && haveRight;
        for (int i = 0; same && i < right.columns(); ++i)
            same = sameValue(there, right, i);
        if (!same)
            return (haveRight ? right : there).integer(entry);
    }
}

} // namespace slipway
