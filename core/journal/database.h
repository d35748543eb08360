#pragma once
// SQLite's C interface with as little around it as makes it safe: a connection and a prepared statement that close
// themselves and throw journal.* faults. A connection and its statements belong to one thread at a time.

#include <QByteArray>
#include <QByteArrayView>
#include <QString>

#include <sqlite3.h>

#include <memory>

namespace slipway {

class Database
{
public:
    enum class Access { Write, Read, Memory };
    // Write creates the file when it is missing. Memory: a private database that SQLite keeps in memory and spills to a
    // temporary file; path is only for messages. Throws journal.*.
    Database(const QString &path, Access access);

    sqlite3 *handle() const { return m_handle.get(); }
    const QString &path() const { return m_path; }
    void run(const char *sql);      // one or more statements without results
    qint64 number(const char *sql); // first column of the first row, 0 when there is none
    QString text(const char *sql);
    bool inTransaction() const { return sqlite3_get_autocommit(m_handle.get()) == 0; }
    // Throws the fault that fits SQLite's code: journal.disk-full, disk-error, busy, damaged, unwritable; anything
    // unforeseen is internal.defect.
    [[noreturn]] void fail(int code) const;

private:
    struct Close {
        void operator()(sqlite3 *handle) const { sqlite3_close_v2(handle); }
    };
    QString m_path;
    std::unique_ptr<sqlite3, Close> m_handle;
};

// Parameters are numbered from 1, columns from 0.
class Statement
{
public:
    // persistent: kept and used again and again.
    Statement(const Database &database, const char *sql, bool persistent = true);

    // Texts and blobs are not copied: they must live until the next reset().
    Statement &bind(int parameter, qint64 value);
    Statement &bind(int parameter, double value);
    Statement &bindText(int parameter, QByteArrayView utf8);
    Statement &bindBlob(int parameter, QByteArrayView bytes);
    Statement &bindNull(int parameter);
    // Copied.
    Statement &bind(int parameter, const QString &text);

    bool step();  // true: there is a row. Throws; the statement is reset then.
    void reset(); // also forgets the parameters
    void run()    // to its end, then reset
    {
        while (step()) {
        }
        reset();
    }

    bool isNull(int column) const;
    qint64 integer(int column) const;
    double real(int column) const;
    QString text(int column) const;
    QByteArray utf8(int column) const;
    QByteArray blob(int column) const;
    int type(int column) const { return sqlite3_column_type(m_handle.get(), column); } // SQLITE_TEXT, ...
    int columns() const { return sqlite3_column_count(m_handle.get()); }
    QString columnName(int column) const { return QString::fromUtf8(sqlite3_column_name(m_handle.get(), column)); }
    sqlite3_stmt *handle() const { return m_handle.get(); }

private:
    struct Finalize {
        void operator()(sqlite3_stmt *handle) const { sqlite3_finalize(handle); }
    };
    void check(int code) const;

    const Database *m_database;
    std::unique_ptr<sqlite3_stmt, Finalize> m_handle;
};

// Resets a statement on the way out, also past an exception.
class Resetting
{
public:
    explicit Resetting(Statement &statement) : m_statement(statement) {}
    ~Resetting() { m_statement.reset(); }
    Resetting(const Resetting &) = delete;
    Resetting &operator=(const Resetting &) = delete;

private:
    Statement &m_statement;
};

// A read transaction: everything read inside belongs to one state of the journal.
class Snapshot
{
public:
    explicit Snapshot(Database &database) : m_database(database) { database.run("BEGIN"); }
    ~Snapshot()
    {
        if (m_database.inTransaction())
            sqlite3_exec(m_database.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    Snapshot(const Snapshot &) = delete;
    Snapshot &operator=(const Snapshot &) = delete;

private:
    Database &m_database;
};

} // namespace slipway
