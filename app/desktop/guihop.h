#pragma once
// The one door from other threads to the GUI thread. Changes of places knock here from any thread and are delivered
// together, at most 20 times a second; results of work done aside are delivered at once. No timer runs while nothing
// happens.

#include <QElapsedTimer>
#include <QObject>
#include <QSet>
#include <QTimer>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace slipway {

class Station;

class GuiHop : public QObject
{
    Q_OBJECT

public:
    static constexpr int shortestGapMs = 50;

    explicit GuiHop(QObject *parent = nullptr);
    ~GuiHop() override; // waits for work aside

    // Delivers the station's changes until release() or the end of this object.
    void watch(Station &station);
    void release();
    // Runs work on a thread of its own, then what it returned on the GUI thread (unless this object is gone by then).
    // A Fault must be caught within work.
    void aside(std::function<std::function<void()>()> work);
    // Changes or results are on their way.
    bool isExpecting() const;

Q_SIGNALS:
    void changed(const QSet<int> &places); // 0: counters, lamps, scans

private:
    struct Door;
    void answer();
    void deliver();

    std::shared_ptr<Door> m_door;
    QElapsedTimer m_sinceDelivery;
    QTimer m_later;
    struct Aside {
        Aside(std::shared_ptr<std::atomic<bool>> flag, std::function<void()> work)
            : done(std::move(flag)), thread(std::move(work))
        {}
        std::shared_ptr<std::atomic<bool>> done;
        std::jthread thread;
    };
    std::vector<Aside> m_threads;
};

} // namespace slipway
