#include "core/steps/quotause.h"

#include "core/base/text.h"
#include "core/journal/queries.h"
#include "core/steps/identitylist.h"
#include "core/steps/journallookup.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Transaction = Journal::Transaction;

constexpr qint64 toleratedSeconds = 120; // that clocks of one computer differ by after a correction

QString pool(const QString &id)
{
    return u"quota:"_s + id;
}

// The latest time that any entry bears, RFC 3339. Looks at the entries that came since the last time only.
QString latestTime(Transaction &transaction)
{
    struct Seen {
        QString file, at;
        qint64 seq = 0;
        QByteArray hash; // of that entry: the journal may be another one under the same name
    };
    static thread_local Seen seen; // the writer's thread is one for each journal that is open
    const QString file = QString::fromUtf8(sqlite3_db_filename(transaction.handle(), "main"));
    JournalLookup same(transaction, "SELECT 1 FROM entry WHERE seq = ?1 AND hex(hash) = ?2");
    if (seen.file != file || !same.bind(1, seen.seq).bind(2, QString::fromLatin1(seen.hash)).step())
        seen = {file, {}, 0, {}};
    JournalLookup rows(transaction, "SELECT max(at), max(seq) FROM entry WHERE seq > ?1");
    if (rows.bind(1, seen.seq).step() && rows.integer(1) > 0) {
        seen.at = std::max(seen.at, rows.text(0));
        seen.seq = rows.integer(1);
        JournalLookup hash(transaction, "SELECT hex(hash) FROM entry WHERE seq = ?1");
        if (hash.bind(1, seen.seq).step())
            seen.hash = hash.text(0).toLatin1();
    }
    return seen.at;
}

int usedOf(Transaction &transaction, const QString &id)
{
    JournalLookup rows(transaction, "SELECT count(*) FROM number WHERE mode = 'production' AND pool = ?1");
    rows.bind(1, pool(id));
    return rows.step() ? int(rows.integer(0)) : 0;
}

NewEntry number(const QString &poolName, const QString &value, const QCborMap &more = {}, const QString &device = {},
                const QString &run = {})
{
    QCborMap body{{u"pool"_s, poolName}, {u"value"_s, value}, {u"mode"_s, toString(Mode::Production)}};
    for (auto it = more.begin(); it != more.end(); ++it)
        body.insert(it.key().toString(), it.value());
    return {u"number"_s, run, device, body};
}

} // namespace

void takeFromQuota(Transaction &transaction, const Issuer &issuer, const IssueOrder &order, Mode mode,
                   const QString &run)
{
    const QuotaBook *book = issuer.quotas();
    if (!book || mode == Mode::Training)
        return;
    const QDateTime now = QDateTime::currentDateTimeUtc();
    const QString latest = latestTime(transaction);
    if (const QDateTime known = QDateTime::fromString(latest, Qt::ISODateWithMs);
        known.isValid() && now.secsTo(known) > toleratedSeconds)
        throw Fault("identity.quota-clock", {now.toString(Qt::ISODate), known.toUTC().toString(Qt::ISODate)});

    // Refusals from the least to the most telling one.
    std::optional<Fault> refusal;
    int depth = 0;
    const auto refuse = [&](int level, const Fault &fault) {
        if (level > depth) {
            depth = level;
            refusal = fault;
        }
    };
    for (const Quota &quota : book->quotas()) {
        if (!transaction.numberTaken(Mode::Production, u"quota"_s, quota.id) ||
            transaction.numberTaken(Mode::Production, u"quota-closed"_s, quota.id))
            continue;
        if (quota.product != order.profile.name) {
            refuse(1, Fault("identity.quota-product", {order.profile.name}));
        } else if (!quota.covers(order.serial)) {
            refuse(2, Fault("identity.quota-serial", {order.serial, quota.firstSerial, quota.lastSerial}));
        } else if (now.toString(u"yyyy-MM-dd"_s) > quota.lastDay) {
            refuse(3, Fault("identity.quota-day", {quota.product, quota.lastDay}));
        } else if (transaction.numberTaken(Mode::Production, pool(quota.id), order.serial)) {
            return; // counted before
        } else if (usedOf(transaction, quota.id) >= quota.count) {
            refuse(4, Fault("identity.quota-count", {QString::number(quota.count), quota.product}));
        } else {
            transaction.append(number(pool(quota.id), order.serial, {}, order.serial, run));
            return;
        }
    }
    throw refusal ? *refusal : Fault("identity.quota-none", {order.profile.name});
}

