#include "core/steps/identitylot.h"

#include "core/base/text.h"
#include "core/journal/queries.h"
#include "core/steps/journallookup.h"

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

// Certificates (SHA-256) that a unit gave back after they were written, as steps record it, and bindings that ended
// well.
struct Evident {
    QSet<QByteArray> written; // SHA-256 of certificates
    QSet<QString> used;       // certificate serials
};

Evident evidentSince(Transaction &transaction, qint64 entry)
{
    Evident evident;
    JournalLookup rows(transaction,
                       "SELECT i.act, e.body FROM intent i JOIN entry e ON e.seq = i.entry WHERE i.entry > ?1 AND "
                       "i.state = 'done' AND i.act IN ('identity.write', 'identity.bind')");
    rows.bind(1, entry);
    while (rows.step()) {
        const QCborMap detail = readBody(rows.blob(1)).value(u"detail"_s).toMap();
        if (rows.text(0) == u"identity.write")
            evident.written.insert(detail.value(u"certificate-sha256"_s).toByteArray());
        else
            evident.used.insert(detail.value(u"certificate-serial"_s).toString());
    }
    return evident;
}

Lot readLot(Transaction &transaction, Mode mode, const QString &name)
{
    Lot lot;
    lot.name = name;
    JournalLookup own(transaction,
                      "SELECT n.entry, e.body FROM number n JOIN entry e ON e.seq = n.entry WHERE n.mode = ?1 AND "
                      "n.pool = 'batch' AND n.value = ?2");
    if (!own.bind(1, toString(mode)).bind(2, name).step())
        throw Fault("identity.lot-unknown", {oneLine(name, 60)});
    const QCborMap body = readBody(own.blob(1));
    lot.profile = body.value(u"profile"_s).toString();
    lot.stationKeys = body.value(u"station-keys"_s).toBool();
    lot.closed = transaction.numberTaken(mode, u"batch-closed"_s, name);
    const Evident evident = evidentSince(transaction, own.integer(0));
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
        const bool bound = !rows.text(7).isEmpty();
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

void beginLot(Journal &journal, Mode mode, const QString &name, const QString &profile, bool stationKeys)
{
    static const QRegularExpression form(u"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"_s);
    if (!form.match(name).hasMatch())
        throw Fault("identity.lot-name", {oneLine(name, 60)});
    journal.transact([&](Transaction &transaction) {
        if (transaction.numberTaken(mode, u"batch"_s, name))
            throw Fault("identity.lot-known", {name});
        transaction.append(number(mode, u"batch"_s, name, {{u"profile"_s, profile}, {u"station-keys"_s, stationKeys}}));
    });
}

Lot lotRecorded(Journal &journal, Mode mode, const QString &name)
{
    Lot lot;
    journal.transact([&](Transaction &transaction) { lot = readLot(transaction, mode, name); });
    return lot;
}

BoundPair bindPair(Journal &journal, Mode mode, const QString &name, const QString &serial, const QString &run)
{
    BoundPair pair;
    journal.transact([&](Transaction &transaction) {
        pair = {};
        if (!transaction.numberTaken(mode, u"batch"_s, name))
            throw Fault("identity.lot-unknown", {oneLine(name, 60)});
        if (transaction.numberTaken(mode, u"batch-closed"_s, name))
            throw Fault("identity.lot-closed", {name});
        for (const auto &row : transaction.certificatesOfSerial(mode, serial)) {
            if (row.revoked || !transaction.numberTaken(mode, pool(name), row.certificateSerial))
                continue;
            JournalLookup bound(transaction, "SELECT at FROM number WHERE mode = ?1 AND pool = 'bound' AND value = ?2");
            if (bound.bind(1, toString(mode)).bind(2, row.certificateSerial).step())
                throw Fault("identity.lot-bound", {serial, row.certificateSerial, bound.text(0)});
            pair = {row.der, row.publicKeySha256, row.serial, row.certificateSerial,
                    QUuid::createUuid().toString(QUuid::WithoutBraces)};
            break;
        }
        if (pair.certificateSerial.isEmpty())
            throw Fault("identity.lot-none", {name, oneLine(serial, 64)});
        transaction.append(number(mode, u"bound"_s, pair.certificateSerial, {{u"batch"_s, name}}, serial, run));
        transaction.append({u"intent"_s,
                            run,
                            serial,
                            {{u"intent"_s, pair.intent},
                             {u"act"_s, u"identity.bind"_s},
                             {u"index"_s, -1},
                             {u"mode"_s, toString(mode)},
                             {u"detail"_s, QCborMap{{u"certificate-serial"_s, pair.certificateSerial},
                                                    {u"batch"_s, name},
                                                    {u"serial"_s, serial}}}}});
    });
    return pair;
}

void endBinding(Journal &journal, Mode mode, const BoundPair &pair, bool done, const QString &sentence,
                const QString &run)
{
    journal.appendDurably({u"outcome"_s,
                           run,
                           pair.serial,
                           {{u"intent"_s, pair.intent},
                            {u"state"_s, done ? u"done"_s : u"unknown"_s},
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
