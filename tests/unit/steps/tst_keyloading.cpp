// The five ways to a key against a real journal, a real issuer and a device with real keys; and keys that were lost on
// their way.

#include "core/codec/espsecurecert.h"
#include "core/codec/nvspartition.h"
#include "core/codec/pem.h"
#include "core/identity/check.h"
#include "core/identity/privatekey.h"
#include "core/identity/signingkey.h"
#include "core/steps/keyloading.h"
#include "core/steps/lotpair.h"
#include "tests/support/espfiles.h"
#include "tests/support/fakecontext.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QSet>

#include <sqlite3.h>

#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const Fault silent("base.timeout", {QStringLiteral("The device")});
constexpr qsizetype flashSize = 64 * 1024;
constexpr quint32 certificatesAt = 0xd000, dataAt = 0x9000, keysAt = 0xc000;

RecipeStep step(const QString &key, const QString &more = {}, const QString &folder = u"/"_s)
{
    return stepFrom(
        u"idevid: { profile: t1, key: %1, mud-url: \"https://mud.example/t1/1.4.json\"%2 }"_s.arg(key, more), folder);
}

struct Row {
    QString method, transfer, revokedReason, serial;
};
QList<Row> certificates(FakeContext &context)
{
    QList<Row> rows;
    context.journal().transact([&](Journal::Transaction &transaction) {
        sqlite3_stmt *statement = nullptr;
        sqlite3_prepare_v2(transaction.handle(),
                           "SELECT method, transfer, coalesce(revoked_reason, ''), certificate_serial FROM "
                           "certificate ORDER BY entry",
                           -1, &statement, nullptr);
        const auto text = [&](int column) {
            return QString::fromUtf8(reinterpret_cast<const char *>(sqlite3_column_text(statement, column)));
        };
        while (sqlite3_step(statement) == SQLITE_ROW)
            rows << Row{text(0), text(1), text(2), text(3)};
        sqlite3_finalize(statement);
    });
    return rows;
}

void writeTo(const QString &name, const QByteArray &content)
{
    QFile file(name);
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(content) == content.size());
}

// A chip in its loader, with a partition table.
void makeChip(FakeDevice &device)
{
    device.lacks = {Capability::Keys, Capability::Firmware, Capability::Blobs};
    device.flashAt = 0;
    device.flash = QByteArray(flashSize, '\xff');
    const QByteArray table = espPartitions(
        {{u"nvs"_s, 1, 2, dataAt, 0x3000, false, false},
         {u"nvs_keys"_s, 1, 4, keysAt, 0x1000, true, false},
         {QString::fromLatin1(EspSecureCert::PartitionName), 0x3f, 0, certificatesAt, 0x2000, false, false}});
    device.flash->replace(0x8000, table.size(), table);
}

// An issuer that is waited for: it notes until when.
class SlowIssuer : public Issuer
{
public:
    explicit SlowIssuer(Issuer &issuer) : m_issuer(issuer) {}
    QString name() const override { return m_issuer.name(); }
    QList<QByteArray> chain() const override { return m_issuer.chain(); }
    void checkHealth() const override {}
    OutagePolicy outage() const override { return {std::chrono::minutes(10), {}, {}}; }
    IssuedCertificate issue(const IssueOrder &order, const Task &task) override
    {
        left = task.deadline.remaining();
        return m_issuer.issue(order, task);
    }
    std::chrono::milliseconds left{0};

private:
    Issuer &m_issuer;
};

class WaitingContext : public FakeContext
{
public:
    explicit WaitingContext(FakeDevice &device) : FakeContext(device), slow(FakeContext::issuer()) {}
    Issuer &issuer() override { return slow; }
    SlowIssuer slow;
};

QString serialAt(int number)
{
    return u"T1-%1"_s.arg(number, 8, 10, QChar(u'0'));
}

