#pragma once
// A look-up within a transaction that the journal's interface does not foresee, in the tables that
// core/journal/README.md documents.
// Parameters are numbered from 1, columns from 0. Throws internal.defect.

#include "core/base/fault.h"
#include "core/journal/journal.h"

#include <sqlite3.h>

namespace slipway {

class JournalLookup
{
public:
    JournalLookup(Journal::Transaction &transaction, const char *sql) : JournalLookup(transaction.handle(), sql) {}
    JournalLookup(sqlite3 *journal, const char *sql)
    {
        if (sqlite3_prepare_v2(journal, sql, -1, &m_statement, nullptr) != SQLITE_OK)
            throw Fault("internal.defect", {}, QString::fromUtf8(sqlite3_errmsg(journal)));
    }
    ~JournalLookup() { sqlite3_finalize(m_statement); }
    JournalLookup(const JournalLookup &) = delete;
    JournalLookup &operator=(const JournalLookup &) = delete;

    JournalLookup &bind(int parameter, qint64 value)
    {
        sqlite3_bind_int64(m_statement, parameter, value);
        return *this;
    }
    JournalLookup &bind(int parameter, const QString &text)
    {
        const QByteArray utf8 = text.toUtf8();
        sqlite3_bind_text(m_statement, parameter, utf8.constData(), int(utf8.size()), SQLITE_TRANSIENT);
        return *this;
    }
    bool step()
    {
        const int result = sqlite3_step(m_statement);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
            throw Fault("internal.defect", {}, QString::fromUtf8(sqlite3_errstr(result)));
        return result == SQLITE_ROW;
    }
    void again() { sqlite3_reset(m_statement); } // keeps what is bound
    qint64 integer(int column) const { return sqlite3_column_int64(m_statement, column); }
    QByteArray blob(int column) const
    {
        return QByteArray(static_cast<const char *>(sqlite3_column_blob(m_statement, column)),
                          sqlite3_column_bytes(m_statement, column));
    }
    QString text(int column) const
    {
        return QString::fromUtf8(reinterpret_cast<const char *>(sqlite3_column_text(m_statement, column)));
    }

private:
    sqlite3_stmt *m_statement = nullptr;
};

} // namespace slipway
