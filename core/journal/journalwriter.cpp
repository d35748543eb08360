#include "core/journal/journalwriter.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/journal/schema.h"

#include <QCborArray>
#include <QLoggingCategory>

#include <chrono>
#include <ctime>

namespace slipway {

namespace {

Q_LOGGING_CATEGORY(lcJournal, "slipway.journal")

constexpr qsizetype maximumBody = 1024 * 1024;
constexpr qsizetype maximumText = 255; // characters of kind, run, device
constexpr size_t maximumBatch = 4096;
constexpr auto retryKeptAfter = std::chrono::seconds(1);

QByteArray nowUtf8()
{
    const auto now = std::chrono::system_clock::now();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    const std::time_t seconds = ms / 1000;
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    char text[32];
    const size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &tm);
    const int rest = int(ms % 1000);
    const char tail[] = {char('0' + rest / 100), char('0' + rest / 10 % 10), char('0' + rest % 10), 'Z'};
    return QByteArray(text, qsizetype(n)).append(tail, sizeof tail);
}

QByteArray columnText(const QString &text, const char *what)
{
    if (text.size() > maximumText)
        throw Fault("journal.entry",
                    {QStringLiteral("its %1 is longer than %2 characters").arg(QLatin1String(what)).arg(maximumText)});
    for (const QChar c : text) {
        if (c.unicode() < 0x20 || (c.unicode() >= 0x7f && c.unicode() < 0xa0))
            throw Fault("journal.entry", {QStringLiteral("its %1 holds a control character").arg(QLatin1String(what))});
    }
    return text.toUtf8();
}

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

QString words(const std::exception_ptr &failure)
{
    try {
        std::rethrow_exception(failure);
    } catch (const Fault &fault) {
        return fault.sentence();
    } catch (const std::exception &other) {
        return QString::fromUtf8(other.what());
    } catch (...) {
        return QStringLiteral("?");
    }
}

} // namespace

struct JournalWriter::Statements {
    explicit Statements(const Database &d)
        : begin(d, "BEGIN IMMEDIATE"), commit(d, "COMMIT"), savepoint(d, "SAVEPOINT item"), release(d, "RELEASE item"),
          rollbackTo(d, "ROLLBACK TO item"), end(d, "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1"),
          head(d, "SELECT seq, hash, signature FROM head WHERE id = 1"),
          insert(d, "INSERT INTO entry(seq, at, kind, run, device, body, prev, hash) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
          setHead(d, "INSERT INTO head(id, seq, hash, signature) VALUES(1, ?1, ?2, ?3) ON CONFLICT(id) DO UPDATE SET "
                     "seq = ?1, hash = ?2, signature = ?3"),
          hashOf(d, "SELECT hash FROM entry WHERE seq = ?1"),
          lastCheckpoint(d, "SELECT coalesce(max(seq), 0) FROM checkpoint"),
          insertCheckpoint(d, "INSERT INTO checkpoint(seq, at, hash, signature) VALUES(?1, ?2, ?3, ?4)"),
          numberTaken(d, "SELECT 1 FROM number WHERE mode = ?1 AND pool = ?2 AND value = ?3"),
          numberDown(d, "SELECT value FROM number WHERE mode = ?1 AND pool = ?2 AND length(value) = ?3 AND "
                        "value >= ?4 AND value <= ?5 ORDER BY value DESC"),
          ofSerial(d,
                   "SELECT serial, certificate_serial, c.at, c.run, sha256, public_key_sha256, revoked_entry, e.body "
                   "FROM certificate c LEFT JOIN entry e ON e.seq = c.entry WHERE c.serial = ?1 AND c.mode = ?2 "
                   "ORDER BY revoked_entry IS NOT NULL, c.entry DESC"),
          ofKey(d, "SELECT serial, certificate_serial, c.at, c.run, sha256, public_key_sha256, revoked_entry, e.body "
                   "FROM certificate c LEFT JOIN entry e ON e.seq = c.entry WHERE c.public_key_sha256 = ?1 "
                   "ORDER BY revoked_entry IS NOT NULL, c.entry DESC"),
          serialUsed(d, "SELECT 1 FROM certificate WHERE certificate_serial = ?1")
    {}

    Statement begin, commit, savepoint, release, rollbackTo, end, head, insert, setHead, hashOf, lastCheckpoint,
        insertCheckpoint, numberTaken, numberDown, ofSerial, ofKey, serialUsed;
};

class JournalWriter::WriterTransaction final : public Journal::Transaction
{
public:
    explicit WriterTransaction(JournalWriter &writer) : m_writer(writer), m_s(*writer.m_s) {}

