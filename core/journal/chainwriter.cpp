#include "core/journal/chainwriter.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/journal/chainstatements.h"
#include "core/journal/rebuild.h"
#include "core/journal/schema.h"

#include <QCborArray>
#include <QLoggingCategory>

#include <chrono>

namespace slipway {

namespace {

Q_LOGGING_CATEGORY(lcChain, "slipway.journal")

constexpr qsizetype maximumBody = 1024 * 1024;
constexpr qsizetype mostEvidence = 1000; // checkpoints kept in journal.loss
constexpr auto publishEvery = std::chrono::seconds(1);
constexpr qsizetype maximumText = 255; // characters of kind, run, device

// RFC 3339, UTC, milliseconds.
QByteArray nowUtf8()
{
    using namespace std::chrono;
    const auto now = floor<milliseconds>(system_clock::now());
    const auto today = floor<days>(now);
    const year_month_day date(today);
    const hh_mm_ss<milliseconds> time(now - today);
    QByteArray text("0000-00-00T00:00:00.000Z");
    char *to = text.data();
    const auto put = [to](int at, int digits, unsigned value) {
        for (int i = at + digits - 1; i >= at; --i, value /= 10)
            to[i] = char('0' + value % 10);
    };
    put(0, 4, unsigned(int(date.year())));
    put(5, 2, unsigned(date.month()));
    put(8, 2, unsigned(date.day()));
    put(11, 2, unsigned(time.hours().count()));
    put(14, 2, unsigned(time.minutes().count()));
    put(17, 2, unsigned(time.seconds().count()));
    put(20, 3, unsigned(time.subseconds().count()));
    return text;
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

QString currentWords()
{
    try {
        throw;
    } catch (const Fault &fault) {
        return fault.sentence();
    } catch (const std::exception &other) {
        return QString::fromUtf8(other.what());
    }
}

} // namespace

PreparedEntry prepareEntry(NewEntry entry)
{
    PreparedEntry prepared;
    prepared.record.at = nowUtf8();
    prepared.record.kind = columnText(entry.kind, "kind");
    prepared.record.run = columnText(entry.run, "run");
    prepared.record.device = columnText(entry.device, "device");
    if (prepared.record.kind.isEmpty())
        throw Fault("journal.entry", {QStringLiteral("it has no kind")});
    prepared.body = entry.encoded.isEmpty() ? toDeterministicCbor(entry.body) : entry.encoded;
    if (prepared.body.size() > maximumBody)
        throw Fault("journal.entry", {QStringLiteral("its body is larger than %1").arg(humanSize(maximumBody))});
    prepared.record.body = ProjectedBody(prepared.record.kind, prepared.body);
    return prepared;
}

ChainWriter::ChainWriter(const QString &path, std::shared_ptr<JournalSigner> signer, Journal::Loss loss)
    : m_signer(std::move(signer)), m_loss(loss), m_database(path, Database::Access::Write), m_hash(chainStart())
{
    if (m_signer && !m_signer->publicKeyDer().isEmpty())
        m_verifier = JournalVerifier::fromDer(m_signer->publicKeyDer());
    prepareJournal(m_database);
    m_s = std::make_unique<Statements>(m_database);
    m_projector = std::make_unique<Projector>(m_database);
    begin();
    try {
        checkHeadFile();
        commit(false);
    } catch (...) {
        rollback();
        throw;
    }
}

ChainWriter::~ChainWriter() = default;

void ChainWriter::commit(bool checkpointWanted)
{
    seal(checkpointWanted);
    m_s->commit.run();
    if (m_newCheckpoint)
        m_unpublished = std::exchange(m_newCheckpoint, {});
    if (checkpointWanted || m_lossRecorded || std::chrono::steady_clock::now() - m_published >= publishEvery)
        publish();
}

void ChainWriter::beginItem()
{
    m_itemSeq = m_seq;
    m_itemHash = m_hash;
    m_s->savepoint.run();
}

void ChainWriter::endItem()
{
    m_s->release.run();
}

void ChainWriter::takeBackItem()
{
    m_s->rollbackTo.run();
    m_seq = m_itemSeq;
    m_hash = m_itemHash;
    m_projector->forget();
}

qint64 ChainWriter::write(PreparedEntry &entry)
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

void ChainWriter::begin()
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
        if (m_loss != Journal::Loss::Accept) {
            rollback();
            throw;
        }
        recordLoss();
    }
}

void ChainWriter::checkEnd(qint64 headSeq, const QByteArray &headHash, const QByteArray &signature)
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
    if (m_verifier && m_seq > 0 && (signature != m_knownSignature || m_hash != m_knownHash)) {
        if (!m_verifier->verify(headMessage(headSeq, headHash), signature))
            throw Fault("journal.tampered",
                        {QStringLiteral("the signature of its end, entry %1, does not hold").arg(m_seq)});
        m_knownSignature = signature;
        m_knownHash = m_hash;
    }
}

