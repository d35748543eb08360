#include "core/station/allocator.h"

#include "core/base/fault.h"
#include "core/journal/database.h"
#include "core/recipe/variables.h"
#include "core/steps/identitylot.h"

#include <sqlite3.h>

#include <memory>

namespace slipway {

namespace {

// All placeholders of a format have fixed widths, so texts of one form sort as their numbers do: the highest number is
// the first row from above that has the form.
class Query
{
public:
    Query(sqlite3 *handle, const char *sql)
    {
        if (sqlite3_prepare_v2(handle, sql, -1, &m_statement, nullptr) != SQLITE_OK)
            throw Fault("internal.defect", {}, QString::fromUtf8(sqlite3_errmsg(handle)));
    }
    Query(const Query &) = delete;
    Query &operator=(const Query &) = delete;
    ~Query() { sqlite3_finalize(m_statement); }
    Query &bind(int parameter, const QString &text)
    {
        const QByteArray utf8 = text.toUtf8();
        sqlite3_bind_text(m_statement, parameter, utf8.constData(), int(utf8.size()), SQLITE_TRANSIENT);
        return *this;
    }
    bool step() { return sqlite3_step(m_statement) == SQLITE_ROW; }
    QString text() const
    {
        return QString::fromUtf8(reinterpret_cast<const char *>(sqlite3_column_text(m_statement, 0)));
    }

private:
    sqlite3_stmt *m_statement = nullptr;
};

// A serial number that a unit already has, wherever it got it: it was scanned, or a certificate was issued for it, here
// or at a station whose list was imported.
bool isUnits(sqlite3 *handle, const QString &mode, const QString &serial)
{
    Query query(
        handle,
        "SELECT 1 WHERE EXISTS(SELECT 1 FROM device WHERE mode IN (?1, 'elsewhere') AND serial = ?2) OR EXISTS(SELECT "
        "1 FROM certificate WHERE serial = ?2 AND mode IN (?1, 'elsewhere'))");
    return query.bind(1, mode).bind(2, serial).step();
}

qint64 highestTaken(sqlite3 *handle, const QString &mode, const QString &pool, const NumberFormat &format)
{
    Query query(handle, "SELECT value FROM number WHERE mode = ?1 AND pool = ?2 AND value >= ?3 AND value <= ?4 ORDER "
                        "BY value DESC");
    query.bind(1, mode).bind(2, pool).bind(3, format.write(0)).bind(4, format.write(format.highest()));
    while (query.step()) {
        if (const auto number = format.read(query.text()))
            return *number;
    }
    return -1;
}

} // namespace

QString Allocator::take(const RecipeVariable &variable, const QString &run, const QString &unit)
{
    if (variable.from == RecipeVariable::From::Lot)
        return takeSerialOfLot(m_journal, m_mode, variable.lot, run);
    const NumberFormat format = NumberFormat::parse(variable.format);
    const QString pool = variable.pool.isEmpty() ? variable.name : variable.pool;
    const QString mode = toString(m_mode);
    QString value;
    m_journal.transact([&](Journal::Transaction &transaction) {
        value.clear(); // the function may run again
        if (!unit.isEmpty()) {
            Query query(transaction.handle(),
                        "SELECT n.value FROM number n WHERE n.device = ?1 AND n.mode = ?2 AND n.pool = ?3 ORDER BY "
                        "n.entry DESC");
            query.bind(1, unit).bind(2, mode).bind(3, pool);
            while (query.step()) {
                if (format.read(query.text())) {
                    value = query.text();
                    return;
                }
            }
        }
        qint64 next = std::max(variable.first, highestTaken(transaction.handle(), mode, pool, format) + 1);
        value = format.write(next);
        while (unit.isEmpty() && isUnits(transaction.handle(), mode, value))
            value = format.write(++next);
        transaction.append(
            {QStringLiteral("number"),
             run,
             unit.isEmpty() ? value : unit,
             {{QStringLiteral("pool"), pool}, {QStringLiteral("value"), value}, {QStringLiteral("mode"), mode}}});
    });
    return value;
}

} // namespace slipway
