#pragma once
// A tree of weighted progress. A leaf counts bytes (or any unit) done of a total; a node's fraction is the weighted
// mean of its children. Thread-safe: one thread advances, any thread takes snapshots. The root's callback is called,
// at most every 50 ms or when a phase changes, from the advancing thread.

#include <QList>
#include <QString>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace slipway {

class Progress
{
public:
    struct Segment {
        QString name;
        double weight = 1;   // share of the whole, the segments of a snapshot sum to 1
        double fraction = 0; // 0..1
    };
    struct Snapshot {
        double fraction = 0;     // of the whole, 0..1
        QString phase;           // name of the active leaf
        QString note;            // "waiting for the device to restart", or empty
        qint64 done = 0;         // of the active leaf, bytes
        qint64 total = 0;        // 0: not counted in bytes
        double rate = 0;         // bytes per second over the last 2 s
        double lineLimit = 0;    // bytes of payload per second that the line can carry, 0: unknown
        QList<Segment> segments; // the root's children
        double lineShare() const { return lineLimit > 0 ? rate / lineLimit : 0; }
    };

    explicit Progress(QString name = {}, std::function<void()> changed = {});
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;
    ~Progress();

    // A child; the reference lives as long as this node. Weights are relative to the siblings'.
    Progress &add(const QString &name, double weight = 1);
    // The child of that name, begun anew, for work that may be tried again; added when there is none yet.
    Progress &child(const QString &name, double weight = 1);
    void begin(); // this leaf becomes the active one (also done by setDone and note)
    void setTotal(qint64 total);
    void setDone(qint64 done); // may go back: a resumed or restarted transfer
    // Called by every setDone of this node, from the advancing thread. Nothing to pass: no longer.
    void watch(std::function<void(qint64 done)> watcher);
    void setLineLimit(double bytesPerSecond);
    void setNote(const QString &note);
    void finish(); // fraction 1, note cleared
    Snapshot snapshot() const;

private:
    struct Shared;
    Progress(QString name, double weight, std::shared_ptr<Shared> shared);
    double fractionLocked() const;
    void touch(bool force);

    QString m_name;
    double m_weight = 1;
    std::shared_ptr<Shared> m_shared;
    std::deque<std::unique_ptr<Progress>> m_children;
    qint64 m_total = 0;
    qint64 m_done = 0;
    std::function<void(qint64)> m_watcher; // set and called by the advancing thread only
    bool m_finished = false;
};

} // namespace slipway