// On opening, inside a transaction: what journal.head remembers must be in the chain.
void ChainWriter::checkHeadFile()
{
    if (!m_signer || m_lossRecorded)
        return;
    try {
        const std::optional<Checkpoint> file = readHeadFile(m_database.path());
        if (!file) {
            if (m_seq > 0)
                throw Fault("journal.tampered", {QStringLiteral("%1 is missing").arg(headFilePath(m_database.path()))});
            insertCheckpoint(0, chainStart()); // a new journal
            return;
        }
        if (m_verifier && !m_verifier->verify(file->message(), file->signature))
            throw Fault("journal.tampered",
                        {QStringLiteral("the signature in %1 does not hold").arg(headFilePath(m_database.path()))});
        if (file->seq > m_seq)
            throw Fault(
                "journal.tampered",
                {QStringLiteral("entry %1 and what follows up to entry %2 are missing").arg(m_seq + 1).arg(file->seq)});
        const Resetting resetting(m_s->hashOf);
        m_s->hashOf.bind(1, file->seq);
        if (file->seq > 0 && (!m_s->hashOf.step() || m_s->hashOf.blob(0) != file->hash))
            throw Fault("journal.tampered", {QStringLiteral("entry %1 is not the one that was signed").arg(file->seq)});
    } catch (...) {
        if (m_loss != Journal::Loss::Accept)
            throw;
        recordLoss();
    }
}

// A person accepts that entries are gone: says so in the chain, with all signed evidence of what once was there.
void ChainWriter::recordLoss()
{
    m_loss = Journal::Loss::Refuse; // once
    m_lossRecorded = true;
    QCborMap body{{QStringLiteral("sentence"), currentWords()},
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
    while (gone.step() && checkpoints.size() < mostEvidence)
        keep({gone.integer(0), gone.utf8(1), gone.blob(2), gone.blob(3)});
    gone.reset();
    try {
        if (const std::optional<Checkpoint> file = readHeadFile(m_database.path()))
            keep(*file);
    } catch (const Fault &) { // unreadable: there is nothing to keep
    }
    body.insert(QStringLiteral("checkpoints"), checkpoints);
    m_database.run("DELETE FROM checkpoint WHERE seq > 0 AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.seq = "
                   "checkpoint.seq AND e.hash = checkpoint.hash)");
    std::vector<NewEntry> entries = savedFromProjections(m_database, m_seq);
    entries.insert(entries.begin(), {QStringLiteral("journal.loss"), {}, {}, body});
    refillProjections(m_database);
    m_projector->forget();
    for (NewEntry &entry : entries) {
        PreparedEntry prepared = prepareEntry(std::move(entry));
        try {
            write(prepared);
        } catch (const Fault &fault) {
            if (!fault.is("journal.number-taken"))
                throw;
        }
    }
    if (m_signer)
        insertCheckpoint(m_seq, m_hash);
}

void ChainWriter::seal(bool checkpointWanted)
{
    const bool grown = m_seq != m_begunSeq;
    if (grown) {
        QByteArray signature;
        if (m_signer)
            signature = m_signer->sign(headMessage(m_seq, m_hash));
        m_s->setHead.bind(1, m_seq).bindBlob(2, m_hash).bindBlob(3, signature).run();
        m_knownSignature = signature;
        m_knownHash = m_hash;
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

qint64 ChainWriter::lastCheckpoint()
{
    const Resetting resetting(m_s->lastCheckpoint);
    return m_s->lastCheckpoint.step() ? m_s->lastCheckpoint.integer(0) : 0;
}

void ChainWriter::insertCheckpoint(qint64 seq, const QByteArray &hash)
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

void ChainWriter::rollback()
{
    if (m_database.inTransaction())
        sqlite3_exec(m_database.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    m_projector->forget();
    m_newCheckpoint.reset();
}

// After the commit, so that journal.head never speaks of entries that are not durable. When the disk refuses it now, it
// is tried again with the next commit; the checkpoint in the database stands.
void ChainWriter::publish()
{
    if (!m_unpublished)
        return;
    m_published = std::chrono::steady_clock::now();
    try {
        std::optional<Checkpoint> there;
        try {
            there = readHeadFile(m_database.path());
        } catch (const Fault &) { // unreadable: written anew
        }
        // Another process may be ahead.
        if (!there || there->seq <= m_unpublished->seq || m_lossRecorded)
            writeHeadFile(m_database.path(), *m_unpublished);
        m_unpublished.reset();
        m_lossRecorded = false;
    } catch (const Fault &fault) {
        qCDebug(lcChain, "journal.head not written: %s", qPrintable(fault.sentence()));
    }
}

} // namespace slipway