// Pairs for units 7, 8, ... of a lot that the station made; or certificates for the requests that are given.
void makeLot(FakeContext &context, const QString &name, int count, const QList<QByteArray> &requests = {},
             const QString &lastDay = {})
{
    std::vector<IssueOrder> orders;
    beginLot(context.journal(), context.mode(), name, u"t1"_s, requests.isEmpty(), lastDay);
    const QString folder = context.folder.filePath(u"lots/"_s + name);
    std::optional<KeyLot> keys;
    if (requests.isEmpty())
        keys = KeyLot::create(folder, "secret");
    for (int i = 0; i < count; ++i) {
        IssueOrder order;
        order.profile = context.profiles().find(u"t1"_s);
        order.mudUrl = u"https://mud.example/t1/1.4.json"_s;
        order.serial = serialAt(7 + i);
        order.request = keys ? keys->makePair(u"P-256"_s, order.serial) : CertificateRequest::parse(requests[i]);
        orders.push_back(order);
    }
    IssueRecord record;
    record.batch = name;
    record.method = u"bamboo"_s;
    for (const BatchItem &item : issueBatchRecorded(context.journal(), context.issuer(), orders, record, Task{}))
        QVERIFY(item.certificate);
}

QString stateIn(FakeContext &context, const QString &lot, int unit)
{
    for (const LotItem &item : lotRecorded(context.journal(), context.mode(), lot).items) {
        if (item.serial == serialAt(unit))
            return item.state;
    }
    return {};
}

// As a lot has been left by a run of the unit on that device.
void hardware(FakeDevice &device, const QString &id)
{
    device.said.hardwareId = id;
    device.said.serial.clear();
}

} // namespace