QuotaUse quotaUse(Journal &journal, const QString &id)
{
    QuotaUse use;
    journal.transact([&](Transaction &transaction) {
        use = {};
        use.known = transaction.numberTaken(Mode::Production, u"quota"_s, id);
        use.closed = transaction.numberTaken(Mode::Production, u"quota-closed"_s, id);
        JournalLookup rows(transaction,
                           "SELECT value FROM number WHERE mode = 'production' AND pool = ?1 ORDER BY entry");
        rows.bind(1, pool(id));
        while (rows.step())
            use.serials << rows.text(0);
        use.used = int(use.serials.size());
    });
    return use;
}

QString QuotaStanding::words() const
{
    switch (state) {
    case State::Unknown:
        return u"not added here"_s;
    case State::Open:
        return u"%1 of %2 left, until %3"_s.arg(left).arg(quota.count).arg(quota.lastDay);
    case State::UsedUp:
        return u"all %1 used, to be reported"_s.arg(quota.count);
    case State::Over:
        return u"ended on %1 with %2 of %3 used, to be reported"_s.arg(quota.lastDay).arg(used).arg(quota.count);
    case State::Reported:
        return u"reported, %1 of %2 used"_s.arg(used).arg(quota.count);
    }
    return {};
}

QList<QuotaStanding> quotaStandings(sqlite3 *journal, const QuotaBook &book)
{
    using State = QuotaStanding::State;
    const QString today = QDateTime::currentDateTimeUtc().toString(u"yyyy-MM-dd"_s);
    JournalLookup taken(journal, "SELECT count(*) FROM number WHERE mode = 'production' AND pool = ?1");
    JournalLookup named(journal, "SELECT 1 FROM number WHERE mode = 'production' AND pool = ?1 AND value = ?2");
    const auto is = [&named](const QString &what, const QString &id) {
        const bool found = named.bind(1, what).bind(2, id).step();
        named.again();
        return found;
    };
    QList<QuotaStanding> list;
    for (const Quota &quota : book.quotas()) {
        QuotaStanding standing;
        standing.quota = quota;
        if (taken.bind(1, pool(quota.id)).step())
            standing.used = int(taken.integer(0));
        taken.again();
        standing.state = !is(u"quota"_s, quota.id)         ? State::Unknown
                         : is(u"quota-closed"_s, quota.id) ? State::Reported
                         : standing.used >= quota.count    ? State::UsedUp
                         : today > quota.lastDay           ? State::Over
                                                           : State::Open;
        if (standing.state == State::Open)
            standing.left = quota.count - standing.used;
        list << standing;
    }
    return list;
}

QList<QuotaStanding> quotaStandings(Journal &journal, const QuotaBook &book)
{
    QList<QuotaStanding> list;
    journal.transact([&](Transaction &transaction) { list = quotaStandings(transaction.handle(), book); });
    return list;
}

QList<SignedQuota> signedQuotas(Journal &journal)
{
    QList<SignedQuota> list;
    journal.transact([&](Transaction &transaction) {
        list.clear();
        JournalLookup rows(
            transaction, "SELECT e.body, s.at, f.body FROM number n JOIN entry e ON e.seq = n.entry LEFT JOIN number s "
                         "ON s.mode = n.mode AND s.pool = 'quota-settled' AND s.value = n.value LEFT JOIN entry f ON "
                         "f.seq = s.entry WHERE n.mode = 'production' AND n.pool = 'quota-signed' ORDER BY n.entry");
        while (rows.step()) {
            SignedQuota own;
            own.quota = Quota::parse(readBody(rows.blob(0)).value(u"document"_s).toByteArray());
            own.settledAt = rows.text(1);
            own.settled = !own.settledAt.isEmpty();
            if (own.settled) {
                const QCborMap body = readBody(rows.blob(2));
                own.used = int(body.value(u"used"_s).toInteger());
                own.unused = int(body.value(u"unused"_s).toInteger());
                own.station = body.value(u"station"_s).toString();
                own.troubles = body.value(u"troubles"_s).toString();
            }
            list << own;
        }
    });
    return list;
}

void addQuotaRecorded(Journal &journal, const Quota &quota)
{
    journal.transact([&](Transaction &transaction) {
        if (transaction.numberTaken(Mode::Production, u"quota"_s, quota.id))
            throw Fault("identity.quota-known", {quota.id});
        transaction.append(
            number(u"quota"_s, quota.id, {{u"document"_s, quota.document}, {u"signer"_s, quota.signer}}));
    });
}

void signedQuotaRecorded(Journal &journal, const Quota &quota)
{
    journal.appendDurably(number(u"quota-signed"_s, quota.id, {{u"document"_s, quota.document}}));
}

