#pragma once
// The journal's database as its writer thread sees it: transactions that take SQLite's write lock, read the chain's end
// anew and check it against what was signed, add entries with their projections, sign the new end and commit. After a
// commit the newest checkpoint goes to journal.head.
// Belongs to one thread. Throws journal.*; after a fault the transaction is to be rolled back.

#include "core/journal/chain.h"
#include "core/journal/headfile.h"
#include "core/journal/journal.h"
#include "core/journal/projector.h"
#include "core/journal/verifier.h"

#include <chrono>
#include <memory>
#include <optional>

namespace slipway {

// An entry with its body encoded, still without its place in the chain.
struct PreparedEntry {
    Record record;
    QByteArray body;
};
// Checks and encodes; any thread. Throws journal.entry.
PreparedEntry prepareEntry(NewEntry entry);

class ChainWriter
{
public:
    ChainWriter(const QString &path, std::shared_ptr<JournalSigner> signer, Journal::Loss loss);
    ~ChainWriter();

    void begin();
    qint64 write(PreparedEntry &entry); // its seq
    // Signs the new end, adds the checkpoints that are due (and one at the end where wanted), and commits. The newest
    // goes to journal.head at once where it was wanted or the last time was a second ago, else with publish().
    void commit(bool checkpointWanted);
    bool publishPending() const { return m_unpublished.has_value(); }
    void publish();
    void rollback();

    // Within a transaction, around one caller's work. A whole transaction may be gone after a full disk.
    void beginItem();
    void endItem();
    void takeBackItem();
    bool inTransaction() const { return m_database.inTransaction(); }

    struct Statements;
    Statements &statements() { return *m_s; }
    sqlite3 *handle() { return m_database.handle(); }
    const QString &path() const { return m_database.path(); }

private:
    void checkEnd(qint64 headSeq, const QByteArray &headHash, const QByteArray &signature);
    void checkHeadFile();
    void recordLoss();
    void seal(bool checkpointWanted);
    qint64 lastCheckpoint();
    void insertCheckpoint(qint64 seq, const QByteArray &hash);

    const std::shared_ptr<JournalSigner> m_signer;
    std::optional<JournalVerifier> m_verifier;
    Journal::Loss m_loss;
    Database m_database;
    std::unique_ptr<Statements> m_s;
    std::unique_ptr<Projector> m_projector;
    EntryHasher m_hasher;

    qint64 m_seq = 0; // the chain's end, within the transaction
    QByteArray m_hash;
    qint64 m_begunSeq = 0; // the chain's end when the transaction began
    qint64 m_itemSeq = 0;  // and when the item began
    QByteArray m_itemHash;
    QByteArray m_knownSignature, m_knownHash;  // of a head that this process wrote or checked
    std::optional<Checkpoint> m_newCheckpoint; // in this transaction
    std::optional<Checkpoint> m_unpublished;   // committed, not yet in journal.head
    std::chrono::steady_clock::time_point m_published;
    bool m_lossRecorded = false; // journal.head is overwritten whatever it says
};

} // namespace slipway
