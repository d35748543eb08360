#pragma once
// The one Journal there is: a thread that takes what is queued and writes it in one transaction. See journal.h for what
// callers rely on.
//
// Work that somebody waits for is begun at once; plain appends wait a moment for others to come along.
//
// Within a transaction, transact() runs under a savepoint of its own; an append cannot fail halfway (what may refuse it
// is asked before anything is changed), so it needs none. When the transaction as a whole fails (disk full, busy), all
// of it is rolled back: everybody waiting gets the fault, and plain appends are kept and written, in their order, as
// soon as the disk takes them.

#include "core/journal/chainwriter.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

class JournalWriter final : public Journal
{
public:
    JournalWriter(const QString &path, std::shared_ptr<JournalSigner> signer, Loss loss);
    ~JournalWriter() override;

    std::future<qint64> append(NewEntry entry) override;
    qint64 appendDurably(NewEntry entry) override;
    void transact(const std::function<void(Transaction &)> &function) override;
    void flush() override;
    void checkpoint() override;
    QString path() const override { return m_path; }

private:
    struct Work {
        enum class Kind { Append, Durable, Transact, Flush, Checkpoint };
        Kind kind = Kind::Append;
        PreparedEntry entry;
        const std::function<void(Transaction &)> *function = nullptr;
        std::promise<qint64> promise;
        bool answered = false; // the promise; the entry itself is still to be written
        // of the transaction going on
        qint64 seq = 0;
        std::exception_ptr failure;

        void answer();
        void answer(const std::exception_ptr &why);
    };

    std::future<qint64> enqueue(Work work);
    qint64 await(Work work);

    // On the writer thread.
    void work();
    void commitBatch(std::vector<Work> batch);
    void perform(Work &work);
    void runFunction(Work &work);
    void close();

    const QString m_path;
    ChainWriter m_chain;
    std::vector<Work> m_kept; // appends that could not be written yet

    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Work> m_queue;
    std::chrono::steady_clock::time_point m_oldest; // when the first in the queue came
    bool m_urgent = false;                          // somebody waits
    bool m_closing = false;
    std::jthread m_thread;
};

} // namespace slipway
