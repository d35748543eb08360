#include "core/steps/identitylot.h"

#include "core/base/text.h"
#include "core/journal/queries.h"
#include "core/steps/journallookup.h"

#include <QDateTime>
#include <QRegularExpression>
#include <QSet>
#include <QUuid>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Transaction = Journal::Transaction;

QString pool(const QString &name)
{
    return u"batch:"_s + name;
}

NewEntry number(Mode mode, const QString &poolName, const QString &value, const QCborMap &more,
                const QString &device = {}, const QString &run = {})
{
    QCborMap body{{u"pool"_s, poolName}, {u"value"_s, value}, {u"mode"_s, toString(mode)}};
    for (auto it = more.begin(); it != more.end(); ++it)
        body.insert(it.key().toString(), it.value());
    return {u"number"_s, run, device, body};
}

// Certificates (SHA-256) that a unit gave back after they were written, as steps record it, and how bindings ended.
struct Evident {
    QSet<QByteArray> written;  // SHA-256 of certificates
    QSet<QString> used, bound; // certificate serials
};

Evident evidentSince(Transaction &transaction, qint64 entry)
{
    Evident evident;
    JournalLookup rows(
        transaction,
        "SELECT i.act, e.body, i.state FROM intent i JOIN entry e ON e.seq = i.entry WHERE i.entry > ?1 AND "
        "((i.act = 'identity.write' AND i.state = 'done') OR i.act = 'identity.bind') ORDER BY i.entry");
    rows.bind(1, entry);
    while (rows.step()) {
        const QCborMap detail = readBody(rows.blob(1)).value(u"detail"_s).toMap();
        const QString serial = detail.value(u"certificate-serial"_s).toString();
        const QString state = rows.text(2);
        if (rows.text(0) == u"identity.write")
            evident.written.insert(detail.value(u"certificate-sha256"_s).toByteArray());
        else if (state == u"done")
            evident.used.insert(serial);
        else if (state == u"not-done")
            evident.bound.remove(serial);
        else
            evident.bound.insert(serial);
    }
    return evident;
}

QCborMap ownBody(sqlite3 *journal, Mode mode, const QString &name, qint64 *entry = nullptr)
{
    JournalLookup own(journal, "SELECT n.entry, e.body FROM number n JOIN entry e ON e.seq = n.entry WHERE n.mode = ?1 "
                               "AND n.pool = 'batch' AND n.value = ?2");
    if (!own.bind(1, toString(mode)).bind(2, name).step())
        throw Fault("identity.lot-unknown", {oneLine(name, 60)});
    if (entry)
        *entry = own.integer(0);
    return readBody(own.blob(1));
}

Lot readLot(Transaction &transaction, Mode mode, const QString &name)
{
    Lot lot;
    lot.name = name;
    qint64 begun = 0;
    const QCborMap body = ownBody(transaction.handle(), mode, name, &begun);
    lot.profile = body.value(u"profile"_s).toString();
    lot.stationKeys = body.value(u"station-keys"_s).toBool();
    lot.lastDay = body.value(u"last-day"_s).toString();
    lot.closed = transaction.numberTaken(mode, u"batch-closed"_s, name);
    const Evident evident = evidentSince(transaction, begun);
    JournalLookup rows(
        transaction,
        "SELECT c.serial, c.certificate_serial, c.sha256, c.public_key_sha256, c.at, c.revoked_at, "
        "c.revoked_reason, b.at, e.body FROM number n JOIN certificate c ON c.certificate_serial = n.value JOIN "
        "entry e ON e.seq = c.entry LEFT JOIN number b ON b.mode = n.mode AND b.pool = 'bound' AND b.value = "
        "n.value WHERE n.mode = ?1 AND n.pool = ?2 AND c.mode = ?1 ORDER BY n.entry");
    rows.bind(1, toString(mode)).bind(2, pool(name));
    while (rows.step()) {
        LotItem item;
        item.serial = rows.text(0);
        item.certificateSerial = rows.text(1);
        item.publicKeySha256 = QByteArray::fromHex(rows.text(3).toLatin1());
        item.certificate = readBody(rows.blob(8)).value(u"der"_s).toByteArray();
        const bool bound = evident.bound.contains(item.certificateSerial);
        const bool revoked = !rows.text(5).isEmpty();
        const bool used = evident.used.contains(item.certificateSerial) ||
                          evident.written.contains(QByteArray::fromHex(rows.text(2).toLatin1()));
        item.state = used                  ? u"used"_s
                     : bound && lot.closed ? u"lost"_s
                     : revoked             ? u"revoked"_s
                     : bound               ? u"bound"_s
                                           : u"waiting"_s;
        item.since = revoked && !used ? rows.text(5) : bound ? rows.text(7) : rows.text(4);
        lot.items << item;
    }
    return lot;
}

} // namespace

