// What becomes of certificates: holds and deltas, LDevIDs beside IDevIDs, lists in and out, quotas, lots; and that the
// journal says the same after its tables were rebuilt.

#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/keylot.h"
#include "core/journal/rebuild.h"
#include "core/journal/verify.h"
#include "core/steps/identitylist.h"
#include "core/steps/identitylot.h"
#include "core/steps/quotause.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <QJsonDocument>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QString serialAt(int number)
{
    return u"T1-%1"_s.arg(number, 8, 10, QLatin1Char('0'));
}

Profile ownersProfile()
{
    return Profile::parse("slipway-profile: 1\nkind: ldevid\n", u"owner.yaml"_s);
}

} // namespace

class TestLifecycle : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_keys.clear();
        m_shop = std::make_unique<Workshop>();
        m_issuer = m_shop->issuer();
        m_journal = Journal::open(m_shop->path("journal.db"), nullptr);
    }
    void cleanup()
    {
        // Whatever a test wrote: every table is what the entries say.
        m_journal.reset();
        const JournalReport report = verifyJournal(m_shop->path("journal.db"), nullptr);
        QVERIFY2(report.good(), report.good() ? "" : qPrintable(report.findings.front().sentence));
        rebuildProjections(m_shop->path("journal.db"));
        QVERIFY(verifyJournal(m_shop->path("journal.db"), nullptr).good());
        m_issuer.reset();
        m_shop.reset();
    }

    void holdsAndDeltas()
    {
        issue(1);
        issue(2);
        issue(3);
        QCOMPARE(faultOf([&] { (void)publish(true); }), QByteArray("identity.no-base"));
        revokeRecorded(*m_journal, Mode::Production, serialAt(1), u"certificateHold"_s);
        const PublishedCrl first = publish(false);
        QCOMPARE(first.entries, 1);
        QVERIFY(first.number > 0 && !first.base);

        revokeRecorded(*m_journal, Mode::Production, serialAt(2), u"superseded"_s);
        const PublishedCrl second = publish(true);
        QCOMPARE(second.number, first.number + 1); // one sequence for both
        QCOMPARE(second.base, std::optional<qint64>(first.number));
        QCOMPARE(second.entries, 1);

        releaseRecorded(*m_journal, Mode::Production, serialAt(1));
        const PublishedCrl third = publish(true);
        QCOMPARE(third.entries, 2);
        QCOMPARE(third.removed, 1);
        // Held and released since the base: nothing was ever published of it.
        revokeRecorded(*m_journal, Mode::Production, serialAt(3), u"certificateHold"_s);
        releaseRecorded(*m_journal, Mode::Production, serialAt(3));
        QCOMPARE(publish(true).entries, 2);
        const PublishedCrl whole = publish(false);
        QCOMPARE(whole.entries, 1);
        QCOMPARE(publish(true).entries, 0); // to the new base
        CrlOrder older;
        older.delta = true;
        older.base = first.number;
        QCOMPARE(publishCrl(*m_journal, *m_issuer, older).entries, 2);
        older.base = second.number; // a delta is no base
        QCOMPARE(faultOf([&] { (void)publishCrl(*m_journal, *m_issuer, older); }), QByteArray("identity.no-base"));
    }

    void aHoldEndsOrStays()
    {
        const QString number = issue(1).certificateSerial;
        QCOMPARE(faultOf([&] { releaseRecorded(*m_journal, Mode::Production, serialAt(1)); }),
                 QByteArray("identity.not-held"));
        revokeRecorded(*m_journal, Mode::Production, serialAt(1), u"certificateHold"_s);
        QCOMPARE(faultOf([&] { revokeRecorded(*m_journal, Mode::Production, serialAt(1), u"certificateHold"_s); }),
                 QByteArray("identity.revoked"));
        QCOMPARE(status(number).state, OcspStatus::State::Revoked);
        QCOMPARE(status(number).reason, u"certificateHold"_s);
        revokeRecorded(*m_journal, Mode::Production, number, u"keyCompromise"_s); // what was on hold is gone for good
        QCOMPARE(status(number).reason, u"keyCompromise"_s);
        QCOMPARE(faultOf([&] { releaseRecorded(*m_journal, Mode::Production, serialAt(1)); }),
                 QByteArray("identity.not-held"));
        QCOMPARE(status(u"00ff"_s).state, OcspStatus::State::Unknown);
    }

    void anOwnersCertificateBesideTheDevices()
    {
        issue(1);
        const KeyPtr key = newTestKey();
        IssueOrder order = Workshop::order(serialAt(1), key.get());
        order.profile = ownersProfile();
        order.mudUrl.clear();
        const auto issueIt = [&](const IssueOrder &wanted) {
            return faultOf([&] { (void)issueRecorded(*m_journal, *m_issuer, wanted, {}, Task{}); });
        };
        QCOMPARE(issueIt(order), QByteArray());
        QCOMPARE(issueIt(order), QByteArray("identity.duplicate-serial"));
        order.renew = true; // the same key
        QCOMPARE(issueIt(order), QByteArray());
        IssueOrder otherKey = Workshop::order(serialAt(1));
        otherKey.profile = order.profile;
        otherKey.mudUrl.clear();
        otherKey.renew = true;
        QCOMPARE(issueIt(otherKey), QByteArray());
        // Renewing is no way around for an IDevID, nor for the key of another unit.
        IssueOrder idevid = Workshop::order(serialAt(1));
        idevid.renew = true;
        QCOMPARE(issueIt(idevid), QByteArray("identity.duplicate-serial"));
        IssueOrder stolen = Workshop::order(serialAt(2), key.get());
        stolen.profile = order.profile;
        stolen.mudUrl.clear();
        stolen.renew = true;
        QCOMPARE(issueIt(stolen), QByteArray("identity.duplicate-key"));
        QCOMPARE(issueIt(Workshop::order(serialAt(1), key.get())), QByteArray("identity.duplicate-serial"));
        const auto list = issuedCertificates(*m_journal, {});
        QCOMPARE(list.size(), 4);
        QCOMPARE(list[1].toObject().value(u"kind"_s).toString(), u"ldevid"_s);
    }

    void listsOutAndIn()
    {
        issue(1);
        issue(2);
        revokeRecorded(*m_journal, Mode::Production, serialAt(2), u"keyCompromise"_s);
        const QJsonArray rows = issuedCertificates(*m_journal, {});
        QString station;
        QCOMPARE(readList(listDocument(rows, u"Line 1"_s), &station), rows);
        QCOMPARE(station, u"Line 1"_s);
        const QJsonArray fromCsv = readList(listCsv(rows), nullptr);
        QCOMPARE(fromCsv, rows);

        // Another station's journal.
        const auto other = Journal::open(m_shop->path("other.db"), nullptr);
        ImportResult result = importList(*other, fromCsv, u"Line 1"_s, "sum");
        QCOMPARE(result.added, 2);
        QVERIFY(result.conflicts.isEmpty());
        result = importList(*other, rows, u"Line 1"_s, "sum");
        QCOMPARE(result.known, 2);
        QCOMPARE(result.added, 0);
        const auto elsewhere = [&](const IssueOrder &order) {
            return faultOf([&] { (void)issueRecorded(*other, *m_issuer, order, {}, Task{}); });
        };
        QCOMPARE(elsewhere(Workshop::order(serialAt(1))), QByteArray("identity.issued-elsewhere"));
        QCOMPARE(elsewhere(Workshop::order(serialAt(7), m_keys[0].get())), QByteArray("identity.duplicate-key"));
        QCOMPARE(elsewhere(Workshop::order(serialAt(7), m_keys[1].get())), QByteArray("identity.duplicate-key"));
        QCOMPARE(elsewhere(Workshop::order(serialAt(2))), QByteArray()); // revoked there
        IssueOrder sameNumber = Workshop::order(serialAt(8));
        sameNumber.certificateSerial =
            QByteArray::fromHex(rows[0].toObject().value(u"certificate-serial"_s).toString().toLatin1());
        QCOMPARE(elsewhere(sameNumber), QByteArray("identity.number-used"));
        // Of its own list only what it issued itself.
        QCOMPARE(issuedCertificates(*other, {}).size(), 1);
        CrlOrder order;
        QCOMPARE(publishCrl(*other, *m_issuer, order).entries, 0); // not its revocations
        m_journal->flush();
        QVERIFY(verifyJournal(other->path(), nullptr).good());
    }

    void whatIsDoubleIsFlagged()
    {
        issue(1);
        const QJsonObject own = issuedCertificates(*m_journal, {})[0].toObject();
        const auto changed = [&](const QList<std::pair<QString, QString>> &changes) {
            QJsonObject row = own;
            for (const auto &[key, value] : changes)
                row.insert(key, value);
            return row;
        };
        const QString otherKey(64, u'a');
        const QString thirdKey(64, u'b');
        const QJsonArray rows{
            own, changed({{u"serial"_s, serialAt(5)}, {u"certificate-serial"_s, u"51"_s}}),    // the key of unit 1
            changed({{u"public-key-sha256"_s, otherKey}, {u"certificate-serial"_s, u"52"_s}}), // the serial of unit 1
            changed({{u"serial"_s, serialAt(6)}, {u"public-key-sha256"_s, thirdKey}}),         // its number
        };
        const ImportResult result = importList(*m_journal, rows, u"Line 2"_s, "sum");
        QCOMPARE(result.known, 1);
        QCOMPARE(result.added, 3);
        QStringList what;
        for (const ImportConflict &conflict : result.conflicts)
            what << conflict.what;
        QCOMPARE(what, (QStringList{u"key"_s, u"serial"_s, u"certificate-serial"_s}));
    }

    void csvIsHarmlessInASpreadsheet()
    {
        for (const QString &serial : {u"=1+1"_s, u"+49"_s, u"-1"_s, u"@x"_s, u"'=x"_s, u"a,b"_s, u"plain"_s}) {
            QJsonObject row{
                {u"serial"_s, serial}, {u"certificate-serial"_s, u"51"_s}, {u"public-key-sha256"_s, QString(64, u'a')}};
            const QByteArray csv = listCsv({row});
            const QByteArray line = csv.split('\n')[1];
            QVERIFY2(!QByteArray("=+-@").contains(line[0]) && !line.startsWith("\"="), line.constData());
            QCOMPARE(readList(csv, nullptr)[0].toObject().value(u"serial"_s).toString(), serial);
        }
    }

    void listsThatAreNone_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::newRow("empty") << QByteArray("\n");
        QTest::newRow("other JSON") << QByteArray("{\"format\": \"other\"}");
        QTest::newRow("cut JSON") << QByteArray("{\"format\": \"slipway-identities-1\", ");
        QTest::newRow("no header") << QByteArray("a,b,c\r\n1,2,3\r\n");
        const QByteArray head = "serial,certificate-serial,public-key-sha256\r\n";
        QTest::newRow("short row") << head + "T1,51\r\n";
        QTest::newRow("open quote") << head + "\"T1,51,x\r\n";
        QTest::newRow("behind the quote") << head + "\"T1\"x,51,x\r\n";
        QTest::newRow("no hex") << head + "T1,xyz," + QByteArray(64, 'a') + "\r\n";
        QTest::newRow("short hash") << head + "T1,51,aa\r\n";
        QTest::newRow("huge field") << head + QByteArray(20000, 'a') + ",51,aa\r\n";
        QTest::newRow("control character") << head + "\"T1\n2\",51," + QByteArray(64, 'a') + "\r\n";
    }
    void listsThatAreNone()
    {
        QFETCH(QByteArray, bytes);
        QCOMPARE(faultOf([&] { (void)readList(bytes, nullptr); }), QByteArray("identity.list"));
    }

    void withinAQuota()
    {
        bound({quota(2, 1, 10)});
        const auto standing = [&] { return quotaStandings(*m_journal, *m_issuer->quotas()).constFirst(); };
        using State = QuotaStanding::State;
        QCOMPARE(standing().state, State::Unknown);
        const auto ask = [&](int number) { return faultOf([&] { (void)issue(number); }); };
        QCOMPARE(ask(1), QByteArray("identity.quota-none")); // signed, but nobody took it in
        addQuotaRecorded(*m_journal, m_issuer->quotas()->quotas().first());
        QCOMPARE(faultOf([&] { addQuotaRecorded(*m_journal, m_issuer->quotas()->quotas().first()); }),
                 QByteArray("identity.quota-known"));
        QCOMPARE(ask(1), QByteArray());
        QCOMPARE(standing().state, State::Open);
        QCOMPARE(standing().left, 1);
        QCOMPARE(ask(11), QByteArray("identity.quota-serial"));
        QCOMPARE(ask(2), QByteArray());
        QCOMPARE(standing().state, State::UsedUp);
        QVERIFY(standing().isDue());
        QCOMPARE(ask(3), QByteArray("identity.quota-count"));
        // A serial number that was counted may be tried again: here the old one was revoked.
        revokeRecorded(*m_journal, Mode::Production, serialAt(2), u"superseded"_s);
        QCOMPARE(ask(2), QByteArray());
        QCOMPARE(quotaUse(*m_journal, m_issuer->quotas()->quotas().first().id).used, 2);
        IssueRecord training;
        training.mode = Mode::Training;
        QCOMPARE(faultOf([&] {
                     (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(9)), training, Task{});
                 }),
                 QByteArray());
        IssueOrder other = Workshop::order(serialAt(4));
        other.profile.name = u"t2"_s;
        QCOMPARE(faultOf([&] { (void)issueRecorded(*m_journal, *m_issuer, other, {}, Task{}); }),
                 QByteArray("identity.quota-product"));
        // In a batch those beyond it stay out, the others do not.
        bound({m_issuer->quotas()->quotas().first(), quota(2, 20, 30)});
        addQuotaRecorded(*m_journal, m_issuer->quotas()->quotas().last());
        std::vector<IssueOrder> orders;
        for (int i = 20; i < 24; ++i)
            orders.push_back(Workshop::order(serialAt(i)));
        const auto items = issueBatchRecorded(*m_journal, *m_issuer, orders, {}, Task{});
        QCOMPARE(
            std::count_if(items.begin(), items.end(), [](const BatchItem &i) { return i.certificate.has_value(); }), 2);
        QVERIFY(items[3].fault && items[3].fault->is("identity.quota-count"));
    }

    void quotaDaysAndClocks()
    {
        Quota over = quota(5, 1, 10);
        over.lastDay = u"2020-01-01"_s;
        bound({over});
        addQuotaRecorded(*m_journal, over);
        QCOMPARE(faultOf([&] { (void)issue(1); }), QByteArray("identity.quota-day"));
        bound({quota(5, 1, 10)});
        addQuotaRecorded(*m_journal, m_issuer->quotas()->quotas().first());
        QCOMPARE(faultOf([&] { (void)issue(1); }), QByteArray());
        // An entry of next year: the clock must have been set back since.
        m_journal->transact([](Journal::Transaction &transaction) {
            const qint64 seq = transaction.append({u"log"_s, {}, {}, {}});
            sqlite3_exec(
                transaction.handle(),
                ("UPDATE entry SET at = '2099-01-01T00:00:00.000Z' WHERE seq = " + QByteArray::number(seq)).constData(),
                nullptr, nullptr, nullptr);
        });
        QCOMPARE(faultOf([&] { (void)issue(2); }), QByteArray("identity.quota-clock"));
        m_journal.reset(); // the chain is broken on purpose
        QFile::remove(m_shop->path("journal.db"));
        m_journal = Journal::open(m_shop->path("journal.db"), nullptr);
    }

    void aQuotaComesBack()
    {
        const Quota own = quota(5, 1, 10);
        bound({own});
        addQuotaRecorded(*m_journal, own);
        issue(1);
        issue(2);
        const QByteArray report = closeQuotaRecorded(*m_journal, own, u"Line 3"_s);
        QCOMPARE(faultOf([&] { (void)issue(3); }), QByteArray("identity.quota-none"));
        const QJsonObject object = QJsonDocument::fromJson(report).object();
        QCOMPARE(object.value(u"used"_s).toInt(), 2);
        QCOMPARE(object.value(u"unused"_s).toInt(), 3);

        const auto office = Journal::open(m_shop->path("office.db"), nullptr);
        QCOMPARE(faultOf([&] { (void)settleQuotaRecorded(*office, report); }), QByteArray("identity.quota-report"));
        signedQuotaRecorded(*office, own);
        const QuotaSettlement settlement = settleQuotaRecorded(*office, report);
        QVERIFY2(settlement.troubles.isEmpty(), qPrintable(settlement.troubles.join(u'\n')));
        QCOMPARE(settlement.unused, 3);
        QCOMPARE(readList(settlement.list, nullptr).size(), 2);
        QCOMPARE(faultOf([&] { (void)settleQuotaRecorded(*office, report); }), QByteArray("identity.quota-settled"));
    }

    void quotasThatAreNone()
    {
        const Quota good = quota(5, 1, 10);
        QCOMPARE(Quota::parse(good.json()).json(), good.json());
        const auto refused = [&](const std::function<void(Quota &)> &change) {
            Quota bad = good;
            change(bad);
            return faultOf([&] { (void)Quota::parse(bad.json()); }) == "identity.quota";
        };
        QVERIFY(refused([](Quota &q) { q.count = 0; }));
        QVERIFY(refused([](Quota &q) { q.count = 2'000'000; }));
        QVERIFY(refused([](Quota &q) { q.lastSerial = u"T2-00000010"_s; }));
        QVERIFY(refused([](Quota &q) { q.lastSerial = u"T1-00000000"_s; }));
        QVERIFY(refused([](Quota &q) { q.firstSerial = u"T1-1"_s; }));
        QVERIFY(refused([](Quota &q) { q.lastDay = u"2026-02-30"_s; }));
        QVERIFY(refused([](Quota &q) { q.id = u"x"_s; }));
        QVERIFY(refused([](Quota &q) { q.stationKey.clear(); }));
        QVERIFY(!good.covers(u"T1-00000011"_s));
        QVERIFY(good.covers(u"T1-00000010"_s));
        QVERIFY(!good.covers(u"T1-000000010"_s));
        QVERIFY(!good.covers(u"T2-00000010"_s));
    }

    void aLot()
    {
        beginLot(*m_journal, Mode::Production, u"lot7"_s, u"t1"_s, false);
        QCOMPARE(faultOf([&] { beginLot(*m_journal, Mode::Production, u"lot7"_s, u"t1"_s, false); }),
                 QByteArray("identity.lot-known"));
        QCOMPARE(faultOf([&] { beginLot(*m_journal, Mode::Production, u"../x"_s, u"t1"_s, false); }),
                 QByteArray("identity.lot-name"));
        std::vector<IssueOrder> orders;
        for (int i = 1; i <= 5; ++i)
            orders.push_back(Workshop::order(serialAt(i)));
        IssueRecord record;
        record.batch = u"lot7"_s;
        (void)issueBatchRecorded(*m_journal, *m_issuer, orders, record, Task{}, 2);
        issue(9); // not of the lot
        Lot lot = lotRecorded(*m_journal, Mode::Production, u"lot7"_s);
        QCOMPARE(lot.items.size(), 5);
        QCOMPARE(lot.count(u"waiting"_s), 5);

        const auto bind = [&](int number) {
            return bindPair(*m_journal, Mode::Production, u"lot7"_s, serialAt(number));
        };
        endBinding(*m_journal, Mode::Production, bind(1), BindingEnd::Used, u"Given out."_s);
        QCOMPARE(faultOf([&] { (void)bind(1); }), QByteArray("identity.lot-bound"));
        (void)bind(2); // and the power goes
        m_journal.reset();
        m_journal = Journal::open(m_shop->path("journal.db"), nullptr);
        QCOMPARE(faultOf([&] { (void)bind(2); }), QByteArray("identity.lot-bound"));
        QCOMPARE(faultOf([&] { (void)bind(9); }), QByteArray("identity.lot-none"));
        // A unit that made its key itself: the step idevid wrote the certificate and read it back.
        m_journal->appendDurably(
            {u"intent"_s,
             u"run-1"_s,
             serialAt(3),
             {{u"intent"_s, u"i3"_s},
              {u"act"_s, u"identity.write"_s},
              {u"detail"_s, QCborMap{{u"certificate-sha256"_s, certificateFacts(lot.items[2].certificate).sha256}}}}});
        m_journal->appendDurably(
            {u"outcome"_s, u"run-1"_s, serialAt(3), {{u"intent"_s, u"i3"_s}, {u"state"_s, u"done"_s}}});
        revokeRecorded(*m_journal, Mode::Production, serialAt(4), u"superseded"_s);
        QCOMPARE(faultOf([&] { (void)bind(4); }), QByteArray("identity.lot-none"));

        lot = closeLot(*m_journal, Mode::Production, u"lot7"_s, u"cessationOfOperation"_s);
        QStringList states;
        for (const LotItem &item : lot.items)
            states << item.state;
        QCOMPARE(states, (QStringList{u"used"_s, u"lost"_s, u"used"_s, u"revoked"_s, u"revoked"_s}));
        QCOMPARE(faultOf([&] { (void)bind(5); }), QByteArray("identity.lot-closed"));
        for (const LotItem &item : lot.items) // none is left that nobody accounts for
            QCOMPARE(status(item.certificateSerial).state,
                     item.state == u"used" ? OcspStatus::State::Good : OcspStatus::State::Revoked);
        const Lot again = closeLot(*m_journal, Mode::Production, u"lot7"_s, u"cessationOfOperation"_s);
        QCOMPARE(again.count(u"lost"_s), 1);
        QCOMPARE(again.count(u"used"_s), 2);
    }

    void sealedKeys()
    {
        const QString folder = m_shop->folder() + u"/lots/a"_s;
        QCOMPARE(faultOf([&] { (void)KeyLot::create(folder, {}); }), QByteArray("identity.lot-passphrase"));
        KeyLot lot = KeyLot::create(folder, "secret");
        for (const QString &type : {u"P-256"_s, u"P-384"_s, u"Ed25519"_s}) {
            const CertificateRequest request = lot.makePair(type, serialAt(1));
            QCOMPARE(request.keyType, type);
            const SecretBytes pkcs8 = KeyLot::open(folder, "secret").unseal(request.publicKeySha256);
            QVERIFY(pkcs8.size() > 40);
            const QByteArray sealed =
                readFile(folder + u'/' + hex(request.publicKeySha256) + u".p7m"_s, 65536, QString());
            QVERIFY(!sealed.contains(pkcs8.view().last(32)));
            KeyLot::discard(folder, request.publicKeySha256);
            QCOMPARE(faultOf([&] { (void)lot.unseal(request.publicKeySha256); }), QByteArray("identity.lot-key"));
        }
        QCOMPARE(faultOf([&] { (void)KeyLot::open(folder, "wrong"); }), QByteArray("issuer.passphrase"));
        const CertificateRequest damaged = lot.makePair(u"P-256"_s, serialAt(2));
        const QString file = folder + u'/' + hex(damaged.publicKeySha256) + u".p7m"_s;
        QByteArray sealed = readFile(file, 65536, QString());
        sealed[sealed.size() - 20] = char(sealed[sealed.size() - 20] ^ 1);
        writeFile(file, sealed);
        QCOMPARE(faultOf([&] { (void)lot.unseal(damaged.publicKeySha256); }), QByteArray("identity.lot-key"));
        KeyLot::discardAll(folder);
        QCOMPARE(faultOf([&] { (void)KeyLot::open(folder, "secret"); }), QByteArray("identity.lot-missing"));
    }

