#include "core/journal/database.h"

#include "core/base/fault.h"

#include <QFile>
#include <QFileInfo>
#include <QUrl>

#include <cerrno>

namespace slipway {

namespace {

constexpr int busyTimeoutMs = 10'000;

bool noSpace(int systemError)
{
    return systemError == ENOSPC || systemError == EDQUOT || systemError == EFBIG;
}

// Before SQLite is used at all: its statistics of memory take a lock at every allocation, and nobody reads them.
void configureOnce()
{
    static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)done; // refused where something else was first: then it is only slower
}

sqlite3 *openHandle(const QString &path, Database::Access access)
{
    configureOnce();
    sqlite3 *handle = nullptr;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    QByteArray name;
    if (access == Database::Access::Memory) {
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    } else {
        name = QFile::encodeName(path);
        flags |= access == Database::Access::Write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
        // A closed journal on a medium that cannot be written: SQLite would want to make its -shm file there.
        if (access == Database::Access::Read && !QFileInfo(QFileInfo(path).path()).isWritable() &&
            !QFile::exists(path + QLatin1String("-wal"))) {
            name = QUrl::fromLocalFile(QFileInfo(path).absoluteFilePath()).toEncoded() + "?immutable=1";
            flags |= SQLITE_OPEN_URI;
        }
    }
    const int code = sqlite3_open_v2(name.constData(), &handle, flags, nullptr);
    if (code != SQLITE_OK) {
        const QString words = QString::fromUtf8(handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
        const int systemError = handle ? sqlite3_system_errno(handle) : 0;
        sqlite3_close_v2(handle);
        if (noSpace(systemError))
            throw Fault("journal.disk-full", {path}, words);
        throw Fault(access == Database::Access::Read ? "journal.unreadable" : "journal.unwritable", {path, words});
    }
    sqlite3_busy_timeout(handle, busyTimeoutMs);
    // Room for whole entries, so that no insert allocates.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 4096, 64);
    return handle;
}

} // namespace

Database::Database(const QString &path, Access access) : m_path(path), m_handle(openHandle(path, access)) {}

void Database::fail(int code) const
{
    const QString words = QString::fromUtf8(sqlite3_errmsg(m_handle.get()));
    const QString detail = QStringLiteral("SQLite %1: %2").arg(code).arg(words);
    const bool full = noSpace(sqlite3_system_errno(m_handle.get()));
    switch (code & 0xff) {
    case SQLITE_FULL:
        throw Fault("journal.disk-full", {m_path}, detail);
    case SQLITE_IOERR:
        if (full)
            throw Fault("journal.disk-full", {m_path}, detail);
        throw Fault("journal.disk-error", {m_path}, detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        throw Fault("journal.busy", {m_path}, detail);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        throw Fault("journal.damaged", {m_path, words}, detail);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        if (full)
            throw Fault("journal.disk-full", {m_path}, detail);
        throw Fault("journal.unwritable", {m_path, words}, detail);
    case SQLITE_ERROR: // "no such table", "no such column": somebody took parts of it away
        throw Fault("journal.damaged", {m_path, words}, detail);
    default:
        throw Fault("internal.defect", {}, detail);
    }
}

void Database::run(const char *sql)
{
    const int code = sqlite3_exec(m_handle.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        fail(code);
}

qint64 Database::number(const char *sql)
{
    Statement statement(*this, sql, false);
    return statement.step() ? statement.integer(0) : 0;
}

QString Database::text(const char *sql)
{
    Statement statement(*this, sql, false);
    return statement.step() ? statement.text(0) : QString();
}

Statement::Statement(const Database &database, const char *sql, bool persistent) : m_database(&database)
{
    sqlite3_stmt *handle = nullptr;
    const int code =
        sqlite3_prepare_v3(database.handle(), sql, -1, persistent ? SQLITE_PREPARE_PERSISTENT : 0, &handle, nullptr);
    if (code != SQLITE_OK)
        database.fail(code);
    m_handle.reset(handle);
}

void Statement::check(int code) const
{
    if (code != SQLITE_OK)
        m_database->fail(code);
}

Statement &Statement::bind(int parameter, qint64 value)
{
    check(sqlite3_bind_int64(m_handle.get(), parameter, value));
    return *this;
}

Statement &Statement::bind(int parameter, double value)
{
    check(sqlite3_bind_double(m_handle.get(), parameter, value));
    return *this;
}

Statement &Statement::bindText(int parameter, QByteArrayView utf8)
{
    const char *data = utf8.data() ? utf8.data() : "";
    check(
        sqlite3_bind_text64(m_handle.get(), parameter, data, sqlite3_uint64(utf8.size()), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
}

Statement &Statement::bindBlob(int parameter, QByteArrayView bytes)
{
    if (bytes.isEmpty())
        check(sqlite3_bind_zeroblob(m_handle.get(), parameter, 0));
    else
        check(
            sqlite3_bind_blob64(m_handle.get(), parameter, bytes.data(), sqlite3_uint64(bytes.size()), SQLITE_STATIC));
    return *this;
}

Statement &Statement::bindNull(int parameter)
{
    check(sqlite3_bind_null(m_handle.get(), parameter));
    return *this;
}

Statement &Statement::bind(int parameter, const QString &text)
{
    const QByteArray utf8 = text.toUtf8();
    check(sqlite3_bind_text64(m_handle.get(), parameter, utf8.constData(), sqlite3_uint64(utf8.size()),
                              SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
}

bool Statement::step()
{
    const int code = sqlite3_step(m_handle.get());
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE)
        return false;
    // The words of the error are lost with the reset.
    try {
        m_database->fail(code);
    } catch (...) {
        reset();
        throw;
    }
}

void Statement::reset()
{
    sqlite3_reset(m_handle.get()); // repeats the last error, which step() has thrown already
    sqlite3_clear_bindings(m_handle.get());
}

bool Statement::isNull(int column) const
{
    return sqlite3_column_type(m_handle.get(), column) == SQLITE_NULL;
}

qint64 Statement::integer(int column) const
{
    return sqlite3_column_int64(m_handle.get(), column);
}

double Statement::real(int column) const
{
    return sqlite3_column_double(m_handle.get(), column);
}

QByteArray Statement::utf8(int column) const
{
    const auto *data = reinterpret_cast<const char *>(sqlite3_column_text(m_handle.get(), column));
    return data ? QByteArray(data, sqlite3_column_bytes(m_handle.get(), column)) : QByteArray();
}

QString Statement::text(int column) const
{
    const auto *data = reinterpret_cast<const char *>(sqlite3_column_text(m_handle.get(), column));
    return data ? QString::fromUtf8(data, sqlite3_column_bytes(m_handle.get(), column)) : QString();
}

QByteArray Statement::blob(int column) const
{
    const auto *data = static_cast<const char *>(sqlite3_column_blob(m_handle.get(), column));
    return data ? QByteArray(data, sqlite3_column_bytes(m_handle.get(), column)) : QByteArray();
}

} // namespace slipway
