#include "app/desktop/guihop.h"

#include "core/station/station.h"

#include <mutex>
#include <utility>

namespace slipway {

struct GuiHop::Door {
    std::mutex mutex;
    GuiHop *owner = nullptr;
    QSet<int> places;
    std::vector<std::function<void()>> results;
    bool knocked = false;
    int working = 0; // threads aside
    int watch = 0;   // which station's callbacks count

    // mutex is held: the owner cannot go away meanwhile.
    void knock()
    {
        if (!owner || knocked)
            return;
        knocked = true;
        QMetaObject::invokeMethod(
            owner, [hop = owner] { hop->answer(); }, Qt::QueuedConnection);
    }
};

GuiHop::GuiHop(QObject *parent) : QObject(parent), m_door(std::make_shared<Door>())
{
    m_door->owner = this;
    m_later.setSingleShot(true);
    connect(&m_later, &QTimer::timeout, this, &GuiHop::deliver);
}

GuiHop::~GuiHop()
{
    release();
    {
        const std::lock_guard lock(m_door->mutex);
        m_door->owner = nullptr;
    }
    m_threads.clear(); // joins
}

void GuiHop::watch(Station &station)
{
    release();
    int watch = 0;
    {
        const std::lock_guard lock(m_door->mutex);
        watch = m_door->watch;
    }
    const auto touch = [door = m_door, watch](int place) {
        const std::lock_guard lock(door->mutex);
        if (watch != door->watch)
            return;
        door->places.insert(place);
        door->knock();
    };
    station.onChanged(touch);
    station.onLog([touch](int place, const QString &, int, const QString &) { touch(place); });
}

// Stations keep their callbacks for life; those of an old watch fall silent.
void GuiHop::release()
{
    const std::lock_guard lock(m_door->mutex);
    ++m_door->watch;
    m_door->places.clear();
}

void GuiHop::aside(std::function<std::function<void()>()> work)
{
    {
        const std::lock_guard lock(m_door->mutex);
        ++m_door->working;
    }
    std::erase_if(m_threads, [](const Aside &aside) { return aside.done->load(); }); // joins, without waiting long
    auto done = std::make_shared<std::atomic<bool>>(false);
    m_threads.emplace_back(done, [door = m_door, done, work = std::move(work)] {
        auto result = work();
        *done = true;
        const std::lock_guard lock(door->mutex);
        --door->working;
        door->results.push_back(std::move(result));
        door->knock();
    });
}

bool GuiHop::isExpecting() const
{
    const std::lock_guard lock(m_door->mutex);
    return m_door->working > 0 || m_door->knocked;
}

void GuiHop::answer()
{
    bool results = false;
    {
        const std::lock_guard lock(m_door->mutex);
        results = !m_door->results.empty();
    }
    const qint64 since = m_sinceDelivery.isValid() ? m_sinceDelivery.elapsed() : shortestGapMs;
    if (results || since >= shortestGapMs)
        deliver();
    else if (!m_later.isActive())
        m_later.start(int(shortestGapMs - since));
}

void GuiHop::deliver()
{
    QSet<int> places;
    std::vector<std::function<void()>> results;
    {
        const std::lock_guard lock(m_door->mutex);
        places.swap(m_door->places);
        results.swap(m_door->results);
        m_door->knocked = false;
    }
    m_later.stop();
    for (const auto &result : results)
        result();
    if (!places.isEmpty()) {
        m_sinceDelivery.start();
        Q_EMIT changed(places);
    }
}

} // namespace slipway