QByteArray closeQuotaRecorded(Journal &journal, const Quota &quota, const QString &stationName)
{
    QByteArray report;
    journal.transact([&](Transaction &transaction) {
        if (!transaction.numberTaken(Mode::Production, u"quota"_s, quota.id))
            throw Fault("identity.quota-unknown", {quota.id});
        const bool closed = transaction.numberTaken(Mode::Production, u"quota-closed"_s, quota.id);
        QJsonArray serials;
        QStringList units;
        JournalLookup rows(transaction,
                           "SELECT value FROM number WHERE mode = 'production' AND pool = ?1 ORDER BY entry");
        rows.bind(1, pool(quota.id));
        while (rows.step()) {
            serials.append(rows.text(0));
            units << rows.text(0);
        }
        const QJsonObject object{
            {u"format"_s, u"slipway-quota-report-1"_s},
            {u"quota"_s, QJsonDocument::fromJson(quota.document).object()},
            {u"station"_s, stationName},
            {u"closed-at"_s, rfc3339Now()},
            {u"used"_s, serials.size()},
            {u"unused"_s, quota.count - serials.size()},
            {u"serials"_s, serials},
            {u"certificates"_s, certificatesOfUnits(transaction, Mode::Production, quota.product, units)}};
        report = QJsonDocument(object).toJson(QJsonDocument::Indented);
        if (!closed) // the same report can be had again
            transaction.append(number(u"quota-closed"_s, quota.id,
                                      {{u"used"_s, serials.size()}, {u"unused"_s, quota.count - serials.size()}}));
    });
    return report;
}

QuotaSettlement settleQuotaRecorded(Journal &journal, const QByteArray &report)
{
    const QJsonObject object = QJsonDocument::fromJson(report).object();
    if (object.value(u"format"_s).toString() != u"slipway-quota-report-1")
        throw Fault("identity.quota-report", {u"it is not in the form slipway-quota-report-1"_s});
    QuotaSettlement settlement;
    const Quota quota =
        Quota::parse(QJsonDocument(object.value(u"quota"_s).toObject()).toJson(QJsonDocument::Indented));
    settlement.id = quota.id;
    settlement.station = oneLine(object.value(u"station"_s).toString(), 80);
    const QJsonArray serials = object.value(u"serials"_s).toArray();
    const QJsonArray certificates = object.value(u"certificates"_s).toArray();
    journal.transact([&](Transaction &transaction) {
        settlement.troubles.clear();
        JournalLookup rows(transaction, "SELECT e.body FROM number n JOIN entry e ON e.seq = n.entry WHERE n.mode = "
                                        "'production' AND n.pool = 'quota-signed' AND n.value = ?1");
        if (!rows.bind(1, quota.id).step())
            throw Fault("identity.quota-report", {u"no quota %1 was signed here"_s.arg(quota.id)});
        if (transaction.numberTaken(Mode::Production, u"quota-settled"_s, quota.id))
            throw Fault("identity.quota-settled", {quota.id});
        // What was signed counts, not what the report says of it.
        const Quota own = Quota::parse(readBody(rows.blob(0)).value(u"document"_s).toByteArray());
        QStringList &troubles = settlement.troubles;
        settlement.count = own.count;
        settlement.used = int(serials.size());
        settlement.unused = own.count - settlement.used;
        if (own.json() != quota.json())
            troubles << u"the report is for other terms than those that were signed"_s;
        if (settlement.used > own.count)
            troubles << u"%1 certificates were issued, and %2 were allowed"_s.arg(settlement.used).arg(own.count);
        for (const QJsonValue &value : certificates) {
            const QJsonObject certificate = value.toObject();
            const QString serial = certificate.value(u"serial"_s).toString();
            if (!own.covers(serial))
                troubles << u"%1 is not in the range"_s.arg(oneLine(serial, 64));
            if (!serials.contains(serial))
                troubles << u"%1 was not counted"_s.arg(oneLine(serial, 64));
            if (certificate.value(u"issued-at"_s).toString().left(10) > own.lastDay)
                troubles << u"%1 was issued after the last day"_s.arg(oneLine(serial, 64));
        }
        transaction.append(number(u"quota-settled"_s, quota.id,
                                  {{u"used"_s, settlement.used},
                                   {u"unused"_s, settlement.unused},
                                   {u"station"_s, settlement.station},
                                   {u"troubles"_s, troubles.join(u"; "_s)}}));
    });
    settlement.list = listDocument(certificates, settlement.station);
    return settlement;
}

} // namespace slipway
