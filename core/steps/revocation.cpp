#include "core/steps/revocation.h"

#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/journal/queries.h"
#include "core/steps/journallookup.h"

#include <QCryptographicHash>
#include <QDateTime>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Transaction = Journal::Transaction;

struct Known {
    QString certificateSerial, unit, reason; // reason: of its revocation
    qint64 revokedEntry = 0;                 // 0: good
};

// Of a device's serial number, or one by its certificate serial. Throws identity.not-issued.
QList<Known> knownCertificates(Transaction &transaction, Mode mode, const QString &words)
{
    QList<Known> known;
    const auto read = [&](const char *sql, const QString &key) {
        JournalLookup rows(transaction, sql);
        rows.bind(1, key).bind(2, toString(mode));
        while (rows.step())
            known << Known{rows.text(0), rows.text(1), rows.text(3), rows.integer(2)};
    };
    read("SELECT certificate_serial, serial, coalesce(revoked_entry, 0), revoked_reason FROM certificate WHERE "
         "serial = ?1 AND mode = ?2 ORDER BY entry",
         words);
    if (known.isEmpty())
        read("SELECT certificate_serial, serial, coalesce(revoked_entry, 0), revoked_reason FROM certificate WHERE "
             "certificate_serial = ?1 AND mode = ?2 ORDER BY entry",
             QString(words).remove(u':').toLower());
    if (known.isEmpty())
        throw Fault("identity.not-issued", {oneLine(words, 80)});
    return known;
}

// One sequence of numbers for a CA's name, whatever its key.
QString numberPool(const QString &issuerName)
{
    return u"crl:"_s + QString::fromLatin1(
                           QCryptographicHash::hash(issuerName.toUtf8(), QCryptographicHash::Sha256).first(8).toHex());
}

struct Base {
    qint64 number = 0, entry = 0;
};

// The whole list that a delta is to: the last one, or that of a number.
Base baseOf(Transaction &transaction, const CrlOrder &order, const QString &pool)
{
    JournalLookup rows(transaction,
                       "SELECT n.value, n.entry, e.body FROM number n JOIN entry e ON e.seq = n.entry WHERE "
                       "n.mode = ?1 AND n.pool = ?2 ORDER BY n.entry DESC");
    rows.bind(1, toString(order.mode)).bind(2, pool);
    while (rows.step()) {
        const QCborMap body = readBody(rows.blob(2));
        const qint64 number = rows.text(0).toLongLong();
        if (!body.contains(u"base"_s) && !body.contains(u"recovered"_s) && (!order.base || *order.base == number))
            return {number, rows.integer(1)};
    }
    throw Fault("identity.no-base", {order.base ? u"of number %1"_s.arg(*order.base) : u"yet"_s});
}

QList<CrlEntry> revokedSince(Transaction &transaction, const QString &issuerName, qint64 entry)
{
    QList<CrlEntry> revoked;
    JournalLookup rows(transaction,
                       "SELECT certificate_serial, revoked_at, revoked_reason FROM certificate WHERE "
                       "revoked_entry > ?2 AND issuer = ?1 AND mode <> 'elsewhere' ORDER BY revoked_entry");
    rows.bind(1, issuerName).bind(2, entry);
    while (rows.step())
        revoked << CrlEntry{rows.text(0), rows.text(1), rows.text(2)};
    return revoked;
}

// Those that stood on the base as on hold and are good now.
QList<CrlEntry> releasedSince(Transaction &transaction, const QString &issuerName, qint64 entry)
{
    QList<CrlEntry> released;
    JournalLookup rows(transaction, "SELECT at, body FROM entry WHERE seq > ?1 AND kind = 'release' ORDER BY seq");
    rows.bind(1, entry);
    while (rows.step()) {
        const QCborMap body = readBody(rows.blob(1));
        const QString serial = body.value(u"certificate-serial"_s).toString();
        if (body.value(u"held-entry"_s).toInteger() > entry)
            continue;
        JournalLookup good(transaction, "SELECT 1 FROM certificate WHERE certificate_serial = ?1 AND issuer = ?2 AND "
                                        "revoked_entry IS NULL AND mode <> 'elsewhere'");
        const auto same = [&](const CrlEntry &known) { return known.certificateSerial == serial; };
        if (good.bind(1, serial).bind(2, issuerName).step() && std::none_of(released.begin(), released.end(), same))
            released << CrlEntry{serial, rows.text(0), u"removeFromCRL"_s};
    }
    return released;
}

} // namespace

