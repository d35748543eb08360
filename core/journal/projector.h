#pragma once
// Fills the projections from entries, one after the other in the order of the chain. The same entries always give the
// same rows, so that a rebuild can be compared with what stands in the journal.
// Belongs to one connection and its thread. Throws journal.*.

#include "core/journal/database.h"
#include "core/journal/projection.h"

#include <QHash>

#include <memory>
#include <optional>

namespace slipway {

// An entry on its way into the tables; texts are UTF-8.
struct Record {
    qint64 seq = 0;
    QByteArray at, kind, run, device;
    ProjectedBody body;
};

class Projector
{
public:
    explicit Projector(const Database &database);
    ~Projector();

    // Throws journal.number-taken, and has changed nothing then.
    void apply(const Record &record);
    // After a rollback: what is remembered may not be true any more.
    void forget() { m_runs.clear(); }

private:
    struct Statements;
    struct RunKnown {
        QByteArray device;
        QByteArray mode;
        bool exists = false;
    };

    RunKnown &runOf(const Record &record);
    QByteArray modeOf(const Record &record);
    void seeDevice(const Record &record, QByteArrayView mode, QByteArrayView serial, bool newRun);
    void runBegun(const Record &record);
    void runEnded(const Record &record);
    void certificate(const Record &record);
    void number(const Record &record);
    static void ofRun(Statement &statement, const Record &record);
    static void insert(Statement &statement, const Record &record, int first);

    const Database &m_database;
    std::unique_ptr<Statements> m_s;
    QHash<QByteArray, RunKnown> m_runs;
};

} // namespace slipway
