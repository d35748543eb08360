// MUD files as typed structs: what stands where, in which line, and that nothing is lost.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/mud/mudfile.h"
#include "tests/support/testmain.h"

#include <QDir>

using namespace slipway;

namespace {

QByteArray published(const QString &name)
{
    return readFile(QStringLiteral(SLIPWAY_TEST_DATA "/mud/published/") + name, MudFile::MaximumBytes,
                    QStringLiteral("a MUD file"));
}

} // namespace

class TestMudFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void typedTree()
    {
        const MudFile file = MudFile::parse(published(QStringLiteral("29-mudfile-quarantine-test.json")));
        QCOMPARE(file.mudVersion.valueOr(0), quint8(1));
        QCOMPARE(file.mudUrl.valueOr({}), QStringLiteral("https://quarantine-test.nist.local/super1"));
        QCOMPARE(file.mudUrl.line, 5);
        QCOMPARE(file.pathOf(file.mudUrl), QStringLiteral("/ietf-mud:mud/mud-url"));
        QCOMPARE(*file.lastUpdate, QDateTime(QDate(2019, 4, 18), QTime(18, 58, 19), Qt::UTC));
        QCOMPARE(file.cacheValidityHours(), 48);
        QVERIFY(*file.isSupported);
        QCOMPARE(file.fromDevice.accessLists.size(), size_t(1));
        QCOMPARE(*file.fromDevice.accessLists[0].name, QStringLiteral("mud-49859-v4fr"));
        QCOMPARE(file.acls.size(), size_t(2));
        const auto used = file.aclsOf(MudDirection::ToDevice);
        QCOMPARE(used.size(), size_t(1));
        QCOMPARE(used[0], file.acl(u"mud-49859-v4to"));
        QVERIFY(*used[0]->type == MudAclType::Ipv4);
        QCOMPARE(used[0]->aces.size(), size_t(2));
        const MudAce &ace = used[0]->aces[0];
        QCOMPARE(*ace.name, QStringLiteral("cl0-todev"));
        QCOMPARE(*ace.matches.ipv4->sourceDnsName, QStringLiteral("www.nist.local"));
        QCOMPARE(ace.matches.ipv4->pathOf(ace.matches.ipv4->sourceDnsName),
                 QStringLiteral("/ietf-access-control-list:acls/acl[name='mud-49859-v4to']/aces/"
                                "ace[name='cl0-todev']/matches/ipv4/ietf-acldns:src-dnsname"));
        QCOMPARE(ace.matches.ipv4->sourceDnsName.line, 49);
        QCOMPARE(*ace.matches.ip()->protocol, quint8(6));
        QVERIFY(*ace.matches.tcp->directionInitiated == MudDirection::FromDevice);
        QVERIFY(ace.matches.tcp->sourcePort.matches(800));
        QVERIFY(!ace.matches.tcp->sourcePort.matches(801));
        QVERIFY(!ace.matches.tcp->destinationPort.present());
        QVERIFY(ace.matches.tcp->destinationPort.matches(1));
        QVERIFY(*ace.actions.forwarding == MudForwarding::Accept);
        QVERIFY(used[0]->aces[1].matches.terms->localNetworks.valueOr(false));
        QVERIFY(file.quarantine);
        QCOMPARE(file.quarantine->module, QStringLiteral("nist-mud"));
        QCOMPARE(file.quarantine->enabledAces.size(), size_t(2));
        QCOMPARE(*file.quarantine->enabledAces[1].aceName, QStringLiteral("cl0-frdev"));
        QCOMPARE(file.acesNamed(u"cl0-frdev").size(), size_t(1));
        QVERIFY2(file.readFindings.isEmpty(), qPrintable(file.readFindings.value(0).message));
    }

    void publishedFilesAreRead()
    {
        const QDir folder(QStringLiteral(SLIPWAY_TEST_DATA "/mud/published"));
        const QStringList names = folder.entryList({QStringLiteral("*.json")});
        QCOMPARE(names.size(), 20);
        for (const QString &name : names) {
            const MudFile file = MudFile::parse(published(name));
            QVERIFY2(file.mudUrl && !file.acls.empty(), qPrintable(name));
        }
    }
};

SLIPWAY_TEST_MAIN(TestMudFile)
#include "tst_mudfile.moc"
