#pragma once
// What one run writes into the journal. Entries are queued and the caller goes on; what must be durable before the next
// act is written durably. At the end settle() waits for all of them, so that a verdict stands on a complete record.
// Used by the run's thread. Throws journal.*.

#include "core/journal/journal.h"

#include <QCborMap>
#include <QString>

#include <future>
#include <vector>

namespace slipway {

class RunRecord
{
public:
    RunRecord(Journal &journal, QString run, QString device)
        : m_journal(journal), m_run(std::move(run)), m_device(std::move(device))
    {}

    void setDevice(const QString &device) { m_device = device; }
    QString run() const { return m_run; }
    QString device() const { return m_device; }

    void append(const QString &kind, QCborMap body);
    qint64 appendDurably(const QString &kind, QCborMap body);
    // Waits until everything is durable. Throws the first failure.
    void settle();
    qint64 first() const { return m_first; } // after settle()
    qint64 last() const { return m_last; }

private:
    void note(qint64 seq);

    Journal &m_journal;
    QString m_run;
    QString m_device;
    std::vector<std::future<qint64>> m_open;
    qint64 m_first = 0;
    qint64 m_last = 0;
};

} // namespace slipway