int Lot::count(const QString &state) const
{
    return int(std::count_if(items.begin(), items.end(), [&](const LotItem &item) { return item.state == state; }));
}

bool LotStock::over() const
{
    return !lastDay.isEmpty() && QDateTime::currentDateTimeUtc().toString(u"yyyy-MM-dd"_s) > lastDay;
}

LotStock lotStock(sqlite3 *journal, Mode mode, const QString &name)
{
    const QCborMap body = ownBody(journal, mode, name);
    LotStock stock;
    stock.name = name;
    stock.profile = body.value(u"profile"_s).toString();
    stock.lastDay = body.value(u"last-day"_s).toString();
    stock.stationKeys = body.value(u"station-keys"_s).toBool();
    JournalLookup closed(journal, "SELECT 1 FROM number WHERE mode = ?1 AND pool = 'batch-closed' AND value = ?2");
    stock.closed = closed.bind(1, toString(mode)).bind(2, name).step();
    JournalLookup total(journal, "SELECT count(*) FROM number WHERE mode = ?1 AND pool = ?2");
    if (total.bind(1, toString(mode)).bind(2, pool(name)).step())
        stock.total = int(total.integer(0));
    // The intent of a draw stands right behind it; commands give nothing back.
    JournalLookup left(
        journal,
        "SELECT count(*) FROM number n JOIN certificate c ON c.certificate_serial = n.value WHERE n.mode = ?1 AND "
        "n.pool = ?2 AND c.mode = ?1 AND c.revoked_entry IS NULL AND NOT EXISTS (SELECT 1 FROM number b WHERE b.device "
        "= c.serial AND b.mode = ?1 AND b.pool = 'bound' AND b.value BETWEEN n.value AND n.value || '#:' AND NOT "
        "EXISTS (SELECT 1 FROM intent i WHERE i.run = nullif(b.run, '') AND i.entry = b.entry + 1 AND i.state = "
        "'not-done'))");
    if (left.bind(1, toString(mode)).bind(2, pool(name)).step())
        stock.left = int(left.integer(0));
    return stock;
}

LotStock lotStock(Journal &journal, Mode mode, const QString &name)
{
    LotStock stock;
    journal.transact([&](Transaction &transaction) { stock = lotStock(transaction.handle(), mode, name); });
    return stock;
}