    qint64 append(const NewEntry &entry) override
    {
        Prepared prepared = prepare(entry);
        try {
            return m_writer.write(prepared);
        } catch (const Fault &fault) {
            // The function may swallow it, but must not go on as if nothing had happened.
            if (!fault.is("journal.number-taken"))
                m_failure = std::current_exception();
            throw;
        }
    }

    bool numberTaken(Mode mode, const QString &pool, const QString &value) override
    {
        const Resetting resetting(m_s.numberTaken);
        m_s.numberTaken.bind(1, toString(mode)).bind(2, pool).bind(3, value);
        return m_s.numberTaken.step();
    }

    qint64 highestNumber(Mode mode, const QString &pool, const QString &prefix) override
    {
        constexpr int mostDigits = 18;
        qint64 highest = -1;
        // Numbers of equal length sort as text as they do by value, so one look at the index for each length is enough.
        for (int digits = 1; digits <= mostDigits; ++digits) {
            const Resetting resetting(m_s.numberDown);
            m_s.numberDown.bind(1, toString(mode))
                .bind(2, pool)
                .bind(3, qint64(lengthInCharacters(prefix)) + digits)
                .bind(4, prefix + QString(digits, u'0'))
                .bind(5, prefix + QString(digits, u'9'));
            while (m_s.numberDown.step()) {
                const QString tail = m_s.numberDown.text(0).mid(prefix.size());
                const auto isDigit = [](QChar c) { return c >= u'0' && c <= u'9'; };
                if (std::all_of(tail.begin(), tail.end(), isDigit)) {
                    highest = std::max(highest, tail.toLongLong());
                    break;
                }
            }
        }
        return highest;
    }

    std::vector<CertificateRow> certificatesOfSerial(Mode mode, const QString &serial) override
    {
        m_s.ofSerial.bind(1, serial).bind(2, toString(mode));
        return certificates(m_s.ofSerial);
    }

    std::vector<CertificateRow> certificatesOfKey(const QByteArray &publicKeySha256) override
    {
        const bool isHex = publicKeySha256.size() == 2 * hashBytes;
        const QByteArray key = isHex ? publicKeySha256.toLower() : publicKeySha256.toHex();
        m_s.ofKey.bindText(1, key);
        return certificates(m_s.ofKey);
    }

    bool certificateSerialUsed(const QString &certificateSerialHex) override
    {
        const Resetting resetting(m_s.serialUsed);
        m_s.serialUsed.bind(1, certificateSerialHex.toLower().remove(u':'));
        return m_s.serialUsed.step();
    }

    sqlite3 *handle() override { return m_writer.m_database.handle(); }
    const std::exception_ptr &failure() const { return m_failure; }

private:
    // SQLite's length() counts code points.
    static qsizetype lengthInCharacters(const QString &text) { return text.toUcs4().size(); }

    static std::vector<CertificateRow> certificates(Statement &statement)
    {
        const Resetting resetting(statement);
        std::vector<CertificateRow> rows;
        while (statement.step()) {
            CertificateRow row;
            row.serial = statement.text(0);
            row.certificateSerial = statement.text(1);
            row.at = statement.text(2);
            row.run = statement.text(3);
            row.sha256 = QByteArray::fromHex(statement.utf8(4));
            row.publicKeySha256 = QByteArray::fromHex(statement.utf8(5));
            row.revoked = !statement.isNull(6);
            const CborDecoded body = decodeCbor(statement.blob(7), {maximumBody, 64, 1 << 20});
            if (body.ok())
                row.der = body.value.toMap().value(QLatin1String("der")).toByteArray();
            rows.push_back(std::move(row));
        }
        return rows;
    }

