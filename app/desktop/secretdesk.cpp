#include "app/desktop/secretdesk.h"

#include "core/base/text.h"

#include <QThread>

#include <condition_variable>
#include <mutex>
#include <optional>

namespace slipway {

struct SecretDesk::Desk {
    std::mutex mutex;
    std::condition_variable changed;
    SecretDesk *owner = nullptr; // null: nobody is asked any more
    bool asking = false;
    QString what;
    std::optional<QByteArray> answer;

    QByteArray ask(const QString &question)
    {
        std::unique_lock lock(mutex);
        if (owner && QThread::currentThread() == owner->thread())
            return {};
        changed.wait(lock, [this] { return !asking || !owner; });
        if (!owner)
            return {};
        asking = true;
        what = question;
        answer.reset();
        tell();
        changed.wait(lock, [this] { return answer || !owner; });
        QByteArray given = answer ? std::move(*answer) : QByteArray();
        answer.reset();
        asking = false;
        if (owner)
            tell();
        changed.notify_all();
        return given;
    }
    void tell()
    {
        QMetaObject::invokeMethod(
            owner, [desk = owner] { desk->look(); }, Qt::QueuedConnection);
    }
};

SecretDesk::SecretDesk(QObject *parent) : QObject(parent), m_desk(std::make_shared<Desk>())
{
    m_desk->owner = this;
}

SecretDesk::~SecretDesk()
{
    close();
}

AskSecret SecretDesk::asker()
{
    return [desk = m_desk](const QString &what) { return desk->ask(what); };
}

void SecretDesk::close()
{
    {
        const std::lock_guard lock(m_desk->mutex);
        m_desk->owner = nullptr;
    }
    m_desk->changed.notify_all();
}

// What is wanted now, as the asking threads left it.
void SecretDesk::look()
{
    {
        const std::lock_guard lock(m_desk->mutex);
        m_wanted = m_desk->asking && !m_desk->answer;
        m_what = m_wanted ? oneLine(m_desk->what, 160) : QString();
    }
    Q_EMIT changed();
}

void SecretDesk::complain(const QString &sentence)
{
    m_complaint = sentence;
    Q_EMIT changed();
}

void SecretDesk::answer(QByteArray bytes)
{
    {
        const std::lock_guard lock(m_desk->mutex);
        if (!m_desk->asking || m_desk->answer) {
            cleanse(bytes);
            return;
        }
        m_desk->answer = std::move(bytes);
    }
    m_desk->changed.notify_all();
    m_complaint.clear();
    look();
}

void SecretDesk::give(const QString &typed)
{
    if (!typed.isEmpty()) // nothing typed is no answer
        answer(typed.toUtf8());
}

void SecretDesk::refuse()
{
    answer({});
}

} // namespace slipway