namespace {

// That something of it may be given out today.
void requireOpen(Transaction &transaction, Mode mode, const QString &name)
{
    LotStock lot;
    lot.lastDay = ownBody(transaction.handle(), mode, name).value(u"last-day"_s).toString();
    if (transaction.numberTaken(mode, u"batch-closed"_s, name))
        throw Fault("identity.lot-closed", {name});
    if (lot.over())
        throw Fault("identity.lot-over", {name, lot.lastDay});
}

// A lot that is used up, or only this unit has nothing in it.
[[noreturn]] void refuseNone(Transaction &transaction, Mode mode, const QString &name, const QString &serial)
{
    const LotStock stock = lotStock(transaction.handle(), mode, name);
    if (stock.left == 0)
        throw Fault("identity.lot-spent", {name, QString::number(stock.total)});
    throw Fault("identity.lot-none", {name, oneLine(serial, 64), QString::number(stock.left)});
}

Transaction::CertificateRow certificateOf(Transaction &transaction, Mode mode, const QString &name,
                                          const QString &serial)
{
    requireOpen(transaction, mode, name);
    for (const auto &row : transaction.certificatesOfSerial(mode, serial)) {
        if (!row.revoked && transaction.numberTaken(mode, pool(name), row.certificateSerial))
            return row;
    }
    refuseNone(transaction, mode, name, serial);
}

// The last time that a pair was drawn.
struct Draw {
    int times = 0;
    QString at, state, run, hardware;
    bool going = false; // by a run that has not ended
};

Draw lastDraw(Transaction &transaction, Mode mode, const QString &serial, const QString &certificateSerial)
{
    Draw draw;
    JournalLookup rows(
        transaction,
        "SELECT b.value, b.at, b.run, i.state, e.body, r.id IS NOT NULL AND r.ended_at IS NULL FROM number b LEFT JOIN "
        "intent i ON i.run = nullif(b.run, '') AND i.entry = b.entry + 1 LEFT JOIN entry e ON e.seq = i.entry LEFT "
        "JOIN run r ON r.id = b.run WHERE b.device = ?1 AND b.mode = ?2 AND b.pool = 'bound' ORDER BY b.entry");
    rows.bind(1, serial).bind(2, toString(mode));
    while (rows.step()) {
        if (rows.text(0).section(u'#', 0, 0) != certificateSerial)
            continue;
        ++draw.times;
        draw.at = rows.text(1);
        draw.run = rows.text(2);
        draw.state = draw.run.isEmpty() ? u"done"_s : rows.text(3); // a command gives it out for good
        draw.hardware = readBody(rows.blob(4)).value(u"detail"_s).toMap().value(u"hardware"_s).toString();
        draw.going = draw.state.isEmpty() && rows.integer(5) != 0;
    }
    return draw;
}

} // namespace

LotItem lotItemOf(Journal &journal, Mode mode, const QString &name, const QString &serial)
{
    LotItem item;
    journal.transact([&](Transaction &transaction) {
        const auto row = certificateOf(transaction, mode, name, serial);
        const Draw draw = lastDraw(transaction, mode, serial, row.certificateSerial);
        item = {row.serial,
                row.certificateSerial,
                row.der,
                row.publicKeySha256,
                draw.times == 0 || draw.state == u"not-done" ? u"waiting"_s
                : draw.state == u"done"                      ? u"used"_s
                                                             : u"bound"_s,
                draw.times == 0 ? row.at : draw.at};
    });
    return item;
}

QString takeSerialOfLot(Journal &journal, Mode mode, const QString &name, const QString &run)
{
    QString serial;
    journal.transact([&](Transaction &transaction) {
        requireOpen(transaction, mode, name);
        JournalLookup next(
            transaction,
            "SELECT c.serial FROM number n JOIN certificate c ON c.certificate_serial = n.value WHERE n.mode = ?1 AND "
            "n.pool = ?2 AND c.mode = ?1 AND c.revoked_entry IS NULL AND NOT EXISTS (SELECT 1 FROM number g WHERE "
            "g.mode = ?1 AND g.pool = 'lot-serial' AND g.value = c.serial) AND NOT EXISTS (SELECT 1 FROM number b "
            "WHERE b.mode = ?1 AND b.pool = 'bound' AND b.value = n.value) AND NOT EXISTS (SELECT 1 FROM device d "
            "WHERE "
            "d.mode = ?1 AND d.serial = c.serial AND d.runs > 0) ORDER BY n.entry LIMIT 1");
        if (!next.bind(1, toString(mode)).bind(2, pool(name)).step())
            throw Fault("identity.lot-spent",
                        {name, QString::number(lotStock(transaction.handle(), mode, name).total)});
        serial = next.text(0);
        transaction.append(number(mode, u"lot-serial"_s, serial, {{u"batch"_s, name}}, serial, run));
    });
    return serial;
}

void beginLot(Journal &journal, Mode mode, const QString &name, const QString &profile, bool stationKeys,
              const QString &lastDay)
{
    static const QRegularExpression form(u"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"_s);
    if (!form.match(name).hasMatch())
        throw Fault("identity.lot-name", {oneLine(name, 60)});
    journal.transact([&](Transaction &transaction) {
        if (transaction.numberTaken(mode, u"batch"_s, name))
            throw Fault("identity.lot-known", {name});
        QCborMap body{{u"profile"_s, profile}, {u"station-keys"_s, stationKeys}};
        if (!lastDay.isEmpty())
            body.insert(u"last-day"_s, lastDay);
        transaction.append(number(mode, u"batch"_s, name, body));
    });
}