private:
    IssuedCertificate issue(int number)
    {
        m_keys.push_back(newTestKey());
        return issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(number), m_keys.back().get()), {}, Task{});
    }
    PublishedCrl publish(bool delta)
    {
        CrlOrder order;
        order.delta = delta;
        return publishCrl(*m_journal, *m_issuer, order);
    }
    OcspStatus status(const QString &certificateSerial)
    {
        const CertificateFacts ca = certificateFacts(m_issuer->chain().front());
        return statusRecorded(*m_journal, certificateSerial, ca.subject, ca.subjectKeyId);
    }
    static Quota quota(int count, int first, int last)
    {
        static int made = 0;
        Quota quota;
        quota.id = u"00000000-0000-4000-8000-%1"_s.arg(++made, 12, 10, QLatin1Char('0'));
        quota.product = u"t1"_s;
        quota.count = count;
        quota.firstSerial = serialAt(first);
        quota.lastSerial = serialAt(last);
        quota.lastDay = u"2099-12-31"_s;
        quota.stationKey = QString(64, u'0');
        quota.document = quota.json();
        return quota;
    }
    void bound(const QList<Quota> &quotas) { m_issuer->setQuotas(QuotaBook::of(quotas)); }

    std::unique_ptr<Workshop> m_shop;
    std::unique_ptr<FileIssuer> m_issuer;
    std::unique_ptr<Journal> m_journal;
    std::vector<KeyPtr> m_keys;
};

SLIPWAY_TEST_MAIN(TestLifecycle)
#include "tst_lifecycle.moc"