QStringList revokeRecorded(Journal &journal, Mode mode, const QString &serialOrCertificate, const QString &reason)
{
    const QStringList reasons = revocationReasons();
    if (!reasons.contains(reason))
        throw Fault("identity.reason",
                    {oneLine(reason, 80), didYouMean(reason, reasons), reasons.join(QLatin1String(", "))});
    const bool hold = reason == u"certificateHold";
    QStringList revoked;
    journal.transact([&](Transaction &transaction) {
        revoked.clear();
        for (const Known &known : knownCertificates(transaction, mode, serialOrCertificate)) {
            if (known.revokedEntry != 0 && (hold || known.reason != u"certificateHold"))
                continue;
            transaction.append({u"revocation"_s,
                                QString(),
                                known.unit,
                                {{u"certificate-serial"_s, known.certificateSerial},
                                 {u"reason"_s, reason},
                                 {u"mode"_s, toString(mode)}}});
            revoked << known.certificateSerial;
        }
        if (revoked.isEmpty())
            throw Fault("identity.revoked", {oneLine(serialOrCertificate, 80)});
    });
    return revoked;
}

QStringList releaseRecorded(Journal &journal, Mode mode, const QString &serialOrCertificate)
{
    QStringList released;
    journal.transact([&](Transaction &transaction) {
        released.clear();
        for (const Known &known : knownCertificates(transaction, mode, serialOrCertificate)) {
            if (known.revokedEntry == 0 || known.reason != u"certificateHold")
                continue;
            transaction.append({u"release"_s,
                                QString(),
                                known.unit,
                                {{u"certificate-serial"_s, known.certificateSerial},
                                 {u"held-entry"_s, known.revokedEntry},
                                 {u"mode"_s, toString(mode)}}});
            released << known.certificateSerial;
        }
        if (released.isEmpty())
            throw Fault("identity.not-held", {oneLine(serialOrCertificate, 80)});
    });
    return released;
}

PublishedCrl publishCrl(Journal &journal, const FileIssuer &issuer, const CrlOrder &order)
{
    const QString issuerName = certificateFacts(issuer.chain().front()).subject;
    const QString pool = numberPool(issuerName);
    PublishedCrl published;
    journal.transact([&](Transaction &transaction) {
        published = {};
        CrlForm form;
        form.at = QDateTime::currentSecsSinceEpoch();
        form.seconds = order.seconds;
        form.freshestUrls = order.freshestUrls;
        QList<CrlEntry> entries;
        if (order.delta) {
            const Base base = baseOf(transaction, order, pool);
            form.base = base.number;
            const QList<CrlEntry> released = releasedSince(transaction, issuerName, base.entry);
            published.removed = released.size();
            entries = revokedSince(transaction, issuerName, base.entry) + released;
        } else {
            entries = revokedSince(transaction, issuerName, 0);
        }
        // Before numbers were taken, the journal's length was a list's number.
        JournalLookup end(transaction, "SELECT max(seq) FROM entry");
        const qint64 length = end.step() ? end.integer(0) : 0;
        const qint64 highest = transaction.highestNumber(order.mode, pool, QString());
        form.number = highest >= 0 ? highest + 1 : length + 1;
        published.der = issuer.crl(entries, form);
        published.number = form.number;
        published.base = form.base;
        published.entries = entries.size();
        published.nextUpdate = QDateTime::fromSecsSinceEpoch(form.at + form.seconds, Qt::UTC).toString(Qt::ISODate);
        QCborMap body{{u"pool"_s, pool},
                      {u"value"_s, QString::number(form.number)},
                      {u"mode"_s, toString(order.mode)},
                      {u"issuer"_s, issuerName},
                      {u"entries"_s, published.entries},
                      {u"sha256"_s, QCryptographicHash::hash(published.der, QCryptographicHash::Sha256)},
                      {u"next-update"_s, published.nextUpdate}};
        if (form.base)
            body.insert(u"base"_s, *form.base);
        transaction.append({u"number"_s, QString(), QString(), body});
    });
    return published;
}

QByteArray crlFromJournal(Journal &journal, const FileIssuer &issuer, int days)
{
    CrlOrder order;
    order.seconds = qint64(days) * 86400;
    return publishCrl(journal, issuer, order).der;
}

OcspStatus statusRecorded(Journal &journal, const QString &certificateSerial, const QString &issuerName,
                          const QByteArray &authorityKeyId)
{
    OcspStatus status;
    journal.transact([&](Transaction &transaction) {
        status = {};
        JournalLookup rows(transaction,
                           "SELECT c.revoked_entry IS NOT NULL, c.revoked_at, c.revoked_reason, e.body FROM "
                           "certificate c JOIN entry e ON e.seq = c.entry WHERE c.certificate_serial = ?1 AND "
                           "c.issuer = ?2 AND c.mode <> 'elsewhere'");
        rows.bind(1, certificateSerial).bind(2, issuerName);
        while (rows.step()) {
            // Two keys of one CA have one name.
            const QByteArray der = readBody(rows.blob(3)).value(u"der"_s).toByteArray();
            if (!der.isEmpty() && certificateFacts(der).authorityKeyId != authorityKeyId)
                continue;
            status.state = rows.integer(0) != 0 ? OcspStatus::State::Revoked : OcspStatus::State::Good;
            status.revokedAt = rows.text(1);
            status.reason = rows.text(2);
        }
    });
    return status;
}

} // namespace slipway
