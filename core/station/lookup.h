#pragma once
// What the station asks of the journal's tables: has a unit passed, what was left open by a crash, what is open for a
// unit. Reads through a connection of its own, so that no question waits for the writer. Thread-safe.
// Throws journal.*.

#include "core/journal/database.h"
#include "core/journal/journal.h"
#include "core/recipe/recipe.h"
#include "core/steps/identitylot.h"
#include "core/steps/quotause.h"

#include <QCborMap>
#include <QDateTime>
#include <QList>
#include <QString>

#include <mutex>

namespace slipway {

class Lookup
{
public:
    explicit Lookup(const QString &journalPath);

    bool hasPassed(Mode mode, const QString &serial, const QString &recipe);
    // A run that counts for the yield (PASS, FAIL, UNKNOWN) has ended already.
    bool hasCountedRun(Mode mode, const QString &serial, const QString &recipe);
    // FAILs of the unit with this very recipe, its content included.
    int failsSince(Mode mode, const QString &serial, const Recipe &recipe, const QDateTime &since);
    QList<QDateTime> passedSince(Mode mode, const QDateTime &since);

    struct OpenIntent {
        QString id, run, device, act, at;
        int index = -1;
        QCborMap detail;
    };
    // Without an outcome, or with the outcome "unknown".
    QList<OpenIntent> openIntentsOfRun(const QString &run);
    QList<OpenIntent> openIntentsOfUnit(Mode mode, const QString &serial);

    struct RunRow {
        QString id, device, recipe, slot, begunAt, mode, sentence;
        qint64 entry = 0;
        int lastIndex = -1; // of the last step that began, -1: none
        QString lastStep;   // its name
        bool lastEnded = false;
    };
    QList<RunRow> openRuns();
    // Ended with an act whose outcome is open; or ended by recovery or with an unknown outcome, and the unit has not
    // been through a whole run since. Not those that somebody dismissed.
    QList<RunRow> unsettledRuns();
    bool numberGiven(Mode mode, const QString &pool, const QString &value);
    QString driverOf(const QString &run);
    // What the device said of itself in that run, last; empty: nothing.
    QString factOf(const QString &run, const QString &name);
    // Acts of the run whose outcome is "done".
    QStringList doneActs(const QString &run);
    // What was found out about the run's acts after it had ended.
    QStringList reconciled(const QString &run);

    LotStock lotStock(Mode mode, const QString &lot);
    QList<QuotaStanding> quotaStandings(const QuotaBook &book);

private:
    QList<OpenIntent> intents(const char *sql, const QString &key, const QString &mode);
    QList<RunRow> runs(const char *sql);
    bool any(const char *sql, Mode mode, const QString &serial, const QString &recipe);

    std::mutex m_mutex;
    Database m_database;
};

} // namespace slipway