    JournalWriter &m_writer;
    Statements &m_s;
    std::exception_ptr m_failure;
};

std::unique_ptr<Journal> Journal::open(const QString &path, std::shared_ptr<JournalSigner> signer, Loss loss)
{
    return std::make_unique<JournalWriter>(path, std::move(signer), loss);
}

JournalWriter::JournalWriter(const QString &path, std::shared_ptr<JournalSigner> signer, Loss loss)
    : m_path(path), m_signer(std::move(signer)), m_loss(loss), m_database(path, Database::Access::Write),
      m_hash(chainStart())
{
    if (m_signer && !m_signer->publicKeyDer().isEmpty())
        m_verifier = JournalVerifier::fromDer(m_signer->publicKeyDer());
    prepareJournal(m_database);
    m_s = std::make_unique<Statements>(m_database);
    m_projector = std::make_unique<Projector>(m_database);
    begin();
    try {
        checkHeadFile();
        seal(false);
        m_s->commit.run();
    } catch (...) {
        rollback();
        throw;
    }
    publishCheckpoint();
    m_thread = std::jthread([this] { work(); });
}

JournalWriter::~JournalWriter()
{
    {
        const std::lock_guard lock(m_mutex);
        m_closing = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

JournalWriter::Prepared JournalWriter::prepare(NewEntry entry)
{
    Prepared prepared;
    prepared.record.at = nowUtf8();
    prepared.record.kind = columnText(entry.kind, "kind");
    prepared.record.run = columnText(entry.run, "run");
    prepared.record.device = columnText(entry.device, "device");
    if (prepared.record.kind.isEmpty())
        throw Fault("journal.entry", {QStringLiteral("it has no kind")});
    prepared.body = toDeterministicCbor(entry.body);
    if (prepared.body.size() > maximumBody)
        throw Fault("journal.entry", {QStringLiteral("its body is larger than %1").arg(humanSize(maximumBody))});
    prepared.record.body = std::move(entry.body);
    return prepared;
}

std::future<qint64> JournalWriter::enqueue(Work work)
{
    std::future<qint64> future = work.promise.get_future();
    {
        const std::lock_guard lock(m_mutex);
        if (m_closing)
            throw Fault("journal.closed");
        m_queue.push_back(std::move(work));
    }
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
    work.entry = prepare(std::move(entry));
    return enqueue(std::move(work));
}

qint64 JournalWriter::appendDurably(NewEntry entry)
{
    Work work;
    work.kind = Work::Kind::Durable;
    work.entry = prepare(std::move(entry));
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
            if (batch.empty())
                m_wake.wait(lock, ready);
            else
                m_wake.wait_for(lock, retryKeptAfter, ready);
            const size_t taken = std::min(m_queue.size(), maximumBatch);
            std::move(m_queue.begin(), m_queue.begin() + std::ptrdiff_t(taken), std::back_inserter(batch));
            m_queue.erase(m_queue.begin(), m_queue.begin() + std::ptrdiff_t(taken));
            closing = m_closing && m_queue.empty();
        }
        if (!batch.empty())
            commitBatch(std::move(batch));
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
        begin();
        bool checkpointWanted = false;
        for (Work &work : batch) {
            perform(work);
            checkpointWanted = checkpointWanted || work.kind == Work::Kind::Checkpoint;
        }
        seal(checkpointWanted);
        m_s->commit.run();
    } catch (...) {
        failure = std::current_exception();
        rollback();
    }
    if (!failure) {
        publishCheckpoint();
        for (Work &work : batch) {
            if (work.failure)
                work.promise.set_exception(work.failure);
            else
                work.promise.set_value(work.seq);
        }
        return;
    }
    const bool keep = retryable(failure);
    for (Work &work : batch) {
        if (work.kind == Work::Kind::Append && keep && !work.failure)
            m_kept.push_back(std::move(work));
        else
            work.promise.set_exception(work.failure ? work.failure : failure);
    }
}

void JournalWriter::perform(Work &work)
{
    work.failure = nullptr;
    switch (work.kind) {
    case Work::Kind::Append:
    case Work::Kind::Durable:
        try {
            work.seq = write(work.entry);
        } catch (const Fault &fault) {
            work.failure = fault.is("journal.number-taken") ? std::current_exception() : nullptr;
            if (!work.failure)
                throw;
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
    const qint64 seq = m_seq;
    const QByteArray hash = m_hash;
    m_s->savepoint.run();
    WriterTransaction transaction(*this);
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
    if (!m_database.inTransaction())
        std::rethrow_exception(work.failure ? work.failure
                                            : std::make_exception_ptr(Fault("journal.disk-error", {m_path})));
    if (work.failure) {
        m_s->rollbackTo.run();
        m_seq = seq;
        m_hash = hash;
        m_projector->forget();
    }
    m_s->release.run();
}

qint64 JournalWriter::write(Prepared &entry)
{
    Record &record = entry.record;
    record.seq = m_seq + 1;
    m_projector->apply(record);
    const QByteArray hash = m_hasher(record.seq, record.at, record.kind, record.run, record.device, entry.body, m_hash);
    m_s->insert.bind(1, record.seq)
        .bindText(2, record.at)
        .bindText(3, record.kind)
        .bindText(4, record.run)
        .bindText(5, record.device)
        .bindBlob(6, entry.body)
        .bindBlob(7, m_hash)
        .bindBlob(8, hash)
        .run();
    m_seq = record.seq;
    m_hash = hash;
    return m_seq;
}

void JournalWriter::begin()
{
    m_newCheckpoint.reset();
    m_s->begin.run();
    m_seq = 0;
    m_hash = chainStart();
    {
        const Resetting resetting(m_s->end);
        if (m_s->end.step()) {
            m_seq = m_s->end.integer(0);
            m_hash = m_s->end.blob(1);
        }
    }
    m_begunSeq = m_seq;
    qint64 headSeq = 0;
    QByteArray headHash = chainStart();
    QByteArray signature;
    {
        const Resetting resetting(m_s->head);
        if (m_s->head.step()) {
            headSeq = m_s->head.integer(0);
            headHash = m_s->head.blob(1);
            signature = m_s->head.blob(2);
        }
    }
    try {
        checkEnd(headSeq, headHash, signature);
    } catch (...) {
        if (m_loss != Loss::Accept) {
            rollback();
            throw;
        }
        recordLoss();
    }
}

void JournalWriter::checkEnd(qint64 headSeq, const QByteArray &headHash, const QByteArray &signature)
{
    if (headSeq > m_seq)
        throw Fault(
            "journal.tampered",
            {QStringLiteral("entry %1 and what follows up to entry %2 are missing").arg(m_seq + 1).arg(headSeq)});
    if (headSeq < m_seq)
        throw Fault("journal.tampered",
                    {QStringLiteral("entry %1 stands after the signed end of the journal").arg(headSeq + 1)});
    if (headHash != m_hash)
        throw Fault("journal.tampered", {QStringLiteral("entry %1 is not the one that was signed").arg(m_seq)});
    if (m_verifier && m_seq > 0 && signature != m_knownSignature) {
        if (!m_verifier->verify(headMessage(headSeq, headHash), signature))
            throw Fault("journal.tampered",
                        {QStringLiteral("the signature of its end, entry %1, does not hold").arg(m_seq)});
        m_knownSignature = signature;
    }
}

// On opening, inside a transaction: what journal.head remembers must be in the chain.
void JournalWriter::checkHeadFile()
{
    if (!m_signer || m_lossRecorded)
        return;
    try {
        const std::optional<Checkpoint> file = readHeadFile(m_path);
        if (!file) {
            if (m_seq > 0)
                throw Fault("journal.tampered", {QStringLiteral("%1 is missing").arg(headFilePath(m_path))});
            insertCheckpoint(0, chainStart()); // a new journal
            return;
        }
        if (m_verifier && !m_verifier->verify(file->message(), file->signature))
            throw Fault("journal.tampered",
                        {QStringLiteral("the signature in %1 does not hold").arg(headFilePath(m_path))});
        if (file->seq > m_seq)
            throw Fault(
                "journal.tampered",
                {QStringLiteral("entry %1 and what follows up to entry %2 are missing").arg(m_seq + 1).arg(file->seq)});
        const Resetting resetting(m_s->hashOf);
        m_s->hashOf.bind(1, file->seq);
        if (file->seq > 0 && (!m_s->hashOf.step() || m_s->hashOf.blob(0) != file->hash))
            throw Fault("journal.tampered", {QStringLiteral("entry %1 is not the one that was signed").arg(file->seq)});
    } catch (...) {
        if (m_loss != Loss::Accept)
            throw;
        recordLoss();
    }
}

// A person accepts that entries are gone: says so in the chain, with all signed evidence of what once was there.
void JournalWriter::recordLoss()
{
    m_loss = Loss::Refuse; // once
    m_lossRecorded = true;
    QCborMap body{{QStringLiteral("sentence"), words(std::current_exception())},
                  {QStringLiteral("found-seq"), m_seq},
                  {QStringLiteral("found-hash"), m_hash}};
    Statement head(m_database, "SELECT seq, hash, signature FROM head WHERE id = 1", false);
    if (head.step()) {
        body.insert(QStringLiteral("expected-seq"), head.integer(0));
        body.insert(QStringLiteral("expected-hash"), head.blob(1));
        body.insert(QStringLiteral("expected-signature"), head.blob(2));
    }
    head.reset();
    QCborArray checkpoints;
    const auto keep = [&checkpoints](const Checkpoint &checkpoint) {
        checkpoints.append(QCborMap{{QStringLiteral("seq"), checkpoint.seq},
                                    {QStringLiteral("at"), QString::fromUtf8(checkpoint.at)},
                                    {QStringLiteral("hash"), checkpoint.hash},
                                    {QStringLiteral("signature"), checkpoint.signature}});
    };
    Statement gone(m_database,
                   "SELECT c.seq, c.at, c.hash, c.signature FROM checkpoint c LEFT JOIN entry e ON "
                   "e.seq = c.seq WHERE c.seq > 0 AND (e.seq IS NULL OR e.hash <> c.hash) ORDER BY c.seq",
                   false);
    while (gone.step())
        keep({gone.integer(0), gone.utf8(1), gone.blob(2), gone.blob(3)});
    gone.reset();
    try {
        if (const std::optional<Checkpoint> file = readHeadFile(m_path))
            keep(*file);
    } catch (const Fault &) { // unreadable: there is nothing to keep
    }
    body.insert(QStringLiteral("checkpoints"), checkpoints);
    m_database.run("DELETE FROM checkpoint WHERE seq > 0 AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.seq = "
                   "checkpoint.seq AND e.hash = checkpoint.hash)");
    Prepared loss = prepare({QStringLiteral("journal.loss"), {}, {}, body});
    write(loss);
    if (m_signer)
        insertCheckpoint(m_seq, m_hash);
}

void JournalWriter::seal(bool checkpointWanted)
{
    const bool grown = m_seq != m_begunSeq;
    if (grown) {
        QByteArray signature;
        if (m_signer)
            signature = m_signer->sign(headMessage(m_seq, m_hash));
        m_s->setHead.bind(1, m_seq).bindBlob(2, m_hash).bindBlob(3, signature).run();
        m_knownSignature = signature;
    }
    if (!m_signer)
        return;
    // Each multiple has its checkpoint, so that one that was taken out is missed.
    for (qint64 seq = (m_begunSeq / checkpointEvery + 1) * checkpointEvery; seq <= m_seq; seq += checkpointEvery) {
        const Resetting resetting(m_s->hashOf);
        m_s->hashOf.bind(1, seq);
        if (m_s->hashOf.step())
            insertCheckpoint(seq, m_s->hashOf.blob(0));
    }
    if (checkpointWanted && m_seq > lastCheckpoint())
        insertCheckpoint(m_seq, m_hash);
}

qint64 JournalWriter::lastCheckpoint()
{
    const Resetting resetting(m_s->lastCheckpoint);
    return m_s->lastCheckpoint.step() ? m_s->lastCheckpoint.integer(0) : 0;
}

void JournalWriter::insertCheckpoint(qint64 seq, const QByteArray &hash)
{
    Checkpoint checkpoint{seq, nowUtf8(), hash, {}};
    checkpoint.signature = m_signer->sign(checkpoint.message());
    if (seq > 0) {
        m_s->insertCheckpoint.bind(1, seq)
            .bindText(2, checkpoint.at)
            .bindBlob(3, checkpoint.hash)
            .bindBlob(4, checkpoint.signature)
            .run();
    }
    m_newCheckpoint = checkpoint;
}

void JournalWriter::rollback()
{
    if (m_database.inTransaction())
        sqlite3_exec(m_database.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    m_projector->forget();
    m_newCheckpoint.reset();
}

// After the commit, so that journal.head never speaks of entries that are not durable. When the disk refuses it now, it
// is tried again with the next commit; the checkpoint in the database stands.
void JournalWriter::publishCheckpoint()
{
    if (m_newCheckpoint)
        m_unpublished = std::exchange(m_newCheckpoint, {});
    if (!m_unpublished)
        return;
    try {
        std::optional<Checkpoint> there;
        try {
            there = readHeadFile(m_path);
        } catch (const Fault &) { // unreadable: written anew
        }
        // Another process may be ahead.
        if (!there || there->seq <= m_unpublished->seq || m_lossRecorded)
            writeHeadFile(m_path, *m_unpublished);
        m_unpublished.reset();
        m_lossRecorded = false;
    } catch (const Fault &fault) {
        qCDebug(lcJournal, "journal.head not written: %s", qPrintable(fault.sentence()));
    }
}

void JournalWriter::close()
{
    if (!m_kept.empty()) {
        commitBatch(std::exchange(m_kept, {}));
        if (!m_kept.empty()) {
            qCCritical(lcJournal, "%zu entries could not be written to %s", m_kept.size(), qPrintable(m_path));
            for (Work &work : m_kept)
                work.promise.set_exception(std::make_exception_ptr(Fault("journal.closed")));
            m_kept.clear();
        }
    }
    if (!m_signer)
        return;
    try {
        begin();
        seal(true);
        m_s->commit.run();
        publishCheckpoint();
    } catch (const std::exception &error) {
        rollback();
        qCDebug(lcJournal, "no checkpoint on closing: %s", error.what());
    }
}

} // namespace slipway
