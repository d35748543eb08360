// Issuing on record: nothing twice across the journal, whoever asks and however many at once, and the record of it.

#include "core/identity/check.h"
#include "core/journal/queries.h"
#include "core/steps/identityissue.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <openssl/x509.h>

#include <atomic>
#include <thread>

using namespace slipway;
using namespace slipway::test;

namespace {

QString serialAt(int number)
{
    return QStringLiteral("T1-%1").arg(number, 8, 10, QLatin1Char('0'));
}

// Refuses some orders, like a CA that is out of service for a while.
class FailingIssuer : public Issuer
{
public:
    explicit FailingIssuer(Issuer &issuer) : m_issuer(issuer) {}
    QString name() const override { return m_issuer.name(); }
    QList<QByteArray> chain() const override { return m_issuer.chain(); }
    IssuedCertificate issue(const IssueOrder &order, const Task &task) override
    {
        if (order.serial.endsWith(u'7'))
            throw Fault("issuer.sign");
        if (meanwhile)
            meanwhile();
        return m_issuer.issue(order, task);
    }
    void checkHealth() const override {}
    std::function<void()> meanwhile;

private:
    Issuer &m_issuer;
};

} // namespace

class TestIdentityIssue : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_shop = std::make_unique<Workshop>();
        m_issuer = m_shop->issuer();
        m_journal = Journal::open(m_shop->path("journal.db"), nullptr);
    }
    void cleanup()
    {
        m_journal.reset();
        m_issuer.reset();
        m_shop.reset();
    }

    void onRecord()
    {
        const IssueOrder order = Workshop::order(serialAt(1));
        IssueRecord record;
        record.run = QStringLiteral("run-1");
        const IssuedCertificate issued = issueRecorded(*m_journal, *m_issuer, order, record, Task{});
        JournalReader reader(m_journal->path());
        QVERIFY(reader.openIntents().empty());
        const auto entries = reader.entries({});
        QStringList kinds;
        for (const Entry &entry : entries)
            kinds << entry.kind;
        QCOMPARE(kinds,
                 (QStringList{QStringLiteral("intent"), QStringLiteral("certificate"), QStringLiteral("outcome")}));
        const QCborMap body = entries[1].body;
        QCOMPARE(entries[1].device, order.serial);
        QCOMPARE(entries[1].run, QStringLiteral("run-1"));
        QCOMPARE(body.value(QStringLiteral("der")).toByteArray(), issued.der);
        QCOMPARE(body.value(QStringLiteral("certificate-serial")).toString(), issued.certificateSerial);
        QCOMPARE(body.value(QStringLiteral("mode")).toString(), QStringLiteral("production"));
        const auto known = reader.certificatesOf(Mode::Production, order.serial);
        QCOMPARE(known.size(), 1u);
        QCOMPARE(known[0].mudUrl, order.mudUrl);
        QCOMPARE(known[0].notAfter, QStringLiteral("99991231235959Z"));
        QCOMPARE(known[0].sha256, QString::fromLatin1(issued.sha256.toHex()));
    }

    void nothingTwice()
    {
        const KeyPtr key = newTestKey();
        const IssueOrder first = Workshop::order(serialAt(1), key.get());
        const IssuedCertificate issued = issueRecorded(*m_journal, *m_issuer, first, {}, Task{});
        const auto again = [&](const IssueOrder &order, const IssueRecord &record = {}) {
            return faultOf([&] { (void)issueRecorded(*m_journal, *m_issuer, order, record, Task{}); });
        };
        QCOMPARE(again(Workshop::order(serialAt(1))), QByteArray("identity.duplicate-serial"));
        QCOMPARE(again(first), QByteArray("identity.duplicate-serial"));
        QCOMPARE(again(Workshop::order(serialAt(2), key.get())), QByteArray("identity.duplicate-key"));
        IssueOrder sameNumber = Workshop::order(serialAt(3));
        sameNumber.certificateSerial = QByteArray::fromHex(issued.certificateSerial.toLatin1());
        QCOMPARE(again(sameNumber), QByteArray("identity.number-used"));
        // Training has serial numbers of its own, but no key of production.
        IssueRecord training;
        training.mode = Mode::Training;
        QCOMPARE(again(Workshop::order(serialAt(1)), training), QByteArray());
        QCOMPARE(again(Workshop::order(serialAt(4), key.get()), training), QByteArray("identity.duplicate-key"));
        // Also after the journal was closed and opened again.
        m_journal.reset();
        m_journal = Journal::open(m_shop->path("journal.db"), nullptr);
        QCOMPARE(again(Workshop::order(serialAt(1))), QByteArray("identity.duplicate-serial"));
        QCOMPARE(again(Workshop::order(serialAt(2), key.get())), QByteArray("identity.duplicate-key"));
    }

    void issuerFails()
    {
        FailingIssuer failing(*m_issuer);
        const IssueOrder order = Workshop::order(serialAt(7));
        QCOMPARE(faultOf([&] { (void)issueRecorded(*m_journal, failing, order, {}, Task{}); }),
                 QByteArray("issuer.sign"));
        JournalReader reader(m_journal->path());
        QVERIFY(reader.openIntents().empty());
        QVERIFY(reader.certificatesOf(Mode::Production, order.serial).empty());
        QCOMPARE(faultOf([&] { (void)issueRecorded(*m_journal, *m_issuer, order, {}, Task{}); }), QByteArray());
    }

    // Between look-up and record, another slot gets there first.
    void overtaken()
    {
        FailingIssuer slow(*m_issuer);
        bool once = true;
        slow.meanwhile = [&] {
            if (std::exchange(once, false))
                (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(1)), {}, Task{});
        };
        QCOMPARE(faultOf([&] { (void)issueRecorded(*m_journal, slow, Workshop::order(serialAt(1)), {}, Task{}); }),
                 QByteArray("identity.duplicate-serial"));
        JournalReader reader(m_journal->path());
        QCOMPARE(reader.certificatesOf(Mode::Production, serialAt(1)).size(), 1u);
        QVERIFY(reader.openIntents().empty());
    }

    void manyThreadsOneSerial()
    {
        std::atomic<int> issued = 0;
        std::atomic<int> refused = 0;
        {
            std::vector<std::jthread> threads;
            for (int t = 0; t < 8; ++t) {
                threads.emplace_back([&] {
                    const QByteArray code = faultOf(
                        [&] { (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(1)), {}, Task{}); });
                    (code.isEmpty() ? issued : refused)++;
                });
            }
        }
        QCOMPARE(issued.load(), 1);
        QCOMPARE(refused.load(), 7);
        QCOMPARE(JournalReader(m_journal->path()).certificatesOf(Mode::Production, serialAt(1)).size(), 1u);
    }

    void batch()
    {
        const KeyPtr key = newTestKey();
        (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(3)), {}, Task{});
        std::vector<IssueOrder> orders;
        for (int i = 0; i < 40; ++i)
            orders.push_back(Workshop::order(serialAt(i)));
        orders[12] = Workshop::order(serialAt(11));            // twice in the batch
        orders[20] = Workshop::order(serialAt(20), key.get()); // one key
        orders[31] = Workshop::order(serialAt(31), key.get()); // for two
        orders[33].serial = serialAt(99);                      // not what the request says
        FailingIssuer issuer(*m_issuer);
        const auto items = issueBatchRecorded(*m_journal, issuer, orders, {}, Task{}, 7);
        QCOMPARE(items.size(), orders.size());
        JournalReader reader(m_journal->path());
        for (int i = 0; i < 40; ++i) {
            const BatchItem &item = items[size_t(i)];
            const QByteArray code = item.fault ? item.fault->code() : "";
            const QByteArray expected = i == 3        ? "identity.duplicate-serial"
                                        : i == 12     ? "identity.duplicate-serial"
                                        : i == 31     ? "identity.duplicate-key"
                                        : i == 33     ? "identity.csr-serial"
                                        : i % 10 == 7 ? "issuer.sign"
                                                      : "";
            QCOMPARE(code, expected);
            QCOMPARE(item.certificate.has_value(), expected.isEmpty());
            if (!item.certificate)
                continue;
            const auto known = reader.certificatesOf(Mode::Production, serialAt(i));
            QCOMPARE(known.size(), 1u);
            QCOMPARE(known[0].der, item.certificate->der);
        }
        QVERIFY(reader.openIntents().empty());
        QVERIFY(issueBatchRecorded(*m_journal, *m_issuer, {}, {}, Task{}).empty());
    }

    // While a batch is being signed, single units are issued into its midst.
    void batchOvertaken()
    {
        FailingIssuer slow(*m_issuer);
        int calls = 0;
        slow.meanwhile = [&] {
            if (++calls == 5)
                (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(6)), {}, Task{});
            if (calls == 14)
                (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(15)), {}, Task{});
        };
        std::vector<IssueOrder> orders;
        for (int i = 0; i < 30; ++i)
            orders.push_back(Workshop::order(serialAt(i == 7 || i == 17 || i == 27 ? 100 + i * 10 : i)));
        const auto items = issueBatchRecorded(*m_journal, slow, orders, {}, Task{}, 8);
        JournalReader reader(m_journal->path());
        for (size_t i = 0; i < items.size(); ++i) {
            const bool taken = i == 6 || i == 15;
            QCOMPARE(items[i].certificate.has_value(), !taken);
            if (taken)
                QVERIFY(items[i].fault->is("identity.duplicate-serial"));
            QCOMPARE(reader.certificatesOf(Mode::Production, orders[i].serial).size(), 1u);
        }
        QVERIFY(reader.openIntents().empty());
    }

    void stopped()
    {
        const auto stop = std::make_unique<std::stop_source>();
        FailingIssuer slow(*m_issuer);
        int calls = 0;
        slow.meanwhile = [&] {
            if (++calls == 5)
                stop->request_stop();
        };
        std::vector<IssueOrder> orders;
        for (int i = 0; i < 20; ++i)
            orders.push_back(Workshop::order(serialAt(i == 7 || i == 17 ? 100 + i * 10 : i)));
        Task task;
        task.stop = stop->get_token();
        const auto items = issueBatchRecorded(*m_journal, slow, orders, {}, task, 4);
        for (size_t i = 0; i < items.size(); ++i) {
            QCOMPARE(items[i].certificate.has_value(), i < 4);
            if (i >= 4)
                QVERIFY(items[i].fault->is("base.stopped"));
        }
        QVERIFY(JournalReader(m_journal->path()).openIntents().empty());
    }

    void revocation()
    {
        const KeyPtr key = newTestKey();
        const IssuedCertificate a =
            issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(1), key.get()), {}, Task{});
        const IssuedCertificate b = issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(2)), {}, Task{});
        const auto revoke = [&](const QString &what, const QString &reason) {
            return faultOf([&] { (void)revokeRecorded(*m_journal, Mode::Production, what, reason); });
        };
        QString sentence;
        QCOMPARE(faultOf(
                     [&] {
                         (void)revokeRecorded(*m_journal, Mode::Production, serialAt(1),
                                              QStringLiteral("keyCompromize"));
                     },
                     &sentence),
                 QByteArray("identity.reason"));
        QVERIFY2(sentence.contains(QLatin1String("keyCompromise")), qPrintable(sentence));
        QCOMPARE(revoke(serialAt(5), QStringLiteral("superseded")), QByteArray("identity.not-issued"));
        QCOMPARE(revokeRecorded(*m_journal, Mode::Production, serialAt(1), QStringLiteral("keyCompromise")),
                 QStringList{a.certificateSerial});
        QCOMPARE(revoke(serialAt(1), QStringLiteral("superseded")), QByteArray("identity.revoked"));
        const QString colons =
            QString::fromLatin1(QByteArray::fromHex(b.certificateSerial.toLatin1()).toHex(':')).toUpper();
        QCOMPARE(revokeRecorded(*m_journal, Mode::Production, colons, QStringLiteral("unspecified")),
                 QStringList{b.certificateSerial});

        // A revoked unit may get a new identity, but never for the old key.
        QCOMPARE(faultOf([&] {
                     (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(1), key.get()), {}, Task{});
                 }),
                 QByteArray("identity.duplicate-key"));
        QCOMPARE(faultOf([&] { (void)issueRecorded(*m_journal, *m_issuer, Workshop::order(serialAt(1)), {}, Task{}); }),
                 QByteArray());

        const QByteArray der = crlFromJournal(*m_journal, *m_issuer);
        const unsigned char *p = reinterpret_cast<const unsigned char *>(der.constData());
        const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> crl(d2i_X509_CRL(nullptr, &p, der.size()),
                                                                      &X509_CRL_free);
        QVERIFY(crl);
        QCOMPARE(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl.get())), 2);
    }

private:
    std::unique_ptr<Workshop> m_shop;
    std::unique_ptr<FileIssuer> m_issuer;
    std::unique_ptr<Journal> m_journal;
};

SLIPWAY_TEST_MAIN(TestIdentityIssue)
#include "tst_identityissue.moc"
