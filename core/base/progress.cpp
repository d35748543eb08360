#include "core/base/progress.h"

#include <algorithm>
#include <utility>

namespace slipway {

namespace {
using Clock = std::chrono::steady_clock;
constexpr auto rateWindow = std::chrono::seconds(2);
constexpr auto callbackEvery = std::chrono::milliseconds(50);
} // namespace

struct Progress::Shared {
    std::mutex mutex;
    std::function<void()> changed;
    Clock::time_point lastCall{};
    const Progress *active = nullptr;
    QString note;
    double lineLimit = 0;
    std::deque<std::pair<Clock::time_point, qint64>> samples; // of the active leaf
};

Progress::Progress(QString name, std::function<void()> changed)
    : m_name(std::move(name)), m_shared(std::make_shared<Shared>())
{
    m_shared->changed = std::move(changed);
}

Progress::Progress(QString name, double weight, std::shared_ptr<Shared> shared)
    : m_name(std::move(name)), m_weight(weight), m_shared(std::move(shared))
{}

Progress::~Progress()
{
    const std::lock_guard lock(m_shared->mutex);
    if (m_shared->active == this)
        m_shared->active = nullptr;
}

Progress &Progress::add(const QString &name, double weight)
{
    const std::lock_guard lock(m_shared->mutex);
    m_children.push_back(std::unique_ptr<Progress>(new Progress(name, std::max(weight, 1e-9), m_shared)));
    return *m_children.back();
}

Progress &Progress::child(const QString &name, double weight)
{
    {
        const std::lock_guard lock(m_shared->mutex);
        for (const auto &known : m_children) {
            if (known->m_name != name)
                continue;
            known->m_done = known->m_total = 0;
            known->m_finished = false;
            return *known;
        }
    }
    return add(name, weight);
}

void Progress::touch(bool force)
{
    std::function<void()> call;
    {
        const std::lock_guard lock(m_shared->mutex);
        const auto now = Clock::now();
        if (m_shared->active != this) {
            m_shared->active = this;
            m_shared->samples.clear();
            m_shared->note.clear();
            force = true;
        }
        auto &samples = m_shared->samples;
        if (samples.empty() || samples.back().second != m_done)
            samples.emplace_back(now, m_done);
        while (samples.size() > 2 && now - samples.front().first > rateWindow)
            samples.pop_front();
        if (m_shared->changed && (force || now - m_shared->lastCall >= callbackEvery)) {
            m_shared->lastCall = now;
            call = m_shared->changed;
        }
    }
    if (call)
        call();
}

void Progress::begin()
{
    touch(true);
}

void Progress::setTotal(qint64 total)
{
    {
        const std::lock_guard lock(m_shared->mutex);
        m_total = total;
    }
    touch(true);
}

void Progress::setDone(qint64 done)
{
    {
        const std::lock_guard lock(m_shared->mutex);
        if (done < m_done)
            m_shared->samples.clear();
        m_done = done;
    }
    touch(false);
    if (m_watcher)
        m_watcher(done);
}

void Progress::watch(std::function<void(qint64)> watcher)
{
    m_watcher = std::move(watcher);
}

void Progress::setLineLimit(double bytesPerSecond)
{
    const std::lock_guard lock(m_shared->mutex);
    m_shared->lineLimit = bytesPerSecond;
}

void Progress::setNote(const QString &note)
{
    touch(false);
    {
        const std::lock_guard lock(m_shared->mutex);
        m_shared->note = note;
    }
    touch(true);
}

void Progress::finish()
{
    {
        const std::lock_guard lock(m_shared->mutex);
        m_finished = true;
        if (m_total > 0)
            m_done = m_total;
        m_shared->note.clear();
    }
    touch(true);
}

double Progress::fractionLocked() const
{
    if (m_finished)
        return 1;
    if (m_children.empty())
        return m_total > 0 ? std::clamp(double(m_done) / double(m_total), 0.0, 1.0) : 0;
    double sum = 0;
    double weights = 0;
    for (const auto &child : m_children) {
        sum += child->m_weight * child->fractionLocked();
        weights += child->m_weight;
    }
    return sum / weights;
}

Progress::Snapshot Progress::snapshot() const
{
    const std::lock_guard lock(m_shared->mutex);
    Snapshot s;
    s.fraction = fractionLocked();
    s.note = m_shared->note;
    s.lineLimit = m_shared->lineLimit;
    if (const Progress *active = m_shared->active) {
        s.phase = active->m_name;
        s.done = active->m_done;
        s.total = active->m_total;
        const auto &samples = m_shared->samples;
        if (samples.size() > 1) {
            const auto &[t0, d0] = samples.front();
            const auto until = std::max(samples.back().first, Clock::now() - std::chrono::milliseconds(500));
            const double seconds = std::chrono::duration<double>(until - t0).count();
            if (seconds > 0)
                s.rate = double(samples.back().second - d0) / seconds;
        }
    }
    double weights = 0;
    for (const auto &child : m_children)
        weights += child->m_weight;
    for (const auto &child : m_children)
        s.segments.append({child->m_name, child->m_weight / weights, child->fractionLocked()});
    return s;
}

} // namespace slipway
