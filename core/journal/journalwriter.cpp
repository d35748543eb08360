#include "core/journal/journalwriter.h"

#include "core/base/fault.h"
#include "core/journal/writertransaction.h"

#include <QLoggingCategory>

namespace slipway {

namespace {

Q_LOGGING_CATEGORY(lcJournal, "slipway.journal")

constexpr size_t maximumBatch = 4096;
constexpr size_t goodBatch = 1024; // not worth waiting for more
constexpr auto gatherFor = std::chrono::milliseconds(1);
constexpr auto idleFor =
    std::chrono::seconds(1); // then what is kept is tried again, and journal.head brought up to date

bool retryable(const std::exception_ptr &failure)
{
    try {
        std::rethrow_exception(failure);
    } catch (const Fault &fault) {
        return fault.is("journal.disk-full") || fault.is("journal.disk-error") || fault.is("journal.busy");
    } catch (...) {
        return false;
    }
}

} // namespace

std::unique_ptr<Journal> Journal::open(const QString &path, std::shared_ptr<JournalSigner> signer, Loss loss)
{
    return std::make_unique<JournalWriter>(path, std::move(signer), loss);
}

void JournalWriter::Work::answer()
{
    if (!answered)
        promise.set_value(seq);
    answered = true;
}

void JournalWriter::Work::answer(const std::exception_ptr &why)
{
    if (!answered)
        promise.set_exception(why);
    answered = true;
}

JournalWriter::JournalWriter(const QString &path, std::shared_ptr<JournalSigner> signer, Loss loss)
    : m_path(path), m_chain(path, std::move(signer), loss), m_thread([this] { work(); })
{}

JournalWriter::~JournalWriter()
{
    {
        const std::lock_guard lock(m_mutex);
        m_closing = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

std::future<qint64> JournalWriter::enqueue(Work work)
{
    std::future<qint64> future = work.promise.get_future();
    const bool urgent = work.kind != Work::Kind::Append;
    bool wake = urgent;
    {
        const std::lock_guard lock(m_mutex);
        if (m_closing)
            throw Fault("journal.closed");
        if (m_queue.empty()) {
            m_oldest = std::chrono::steady_clock::now();
            wake = true;
        }
        m_queue.push_back(std::move(work));
        m_urgent = m_urgent || urgent;
        wake = wake || m_queue.size() == goodBatch;
    }
    if (wake)
        m_wake.notify_one();
    return future;
}

qint64 JournalWriter::await(Work work)
{
    if (std::this_thread::get_id() == m_thread.get_id())
        throw Fault("internal.defect", {}, QStringLiteral("waiting for the journal inside its own transaction"));
    return enqueue(std::move(work)).get();
}

std::future<qint64> JournalWriter::append(NewEntry entry)
{
    Work work;
    work.entry = prepareEntry(std::move(entry));
    return enqueue(std::move(work));
}

qint64 JournalWriter::appendDurably(NewEntry entry)
{
    Work work;
    work.kind = Work::Kind::Durable;
    work.entry = prepareEntry(std::move(entry));
    return await(std::move(work));
}

void JournalWriter::transact(const std::function<void(Transaction &)> &function)
{
    Work work;
    work.kind = Work::Kind::Transact;
    work.function = &function;
    await(std::move(work));
}

void JournalWriter::flush()
{
    Work work;
    work.kind = Work::Kind::Flush;
    await(std::move(work));
}

void JournalWriter::checkpoint()
{
    Work work;
    work.kind = Work::Kind::Checkpoint;
    await(std::move(work));
}

void JournalWriter::work()
{
    for (;;) {
        std::vector<Work> batch = std::exchange(m_kept, {});
        bool closing = false;
        {
            std::unique_lock lock(m_mutex);
            const auto ready = [this] { return !m_queue.empty() || m_closing; };
            if (batch.empty() && !m_chain.publishPending())
                m_wake.wait(lock, ready);
            else
                m_wake.wait_for(lock, idleFor, ready);
            if (!m_queue.empty())
                m_wake.wait_until(lock, m_oldest + gatherFor,
                                  [this] { return m_urgent || m_closing || m_queue.size() >= goodBatch; });
            const auto end = m_queue.begin() + std::ptrdiff_t(std::min(m_queue.size(), maximumBatch));
            batch.reserve(batch.size() + size_t(end - m_queue.begin()));
            std::move(m_queue.begin(), end, std::back_inserter(batch));
            m_queue.erase(m_queue.begin(), end);
            m_urgent = m_urgent && !m_queue.empty();
            closing = m_closing && m_queue.empty();
        }
        if (!batch.empty())
            commitBatch(std::move(batch));
        else
            m_chain.publish();
        if (closing) {
            close();
            return;
        }
    }
}

void JournalWriter::commitBatch(std::vector<Work> batch)
{
    std::exception_ptr failure;
    try {
        m_chain.begin();
        bool checkpointWanted = false;
        for (Work &work : batch) {
            perform(work);
            checkpointWanted = checkpointWanted || work.kind == Work::Kind::Checkpoint;
        }
        m_chain.commit(checkpointWanted);
    } catch (...) {
        failure = std::current_exception();
        m_chain.rollback();
    }
    if (!failure) {
        for (Work &work : batch) {
            if (work.failure)
                work.answer(work.failure);
            else
                work.answer();
        }
        return;
    }
    const bool keep = retryable(failure);
    for (Work &work : batch) {
        work.answer(work.failure ? work.failure : failure);
        if (keep && work.kind == Work::Kind::Append && !work.failure)
            m_kept.push_back(std::move(work));
    }
}

void JournalWriter::perform(Work &work)
{
    work.failure = nullptr;
    switch (work.kind) {
    case Work::Kind::Append:
    case Work::Kind::Durable:
        try {
            work.seq = m_chain.write(work.entry);
        } catch (const Fault &fault) {
            if (!fault.is("journal.number-taken")) // which has changed nothing
                throw;
            work.failure = std::current_exception();
        }
        return;
    case Work::Kind::Transact:
        runFunction(work);
        return;
    case Work::Kind::Flush:
    case Work::Kind::Checkpoint:
        return;
    }
}

void JournalWriter::runFunction(Work &work)
{
    m_chain.beginItem();
    WriterTransaction transaction(m_chain);
    try {
        (*work.function)(transaction);
        if (transaction.failure())
            std::rethrow_exception(transaction.failure());
    } catch (...) {
        work.failure = std::current_exception();
    }
    // A full disk takes back the whole transaction, not only this item.
    if (transaction.failure() && retryable(transaction.failure()))
        std::rethrow_exception(transaction.failure());
    if (!m_chain.inTransaction())
        throw Fault("journal.disk-error", {m_path});
    if (work.failure)
        m_chain.takeBackItem();
    m_chain.endItem();
}

void JournalWriter::close()
{
    if (!m_kept.empty()) {
        commitBatch(std::exchange(m_kept, {}));
        if (!m_kept.empty())
            qCCritical(lcJournal, "%zu entries could not be written to %s", m_kept.size(), qPrintable(m_path));
    }
    try {
        m_chain.begin();
        m_chain.commit(true);
    } catch (const std::exception &error) {
        m_chain.rollback();
        qCDebug(lcJournal, "no checkpoint on closing: %s", error.what());
    }
}

} // namespace slipway