class TestKeyLoading : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void injects()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        QCOMPARE(device.chain.size(), 2);
        QCOMPARE(device.calls(u"keys.generate"_s), 0);
        // In, proved, and only then issued and written, and proved again.
        const QStringList wanted{u"keys.read"_s,    u"intend identity.inject"_s, u"keys.load"_s, u"keys.sign"_s,
                                 u"outcome done"_s, u"intend identity.write"_s,  u"keys.write"_s};
        QCOMPARE(device.order.first(wanted.size()), wanted);
        QCOMPARE(device.order.last(), u"keys.sign"_s);
        const auto rows = certificates(context);
        QCOMPARE(rows.size(), 1);
        QCOMPARE(rows[0].method, u"bamboo"_s);
        QCOMPARE(rows[0].transfer, u"infrastructure-generated, mechanically-transferred"_s);
        QCOMPARE(context.facts.value(u"key-loading"_s),
                 u"bamboo, infrastructure-generated, mechanically-transferred"_s);
        // Again: nothing new.
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        QCOMPARE(device.calls(u"keys.load"_s), 1);
        QCOMPARE(certificates(context).size(), 1);
    }

    void networkIsRecorded()
    {
        FakeDevice device;
        struct Remote : FakeContext {
            using FakeContext::FakeContext;
            QString port() const override { return u"udp:127.0.0.1:1337"_s; }
        } context(device);
        QCOMPARE(context.codeOf(step(u"on-device"_s)), QString());
        QCOMPARE(certificates(context)[0].transfer, u"device-generated, network-transferred"_s);
    }

    // Cut while the key was on its way: nothing was issued, and the next try makes another key.
    void injectionCut_data()
    {
        QTest::addColumn<bool>("arrived");
        QTest::newRow("before") << false;
        QTest::newRow("after") << true;
    }
    void injectionCut()
    {
        QFETCH(bool, arrived);
        FakeDevice device;
        FakeContext context(device);
        device.failCall(u"keys.load"_s, 1, silent, arrived ? FakeDevice::When::After : FakeDevice::When::Before);
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"base.timeout"_s);
        QCOMPARE(certificates(context).size(), 0);
        QCOMPARE(context.outcomes.last().state, u"not-done"_s);
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        QCOMPARE(certificates(context).size(), 1);
        QVERIFY(context.intents[0].second.value(u"public-key"_s) != context.intents[1].second.value(u"public-key"_s));
    }

    void injectionNotTaken()
    {
        FakeDevice device;
        device.makeKey();
        device.losesKeys = true;
        FakeContext context(device);
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"idevid.possession"_s);
        QCOMPARE(certificates(context).size(), 0);
        device.takesKeys = false;
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"device.lacks"_s);
    }

    // The certificate was on record, its writing was cut, and the device lost the key: a new key, and the old
    // certificate is revoked. Where the writing had ended well, it is somebody's identity and stays.
    void lostAfterIssue()
    {
        FakeDevice device;
        FakeContext context(device);
        device.failCall(u"keys.write"_s, 1, silent);
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"base.timeout"_s);
        QCOMPARE(certificates(context).size(), 1);
        device.makeKey();
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        const auto rows = certificates(context);
        QCOMPARE(rows.size(), 2);
        QCOMPARE(rows[0].revokedReason, u"superseded"_s);
        QCOMPARE(rows[1].revokedReason, QString());
        QCOMPARE(context.facts.value(u"never-delivered"_s), rows[0].serial);
        // Delivered now: a second device with this serial number gets nothing.
        device.chain.clear();
        device.makeKey();
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"identity.duplicate-serial"_s);
        QCOMPARE(certificates(context).size(), 2);
    }

    void cutAfterIssueKeepsCertificate()
    {
        FakeDevice device;
        FakeContext context(device);
        device.failCall(u"keys.write"_s, 1, silent);
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"base.timeout"_s);
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        const auto rows = certificates(context);
        QCOMPARE(rows.size(), 1);
        QCOMPARE(device.calls(u"keys.load"_s), 1);
    }

    void reconcilesInjection()
    {
        FakeDevice device;
        FakeContext context(device);
        const PrivateKey key = PrivateKey::generate();
        Evidence evidence;
        evidence.serial = context.unit;
        const QCborMap detail{{u"public-key"_s, key.publicKeyDer()}};
        QCOMPARE(reconcileInjection(detail, evidence).state, u"unknown"_s);
        evidence.device = &device;
        device.makeKey();
        QCOMPARE(reconcileInjection(detail, evidence).state, u"not-done"_s);
        device.keys()->load(key.pkcs8(), {});
        QCOMPARE(reconcileInjection(detail, evidence).state, u"done"_s);
        device.failAlways(u"keys.sign"_s, silent);
        QCOMPARE(reconcileInjection(detail, evidence).state, u"unknown"_s);
    }

    void derives()
    {
        FakeDevice device;
        FakeContext context(device);
        const QByteArray seed(32, '\x5c');
        QCOMPARE(context.codeOf(step(u"derived"_s)), u"identity.no-seed"_s);
        context.seedTable = std::make_shared<const SeedTable>(
            SeedTable::parse(SecretBytes::copyOf("# seeds\nT1-00000007 " + seed.toHex() + "\n")));
        QCOMPARE(context.codeOf(step(u"derived"_s)), u"device.lacks"_s);
        device.seed = QByteArray(32, '\x5d');
        QCOMPARE(context.codeOf(step(u"derived"_s)), u"idevid.derivation"_s);
        QCOMPARE(certificates(context).size(), 0);
        device.seed = seed;
        QCOMPARE(context.codeOf(step(u"derived"_s)), QString());
        QCOMPARE(certificates(context)[0].method, u"carrot"_s);
        QCOMPARE(certificates(context)[0].transfer, u"device/infrastructure-co-generated, mechanically-transferred"_s);
        // The certificate was lost, the key comes again by itself.
        device.chain.clear();
        device.makeKey();
        QCOMPARE(context.codeOf(step(u"derived"_s)), QString());
        QCOMPARE(certificates(context).size(), 1);
    }

    void seedTable()
    {
        const auto codeOf = [](const QByteArray &text) {
            try {
                SeedTable::parse(SecretBytes::copyOf(text));
            } catch (const Fault &fault) {
                return QString::fromLatin1(fault.code());
            }
            return QString();
        };
        const QByteArray seed = QByteArray(64, 'a');
        QCOMPARE(codeOf(seed + '\n'), QString());
        QCOMPARE(codeOf("A " + seed + "\r\nB\t" + seed), QString());
        for (const QByteArray &bad : {QByteArray(), QByteArray("# nothing\n"), QByteArray("A abcd\n"), seed.left(62),
                                      seed + "z", "A " + seed + "\nA " + seed, seed + "\nA " + seed, "A B " + seed})
            QCOMPARE(codeOf(bad), u"identity.seeds"_s);
    }

    void inElement()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(step(u"secure-element"_s)), u"device.lacks"_s);
        device.element = Keys::Element{u"ATECC608B"_s, u"slot 0"_s, {}};
        QCOMPARE(context.codeOf(step(u"secure-element"_s)), QString());
        QCOMPARE(certificates(context)[0].method, u"salak"_s);
        QCOMPARE(context.facts.value(u"key-element"_s), u"ATECC608B"_s);
        QCOMPARE(context.facts.value(u"key-handle"_s), u"slot 0"_s);
        QCOMPARE(context.facts.value(u"key-attestation"_s), u"none"_s);
    }

    void elementAttested()
    {
        FakeDevice device;
        FakeContext context(device);
        const QString folder = context.folder.path();
        const QByteArray anchor = context.issuer().chain().last();
        writeTo(folder + u"/vendor.pem"_s, certificateToPem(anchor));
        const RecipeStep judged = step(u"secure-element"_s, u", element-anchors: vendor.pem"_s, folder);
        device.element = Keys::Element{u"ATECC608B"_s, u"slot 0"_s, {}};
        QCOMPARE(context.codeOf(judged), u"idevid.attestation"_s);
        device.element->attestation = "no certificate";
        QCOMPARE(context.codeOf(judged), u"idevid.attestation"_s);
        QCOMPARE(certificates(context).size(), 0);
        device.element->attestation = certificateToPem(anchor);
        QCOMPARE(context.codeOf(judged), QString());
        QVERIFY(context.facts.value(u"key-attestation"_s).contains(u"trusted vendor"_s));
        QVERIFY(context.recorded(u"attestation"_s));
    }

    // An identity of a vendor: issued by another station's CA here.
    void preloaded()
    {
        FakeDevice device;
        FakeContext vendor(device, u"T1-00000099"_s);
        FakeContext context(device);
        const QString folder = context.folder.path();
        writeTo(folder + u"/vendor.pem"_s, certificateToPem(vendor.issuer().chain().last()));
        writeTo(folder + u"/other.pem"_s, certificateToPem(context.issuer().chain().last()));
        const auto preloaded = [&](const QString &anchors) {
            return stepFrom(u"idevid: { profile: t1, key: preloaded, vendor-anchors: %1 }"_s.arg(anchors), folder);
        };
        QCOMPARE(context.codeOf(preloaded(u"vendor.pem"_s)), u"idevid.no-vendor-identity"_s);
        QCOMPARE(vendor.codeOf(step(u"on-device"_s)), QString());
        const QList<QByteArray> chain = device.chain;
        QCOMPARE(context.codeOf(preloaded(u"other.pem"_s)), u"idevid.vendor"_s);
        device.signsWithOtherKey = true;
        QCOMPARE(context.codeOf(preloaded(u"vendor.pem"_s)), u"idevid.possession"_s);
        QCOMPARE(certificates(context).size(), 0);
        device.signsWithOtherKey = false;
        QCOMPARE(context.codeOf(preloaded(u"vendor.pem"_s)), QString());
        QCOMPARE(device.chain, chain);
        const auto rows = certificates(context);
        QCOMPARE(rows.size(), 1);
        QCOMPARE(rows[0].method, u"sapodilla"_s);
        QCOMPARE(rows[0].transfer, u"delivered inside the chip"_s);
        QCOMPARE(context.facts.value(u"vendor-serial"_s), u"T1-00000099"_s);
        // Again, and as another unit.
        QCOMPARE(context.codeOf(preloaded(u"vendor.pem"_s)), QString());
        QCOMPARE(certificates(context).size(), 1);
        context.unit = u"T1-00000008"_s;
        QCOMPARE(context.codeOf(preloaded(u"vendor.pem"_s)), u"identity.duplicate-key"_s);
    }

    void intoPartition()
    {
        FakeDevice device;
        makeChip(device);
        FakeContext context(device);
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        const QByteArray bytes = device.flashAsWritten().mid(certificatesAt, 0x2000);
        const EspSecureCert partition = EspSecureCert::parse(bytes);
        QCOMPARE(partition.defects(), QStringList());
        const auto *certificate = partition.find(EspSecureCert::DeviceCertificate);
        const auto *authority = partition.find(EspSecureCert::CaCertificate);
        QVERIFY(certificate && authority && partition.find(EspSecureCert::PrivateKey));
        const QByteArray der = fromPem(bytes.mid(certificate->offset, certificate->size), "CERTIFICATE").value(0);
        QCOMPARE(fromPem(bytes.mid(authority->offset, authority->size), "CERTIFICATE").value(0),
                 context.issuer().chain().first());
        QCOMPARE(certificateFacts(der).subjectSerial, u"T1-00000007"_s);
        const auto rows = certificates(context);
        QCOMPARE(rows.size(), 1);
        QCOMPARE(rows[0].transfer, u"infrastructure-generated, mechanically-installed"_s);
        QVERIFY(context.facts.value(u"possession"_s).contains(u"the device has not signed"_s));
        QVERIFY(!device.started);
        // Again: it stays.
        QCOMPARE(context.codeOf(step(u"injected"_s, u", start: true"_s)), QString());
        QCOMPARE(device.calls(u"memory.write"_s), 1);
        QCOMPARE(certificates(context).size(), 1);
        QVERIFY(device.started);
        // Another unit's chip.
        context.unit = u"T1-00000008"_s;
        context.variables.set(u"serial"_s, context.unit);
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"idevid.other-unit"_s);
    }

    // The time that an issuer may take is not the device's, whichever way the key goes.
    void waitsForTheIssuer_data()
    {
        QTest::addColumn<bool>("partition");
        QTest::newRow("a device that holds keys") << false;
        QTest::newRow("a partition") << true;
    }
    void waitsForTheIssuer()
    {
        QFETCH(bool, partition);
        FakeDevice device;
        if (partition)
            makeChip(device);
        WaitingContext context(device);
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        QVERIFY2(context.slow.left > std::chrono::minutes(9), "the step's own time was all that it had");
    }

    // Power went in the middle of the writing, after the certificate was on record.
    void partitionCut_data() { injectionCut_data(); }
    void partitionCut()
    {
        QFETCH(bool, arrived);
        FakeDevice device;
        makeChip(device);
        FakeContext context(device);
        device.failCall(u"memory.write"_s, 1, silent, arrived ? FakeDevice::When::After : FakeDevice::When::Before);
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"base.timeout"_s);
        QCOMPARE(certificates(context).size(), 1);
        QCOMPARE(context.codeOf(step(u"injected"_s)), QString());
        const auto rows = certificates(context);
        QCOMPARE(rows.size(), 2);
        QCOMPARE(rows[0].revokedReason, u"superseded"_s);
        QCOMPARE(rows[1].revokedReason, QString());
        // A chip that came with something else.
        device.flash->replace(certificatesAt, 0x2000, QByteArray(0x2000, '\xff'));
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"identity.duplicate-serial"_s);
    }

    void ofALot()
    {
        FakeDevice device;
        FakeContext context(device);
        makeLot(context, u"lot7"_s, 2);
        const RecipeStep ofLot = step(u"injected"_s, u", lot: lot7"_s);
        QCOMPARE(lotStock(context.journal(), context.mode(), u"lot7"_s).left, 2);
        QCOMPARE(context.codeOf(ofLot), QString());
        QCOMPARE(device.chain.size(), 2);
        QCOMPARE(certificateFacts(device.chain[0]).subjectSerial, u"T1-00000007"_s);
        QCOMPARE(certificates(context).size(), 2); // nothing was issued
        QCOMPARE(context.facts.value(u"lot"_s), u"lot7"_s);
        QCOMPARE(stateIn(context, u"lot7"_s, 7), u"used"_s);
        QCOMPARE(stateIn(context, u"lot7"_s, 8), u"waiting"_s);
        QCOMPARE(lotStock(context.journal(), context.mode(), u"lot7"_s).left, 1);
        QCOMPARE(QDir(context.folder.filePath(u"lots/lot7"_s)).entryList({u"*.p7m"_s}).size(), 1);
        // Again: nothing is taken. Another device with that serial number: nothing is given twice.
        QCOMPARE(context.codeOf(ofLot), QString());
        QCOMPARE(device.calls(u"keys.load"_s), 1);
        device.chain.clear();
        device.makeKey();
        QCOMPARE(context.codeOf(ofLot), u"identity.lot-bound"_s);
        QCOMPARE(device.calls(u"keys.load"_s), 1);
        // A unit that the lot has nothing for; then nobody.
        context.unit = serialAt(9);
        context.variables.set(u"serial"_s, context.unit);
        QCOMPARE(context.codeOf(ofLot), u"identity.lot-none"_s);
        bindPair(context.journal(), context.mode(), u"lot7"_s, serialAt(8));
        QCOMPARE(context.codeOf(ofLot), u"identity.lot-spent"_s);
    }

    // Cut while the key was on its way: only the very same device gets it again.
    void lotCut_data() { injectionCut_data(); }
    void lotCut()
    {
        QFETCH(bool, arrived);
        FakeDevice device, other;
        hardware(device, u"02-00-5e-10-00-00-00-01"_s);
        hardware(other, u"02-00-5e-10-00-00-00-02"_s);
        FakeContext context(device);
        makeLot(context, u"lot7"_s, 1);
        const RecipeStep ofLot = step(u"injected"_s, u", lot: lot7"_s);
        device.failCall(u"keys.load"_s, 1, silent, arrived ? FakeDevice::When::After : FakeDevice::When::Before);
        QCOMPARE(context.codeOf(ofLot), u"base.timeout"_s);
        QCOMPARE(stateIn(context, u"lot7"_s, 7), u"bound"_s);
        QCOMPARE(lotStock(context.journal(), context.mode(), u"lot7"_s).left, 0);
        for (const QString &id : {u"02-00-5e-10-00-00-00-02"_s, QString(), u"00-00-00-00-00-00-00-00"_s}) {
            FakeDevice changed; // under the same serial number
            hardware(changed, id);
            struct Elsewhere : FakeContext {
                FakeContext &first;
                Elsewhere(FakeDevice &device, FakeContext &context) : FakeContext(device), first(context) {}
                Journal &journal() override { return first.journal(); }
                Issuer &issuer() override { return first.issuer(); }
                KeyLot openKeyLot(const QString &lot) override { return first.openKeyLot(lot); }
            } next(changed, context);
            QCOMPARE(next.codeOf(ofLot), u"identity.lot-bound"_s);
            QCOMPARE(changed.calls(u"keys.load"_s), 0);
        }
        QCOMPARE(context.codeOf(ofLot), QString());
        QCOMPARE(stateIn(context, u"lot7"_s, 7), u"used"_s);
        QCOMPARE(device.calls(u"keys.load"_s), arrived ? 1 : 2);
        QCOMPARE(certificates(context).size(), 1);
    }

    void lotRefused()
    {
        FakeDevice device;
        FakeContext context(device);
        const auto code = [&](const QString &more, const QString &key = u"injected"_s) {
            return context.codeOf(step(key, u", "_s + more));
        };
        QCOMPARE(code(u"lot: lot7"_s), u"identity.lot-unknown"_s);
        makeLot(context, u"lot7"_s, 1);
        QCOMPARE(code(u"lot: lot7"_s, u"on-device"_s), u"identity.lot-kind"_s);
        beginLot(context.journal(), context.mode(), u"other"_s, u"t2"_s, true);
        QCOMPARE(code(u"lot: other"_s), u"identity.lot-profile"_s);
        QDir(context.folder.filePath(u"lots/lot7"_s)).removeRecursively();
        QCOMPARE(code(u"lot: lot7"_s), u"identity.lot-missing"_s);
        closeLot(context.journal(), context.mode(), u"lot7"_s, u"cessationOfOperation"_s);
        QCOMPARE(code(u"lot: lot7"_s), u"identity.lot-closed"_s);
        makeLot(context, u"old"_s, 1, {}, u"2020-12-31"_s);
        QCOMPARE(code(u"lot: old"_s), u"identity.lot-over"_s);
        QCOMPARE(device.order.filter(u"keys."_s), QStringList()); // the device was never touched
    }

    // The device made the request; only the certificate is bound.
    void lotOfRequests()
    {
        FakeDevice device;
        FakeContext context(device);
        device.makeKey();
        makeLot(context, u"lot8"_s, 1, {device.keys()->request(serialAt(7), {})});
        const RecipeStep ofLot = step(u"on-device"_s, u", lot: lot8"_s);
        device.failCall(u"keys.write"_s, 1, silent);
        QCOMPARE(context.codeOf(ofLot), u"base.timeout"_s);
        QCOMPARE(stateIn(context, u"lot8"_s, 7), u"waiting"_s); // given back
        QCOMPARE(lotStock(context.journal(), context.mode(), u"lot8"_s).left, 1);
        QCOMPARE(context.codeOf(ofLot), QString());
        QCOMPARE(stateIn(context, u"lot8"_s, 7), u"used"_s);
        QCOMPARE(lotStock(context.journal(), context.mode(), u"lot8"_s).left, 0);
        QCOMPARE(device.calls(u"keys.generate"_s), 0);
        device.chain.clear();
        device.makeKey();
        QCOMPARE(context.codeOf(ofLot), u"identity.lot-other-key"_s);
    }

    void lotIntoPartition()
    {
        FakeDevice device;
        makeChip(device);
        hardware(device, u"24-6f-28-aa-bb-cc"_s);
        FakeContext context(device);
        makeLot(context, u"lot7"_s, 1);
        const RecipeStep ofLot = step(u"injected"_s, u", lot: lot7"_s);
        device.failCall(u"memory.write"_s, 1, silent, FakeDevice::When::After);
        QCOMPARE(context.codeOf(ofLot), u"base.timeout"_s);
        QCOMPARE(stateIn(context, u"lot7"_s, 7), u"bound"_s);
        hardware(device, u"24-6f-28-aa-bb-cd"_s);
        QCOMPARE(context.codeOf(ofLot), u"identity.lot-bound"_s);
        hardware(device, u"24-6f-28-aa-bb-cc"_s);
        QCOMPARE(context.codeOf(ofLot), QString());
        QCOMPARE(stateIn(context, u"lot7"_s, 7), u"used"_s);
        QCOMPARE(certificates(context).size(), 1);
        const QByteArray bytes = device.flashAsWritten().mid(certificatesAt, 0x2000);
        const auto *key = EspSecureCert::parse(bytes).find(EspSecureCert::PrivateKey);
        QVERIFY(key);
        writeTo(context.folder.filePath(u"k.pem"_s), bytes.mid(key->offset, key->size - 1));
        QCOMPARE(QCryptographicHash::hash(PrivateKey::open(context.folder.filePath(u"k.pem"_s)).publicKeyDer(),
                                          QCryptographicHash::Sha256),
                 certificateFacts(lotRecorded(context.journal(), context.mode(), u"lot7"_s).items[0].certificate)
                     .publicKeySha256);
    }

    void reconcilesBinding()
    {
        FakeDevice device;
        FakeContext context(device);
        makeLot(context, u"lot7"_s, 1);
        LotTaker taker;
        taker.run = context.run;
        const BoundPair pair = bindPair(context.journal(), context.mode(), u"lot7"_s, serialAt(7), taker);
        Evidence evidence;
        evidence.serial = context.unit;
        evidence.journal = &context.journal();
        const QCborMap detail{{u"batch"_s, u"lot7"_s},
                              {u"certificate-sha256"_s, certificateFacts(pair.certificate).sha256}};
        QCOMPARE(reconcileBinding(detail, evidence).state, u"partial"_s);
        evidence.device = &device;
        device.makeKey();
        QCOMPARE(reconcileBinding(detail, evidence).state, u"partial"_s);
        device.keys()->load(
            PrivateKey::fromPkcs8(context.openKeyLot(u"lot7"_s).unseal(pair.publicKeySha256), u"it"_s).pkcs8(), {});
        QCOMPARE(reconcileBinding(detail, evidence).state, u"done"_s);
    }

    // Two programs with the same journal: every pair goes to one of them, every serial number is given once.
    void twoStationsOneLot()
    {
        constexpr int count = 40;
        FakeDevice device;
        FakeContext context(device);
        makeLot(context, u"lot7"_s, count);
        const auto second = Journal::open(context.journal().path(), nullptr);
        std::array<QStringList, 2> bound, given;
        const auto work = [&](int who, Journal &journal) {
            for (int i = 0; i < count; ++i) {
                try {
                    LotTaker taker;
                    taker.hardware = u"station %1"_s.arg(who);
                    bound[size_t(who)] << bindPair(journal, Mode::Production, u"lot7"_s, serialAt(7 + i), taker).serial;
                } catch (const Fault &fault) {
                    if (!fault.is("identity.lot-bound"))
                        throw;
                }
            }
        };
        const auto number = [&](int who, Journal &journal) {
            try {
                for (;;)
                    given[size_t(who)] << takeSerialOfLot(journal, Mode::Production, u"fresh"_s, {});
            } catch (const Fault &fault) {
                if (!fault.is("identity.lot-spent"))
                    throw;
            }
        };
        {
            const std::jthread other([&] { work(1, *second); });
            work(0, context.journal());
        }
        const QStringList all = bound[0] + bound[1];
        QCOMPARE(all.size(), count);
        QCOMPARE(QSet<QString>(all.begin(), all.end()).size(), count);
        closeLot(context.journal(), context.mode(), u"lot7"_s, u"superseded"_s);
        makeLot(context, u"fresh"_s, count);
        {
            const std::jthread other([&] { number(1, *second); });
            number(0, context.journal());
        }
        const QStringList numbers = given[0] + given[1];
        QCOMPARE(numbers.size(), count);
        QCOMPARE(QSet<QString>(numbers.begin(), numbers.end()).size(), count);
    }

    void partitionNotThere()
    {
        FakeDevice device;
        makeChip(device);
        FakeContext context(device);
        device.flash->fill('\xff');
        QCOMPARE(context.codeOf(step(u"injected"_s)), u"idevid.no-partition"_s);
        QCOMPARE(context.codeOf(step(u"injected"_s, u", at: 0xd001"_s)), u"idevid.partition"_s);
        QCOMPARE(certificates(context).size(), 0);
        device.canCompare = false;
        QCOMPARE(context.codeOf(step(u"injected"_s, u", at: 0xd000"_s)), u"flash.unverified"_s);
        device.canCompare = true;
        QCOMPARE(context.codeOf(step(u"injected"_s, u", at: 0xd000"_s)), QString());
    }

    void factoryData()
    {
        FakeDevice device;
        makeChip(device);
        FakeContext context(device);
        const QString folder = context.folder.path();
        writeTo(folder + u"/factory.csv"_s, "key,type,encoding,value\nfactory,namespace,,\nserial,data,string,${serial}"
                                            "\nsecret,data,string,hunter2-hunter2\n");
        QCOMPARE(context.codeOf(stepFrom(u"factory-data: { csv: factory.csv }"_s, folder)), QString());
        NvsPartition plain = NvsPartition::parse(device.flashAsWritten().mid(dataAt, 0x3000));
        QCOMPARE(plain.find(u"factory"_s, u"serial"_s)->value, QByteArray("T1-00000007\0", 12));
        QCOMPARE(context.codeOf(stepFrom(u"factory-data: { csv: factory.csv, encrypt: nvs_keys }"_s, folder)),
                 QString());
        QVERIFY(NvsPartition::parse(device.flashAsWritten().mid(dataAt, 0x3000)).sealed);
        const NvsKeys keys = NvsKeys::read(device.flashAsWritten().mid(keysAt, 0x1000));
        const NvsPartition opened = NvsPartition::parse(device.flashAsWritten().mid(dataAt, 0x3000), &keys);
        QCOMPARE(opened.items.size(), 2);
        const auto *artifact = context.recorded(u"artifact"_s);
        QVERIFY(artifact && !QCborValue(artifact->body).toCbor().contains("hunter2"));
        writeTo(folder + u"/file.csv"_s, "key,type,encoding,value\nf,namespace,,\na,file,binary,factory.csv\n");
        QCOMPARE(context.codeOf(stepFrom(u"factory-data: { csv: file.csv }"_s, folder)), u"codec.nvs-line"_s);
    }

    void checkerRefuses()
    {
        const auto refused = [](const QString &yaml) {
            try {
                stepFrom(yaml);
            } catch (const Fault &fault) {
                return fault.sentence();
            }
            return QString();
        };
        QVERIFY(refused(u"idevid: { profile: t1, key: stolen }"_s).contains(u"stolen"_s));
        QVERIFY(refused(u"idevid: { profile: t1, key: preloaded }"_s).contains(u"vendor-anchors"_s));
        const StepKind *kind = stepKind(u"idevid"_s);
        const auto lacking = [kind](const QString &key, const QSet<Capability> &able) {
            return kind->lacking({{u"key"_s, key}}, able);
        };
        const QSet<Capability> keys{Capability::Keys};
        QCOMPARE(lacking(u"on-device"_s, keys), QStringList());
        QCOMPARE(lacking(u"preloaded"_s, keys), QStringList());
        QCOMPARE(lacking(u"injected"_s, keys), QStringList{u"key-injection"_s});
        QCOMPARE(lacking(u"derived"_s, keys), QStringList{u"key-derivation"_s});
        QCOMPARE(lacking(u"secure-element"_s, keys), QStringList{u"key-element"_s});
        QCOMPARE(lacking(u"injected"_s, {Capability::Memory}), QStringList());
        QCOMPARE(lacking(u"derived"_s, {Capability::Memory}), (QStringList{u"key-derivation"_s, u"keys"_s}));
    }
};

SLIPWAY_TEST_MAIN(TestKeyLoading)
#include "tst_keyloading.moc"
