#pragma once
// The append-only, hash-chained record of a station (journal.db), and the only writer of its tables. One writer thread;
// work queued while a commit is on its way is committed together (group commit, WAL, synchronous=FULL). Several
// processes may have the same journal open: every transaction takes SQLite's write lock and reads the chain's end anew.
// The exact form of the chain: core/journal/README.md.
//
// Thread-safe. Throws journal.* faults.

#include "core/journal/entry.h"

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <vector>

struct sqlite3;

namespace slipway {

// Signs checkpoints and chain heads; the station key in practice.
class JournalSigner
{
public:
    virtual ~JournalSigner() = default;
    virtual QByteArray sign(const QByteArray &message) const = 0; // ECDSA-SHA256, DER
    // SubjectPublicKeyInfo or certificate, DER. When given, the writer checks the signatures it finds before it goes
    // on.
    virtual QByteArray publicKeyDer() const { return {}; }
};

class Journal
{
public:
    // Inside a transaction: append and look up; what it appended is visible to its own look-ups. Throwing from the
    // function takes back its own appends and no one else's.
    class Transaction
    {
    public:
        virtual ~Transaction() = default;
        virtual qint64 append(const NewEntry &entry) = 0; // its seq
        virtual bool numberTaken(Mode mode, const QString &pool, const QString &value) = 0;
        // Highest value taken in the pool that matches prefix + digits, or -1.
        virtual qint64 highestNumber(Mode mode, const QString &pool, const QString &prefix) = 0;
        struct CertificateRow {
            QString serial, certificateSerial, at, run;
            QByteArray sha256, publicKeySha256, der;
            bool revoked = false;
            QString kind; // "ldevid", ...; "" is an IDevID
        };
        // Not revoked ones first.
        virtual std::vector<CertificateRow> certificatesOfSerial(Mode mode, const QString &serial) = 0;
        virtual std::vector<CertificateRow> certificatesOfKey(const QByteArray &publicKeySha256) = 0;
        virtual bool certificateSerialUsed(const QString &certificateSerialHex) = 0;
        virtual sqlite3 *handle() = 0; // for reads that this interface does not foresee
    };

    // What to do where the end of the journal is not the one that was signed: entries were cut off or changed at the
    // end.
    enum class Loss {
        Refuse, // journal.tampered: writing on would hide it
        Accept, // a person decided so: an entry journal.loss says what is gone, for good
    };
    // Opens or creates. signer may be null (no heads or checkpoints are signed: tests only).
    static std::unique_ptr<Journal> open(const QString &path, std::shared_ptr<JournalSigner> signer,
                                         Loss loss = Loss::Refuse);
    virtual ~Journal() = default; // commits what is queued, writes a checkpoint

    // Queued at once, in order; the future is ready when the entry is durable, a few milliseconds later. Where the disk
    // is full or busy the future throws, but the entry is kept and written before anything that comes later, as soon as
    // that is possible and for as long as the journal is open: do not append it again.
    virtual std::future<qint64> append(NewEntry entry) = 0;
    // Blocks until durable. When it throws, the entry is not in the journal.
    virtual qint64 appendDurably(NewEntry entry) = 0;
    // Runs on the writer thread; blocks until durable; rethrows what function throws. When it throws, nothing of it is
    // in the journal.
    virtual void transact(const std::function<void(Transaction &)> &function) = 0;
    // Blocks until everything queued so far is durable; throws when it cannot be made so now (what was kept stays
    // kept).
    virtual void flush() = 0;
    // Signs the end of the journal now, into the database and into journal.head.
    virtual void checkpoint() = 0;
    virtual QString path() const = 0;
};

} // namespace slipway
