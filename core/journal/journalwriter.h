#pragma once
// The one Journal there is: a thread that takes what is queued, writes it in one transaction, signs the new end and
// commits. See journal.h for what callers rely on.
//
// Within a transaction, transact() runs under a savepoint of its own; an append cannot fail halfway (what may refuse it
// is asked before anything is changed), so it needs none. When the transaction as a whole fails (disk full, busy), all
// of it is rolled back: those who wait get the fault, plain appends stay queued in their order.

#include "core/journal/chain.h"
#include "core/journal/headfile.h"
#include "core/journal/journal.h"
#include "core/journal/projector.h"
#include "core/journal/verifier.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

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
    class WriterTransaction;

    // An entry with its body encoded, still without its place in the chain.
    struct Prepared {
        Record record;
        QByteArray body;
    };
    struct Work {
        enum class Kind { Append, Durable, Transact, Flush, Checkpoint };
        Kind kind = Kind::Append;
        Prepared entry;
        const std::function<void(Transaction &)> *function = nullptr;
        std::promise<qint64> promise;
        // of the transaction going on
        qint64 seq = 0;
        std::exception_ptr failure;
    };
    struct Statements;

    static Prepared prepare(NewEntry entry);
    std::future<qint64> enqueue(Work work);
    qint64 await(Work work);

    // On the writer thread.
    void work();
    void commitBatch(std::vector<Work> batch);
    void perform(Work &work);
    void runFunction(Work &work);
    qint64 write(Prepared &entry);
    void begin();
    void checkEnd(qint64 headSeq, const QByteArray &headHash, const QByteArray &signature);
    void checkHeadFile();
    void recordLoss();
    void seal(bool checkpointWanted);
    qint64 lastCheckpoint();
    void insertCheckpoint(qint64 seq, const QByteArray &hash);
    void rollback();
    void publishCheckpoint();
    void close();

    const QString m_path;
    const std::shared_ptr<JournalSigner> m_signer;
    std::optional<JournalVerifier> m_verifier;
    Loss m_loss;
    Database m_database;
    std::unique_ptr<Statements> m_s;
    std::unique_ptr<Projector> m_projector;
    EntryHasher m_hasher;

    qint64 m_seq = 0; // the chain's end, within the transaction
    QByteArray m_hash;
    qint64 m_begunSeq = 0;                     // the chain's end when the transaction began
    QByteArray m_knownSignature;               // of a head that this process wrote or checked
    std::optional<Checkpoint> m_newCheckpoint; // in this transaction
    std::optional<Checkpoint> m_unpublished;   // committed, not yet in journal.head
    bool m_lossRecorded = false;               // journal.head is overwritten whatever it says

    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Work> m_queue;
    bool m_closing = false;
    std::vector<Work> m_kept; // appends that could not be written yet; writer thread only
    std::jthread m_thread;
};

} // namespace slipway