Lot lotRecorded(Journal &journal, Mode mode, const QString &name)
{
    Lot lot;
    journal.transact([&](Transaction &transaction) { lot = readLot(transaction, mode, name); });
    return lot;
}

BoundPair bindPair(Journal &journal, Mode mode, const QString &name, const QString &serial, const LotTaker &taker)
{
    BoundPair pair;
    journal.transact([&](Transaction &transaction) {
        const auto row = certificateOf(transaction, mode, name, serial);
        pair = {row.der, row.publicKeySha256, row.serial, row.certificateSerial, {}};
        const Draw before = lastDraw(transaction, mode, serial, row.certificateSerial);
        const bool free = before.times == 0 || before.state == u"not-done";
        if (before.state == u"done" && taker.holds)
            return;
        // Once its key may have been in a device, no other device gets it.
        const bool same = before.state != u"done" && !taker.hardware.isEmpty() && taker.hardware == before.hardware &&
                          (!before.going || before.run == taker.run);
        if (!free && !taker.holds && !same)
            throw Fault("identity.lot-bound", {serial, row.certificateSerial, before.at});
        pair.intent = QUuid::createUuid().toString(QUuid::WithoutBraces);
        const QString value =
            before.times == 0 ? row.certificateSerial : u"%1#%2"_s.arg(row.certificateSerial).arg(before.times + 1);
        transaction.append(number(mode, u"bound"_s, value, {{u"batch"_s, name}}, serial, taker.run));
        QCborMap detail{{u"certificate-serial"_s, pair.certificateSerial},
                        {u"certificate-sha256"_s, row.sha256},
                        {u"batch"_s, name},
                        {u"serial"_s, serial}};
        if (!taker.hardware.isEmpty())
            detail.insert(u"hardware"_s, taker.hardware);
        transaction.append({u"intent"_s,
                            taker.run,
                            serial,
                            {{u"intent"_s, pair.intent},
                             {u"act"_s, u"identity.bind"_s},
                             {u"index"_s, taker.stepIndex},
                             {u"mode"_s, toString(mode)},
                             {u"detail"_s, detail}}});
    });
    return pair;
}

void endBinding(Journal &journal, Mode mode, const BoundPair &pair, BindingEnd end, const QString &sentence,
                const QString &run)
{
    if (pair.intent.isEmpty())
        return;
    journal.appendDurably({u"outcome"_s,
                           run,
                           pair.serial,
                           {{u"intent"_s, pair.intent},
                            {u"state"_s, end == BindingEnd::Used   ? u"done"_s
                                         : end == BindingEnd::Kept ? u"partial"_s
                                                                   : u"not-done"_s},
                            {u"sentence"_s, sentence},
                            {u"mode"_s, toString(mode)}}});
}

Lot closeLot(Journal &journal, Mode mode, const QString &name, const QString &reason)
{
    if (!revocationReasons().contains(reason) || reason == u"certificateHold")
        throw Fault("identity.reason", {oneLine(reason, 80), QString(), revocationReasons().join(QLatin1String(", "))});
    Lot lot;
    journal.transact([&](Transaction &transaction) {
        lot = readLot(transaction, mode, name);
        if (lot.closed)
            return;
        QCborMap counts;
        for (LotItem &item : lot.items) {
            if (item.state == u"waiting" || item.state == u"bound") {
                transaction.append({u"revocation"_s,
                                    QString(),
                                    item.serial,
                                    {{u"certificate-serial"_s, item.certificateSerial},
                                     {u"reason"_s, reason},
                                     {u"mode"_s, toString(mode)}}});
                item.state = item.state == u"bound" ? u"lost"_s : u"revoked"_s;
                item.since = rfc3339Now();
            }
        }
        for (const QString &state : {u"used"_s, u"revoked"_s, u"lost"_s})
            counts.insert(state, lot.count(state));
        transaction.append(number(mode, u"batch-closed"_s, name, counts));
        lot.closed = true;
    });
    return lot;
}

} // namespace slipway
