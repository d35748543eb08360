#include "core/journal/export.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/progress.h"
#include "core/journal/entryjson.h"
#include "core/journal/headfile.h"
#include "core/journal/queries.h"
#include "core/journal/schema.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QSaveFile>

#include <functional>

namespace slipway {

namespace {

constexpr qint64 checkEvery = 1024; // rows
constexpr int backupPages = 512;    // a step of the copy
constexpr qsizetype bufferBytes = 1 << 20;

class Output
{
public:
    explicit Output(const QString &path) : m_file(path)
    {
        if (!m_file.open(QIODevice::WriteOnly))
            throw Fault("file.unwritable", {path, m_file.errorString()});
    }
    void write(const QByteArray &bytes)
    {
        m_buffer += bytes;
        if (m_buffer.size() >= bufferBytes)
            flush();
    }
    void commit()
    {
        flush();
        if (!m_file.commit())
            throw Fault("file.unwritable", {m_file.fileName(), m_file.errorString()});
    }

private:
    void flush()
    {
        if (m_file.write(m_buffer) != m_buffer.size())
            throw Fault("file.unwritable", {m_file.fileName(), m_file.errorString()});
        m_buffer.clear();
    }
    QSaveFile m_file;
    QByteArray m_buffer;
};

// Columns of each table as they go out; what has no mode of its own takes its run's.
QByteArray sqlOf(const QByteArray &table)
{
    if (table == "entry")
        return "SELECT e.seq, e.at, e.kind, e.run, e.device, coalesce(r.mode, '') AS mode, e.body, lower(hex(e.prev)) "
               "AS "
               "prev, lower(hex(e.hash)) AS hash FROM entry e LEFT JOIN run r ON r.id = e.run ORDER BY e.seq";
    if (table == "checkpoint")
        return "SELECT seq, at, lower(hex(hash)) AS hash, lower(hex(signature)) AS signature FROM checkpoint ORDER BY "
               "seq";
    for (const char *withMode : {"device", "run", "certificate", "number"}) {
        if (table == withMode)
            return "SELECT * FROM " + table;
    }
    return "SELECT t.*, coalesce(r.mode, '') AS mode FROM " + table + " t LEFT JOIN run r ON r.id = t.run";
}

QList<QByteArray> tables()
{
    QList<QByteArray> names{"entry", "checkpoint"};
    for (const ProjectionTable &table : projectionTables())
        names << table.name;
    return names;
}

bool isBody(const Statement &s, int column)
{
    return s.columnName(column) == QLatin1String("body");
}

QByteArray csvField(const Statement &s, int column)
{
    if (s.type(column) == SQLITE_INTEGER || s.type(column) == SQLITE_FLOAT || s.type(column) == SQLITE_NULL)
        return s.utf8(column);
    QByteArray text = isBody(s, column) ? QJsonDocument(toJson(readBody(s.blob(column)))).toJson(QJsonDocument::Compact)
                                        : s.utf8(column);
    if (!text.isEmpty() && QByteArrayView("=+-@\t\r").contains(text[0]))
        text.prepend('\'');
    if (text.contains('"') || text.contains(',') || text.contains('\n') || text.contains('\r'))
        text = '"' + text.replace("\"", "\"\"") + '"';
    return text;
}

QJsonValue jsonField(const Statement &s, int column)
{
    switch (s.type(column)) {
    case SQLITE_INTEGER:
        return s.integer(column);
    case SQLITE_FLOAT:
        return s.real(column);
    case SQLITE_NULL:
        return QJsonValue(QJsonValue::Null);
    default:
        return isBody(s, column) ? QJsonValue(toJson(readBody(s.blob(column)))) : QJsonValue(s.text(column));
    }
}

qint64 rowsOf(Database &database, const QByteArray &table, const Task &task,
              const std::function<void(const Statement &)> &row)
{
    Statement s(database, sqlOf(table).constData(), false);
    qint64 rows = 0;
    while (s.step()) {
        row(s);
        if (++rows % checkEvery == 0)
            task.check(QStringLiteral("Exporting the journal"));
    }
    return rows;
}

QString existing(const QString &path)
{
    if (!QFileInfo::exists(path))
        throw Fault("journal.missing", {path});
    return path;
}

} // namespace

qint64 exportCsv(const QString &journalPath, const QString &folder, const Task &task)
{
    Database database(existing(journalPath), Database::Access::Read);
    checkJournalForm(database);
    if (!QDir().mkpath(folder))
        throw Fault("file.unwritable", {folder, QStringLiteral("the folder could not be made")});
    const Snapshot snapshot(database);
    qint64 rows = 0;
    for (const QByteArray &table : tables()) {
        Output output(QDir(folder).filePath(QString::fromLatin1(table) + QStringLiteral(".csv")));
        {
            const Statement head(database, sqlOf(table).constData(), false);
            QStringList names;
            for (int i = 0; i < head.columns(); ++i)
                names << head.columnName(i);
            output.write(names.join(u',').toUtf8() + "\r\n");
        }
        rows += rowsOf(database, table, task, [&output](const Statement &s) {
            QByteArray line;
            for (int i = 0; i < s.columns(); ++i) {
                if (i > 0)
                    line += ',';
                line += csvField(s, i);
            }
            output.write(line + "\r\n");
        });
        output.commit();
    }
    return rows;
}

qint64 exportJson(const QString &journalPath, const QString &file, const Task &task)
{
    Database database(existing(journalPath), Database::Access::Read);
    checkJournalForm(database);
    const Snapshot snapshot(database);
    Output output(file);
    qint64 rows = 0;
    for (const QByteArray &table : tables()) {
        rows += rowsOf(database, table, task, [&output, &table](const Statement &s) {
            QJsonObject object{{QStringLiteral("table"), QString::fromLatin1(table)}};
            for (int i = 0; i < s.columns(); ++i)
                object.insert(s.columnName(i), jsonField(s, i));
            output.write(QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n');
        });
    }
    output.commit();
    return rows;
}

void backupJournal(const QString &journalPath, const QString &file, const Task &task)
{
    // Before the copy: its checkpoint must not be ahead of the entries.
    const std::optional<Checkpoint> head = readHeadFile(existing(journalPath));
    Database source(journalPath, Database::Access::Read);
    checkJournalForm(source);
    if (QFileInfo::exists(file))
        throw Fault("file.unwritable", {file, QStringLiteral("there is such a file already")});
    // One state of the journal, held while it is copied: the copy need not begin anew when the station writes.
    const Snapshot snapshot(source);
    source.number("SELECT count(*) FROM head");
    const QString part = file + QStringLiteral(".part");
    QFile::remove(part);
    try {
        {
            Database target(part, Database::Access::Write);
            sqlite3_backup *backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
            if (!backup)
                target.fail(sqlite3_errcode(target.handle()));
            int code = SQLITE_OK;
            bool stopped = false;
            do {
                code = sqlite3_backup_step(backup, backupPages);
                if (task.progress) {
                    task.progress->setTotal(sqlite3_backup_pagecount(backup));
                    task.progress->setDone(sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup));
                }
                stopped = task.stop.stop_requested();
            } while (!stopped && (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED));
            const int finished = sqlite3_backup_finish(backup);
            if (stopped)
                task.check(QStringLiteral("Copying the journal"));
            if (code != SQLITE_DONE || finished != SQLITE_OK)
                target.fail(finished != SQLITE_OK ? finished : code);
        }
        if (head)
            writeHeadFile(file, *head);
        if (!QFile::rename(part, file))
            throw Fault("file.unwritable", {file, QStringLiteral("it could not be given its name")});
    } catch (...) {
        QFile::remove(part);
        throw;
    }
}

} // namespace slipway
