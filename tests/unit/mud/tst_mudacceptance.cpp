// Which later MUD URLs are taken (draft-ietf-iotops-mud-acceptable-urls): the rule, the signer, redirections, and the
// way of a product from URL to URL.

#include "core/base/fault.h"
#include "core/mud/mudacceptance.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

const QString hello = u"https://example.com/hello/there/file.json"_s;
const QString toaster = u"https://example.com/household/products/mudfiles/toaster.json"_s;
const QString model = u"https://example.com/mudfiles/toasters/model1945/mud.json"_s;

MudSigner::Ca ca(const QByteArray &name)
{
    return {u"CN="_s + QString::fromLatin1(name), "ski-" + name, "key-" + name};
}

MudStanding standing(const QString &canonical, QStringList used = {})
{
    MudStanding out;
    out.root = out.canonical = canonical;
    out.used = used << canonical;
    out.signer = MudSigner{u"CN=Signer"_s, {ca("old")}};
    return out;
}

} // namespace

class TestMudAcceptance : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void offered_data()
    {
        QTest::addColumn<QString>("canonical");
        QTest::addColumn<QString>("offered");
        QTest::addColumn<QString>("outcome");
        const auto row = [](const char *name, const QString &canonical, const QString &offered,
                            const QString &outcome) { QTest::newRow(name) << canonical << offered << outcome; };
        const QString base = u"https://example.com/hello/there/"_s;
        row("another last segment", hello, base + u"revision2.json"_s, u"accept"_s);
        row("the same", hello, hello, u"refetch"_s);
        row("a segment less", hello, u"https://example.com/hello/file.json"_s, u"reject"_s);
        row("a segment more", hello, base + u"v2/file.json"_s, u"reject"_s);
        row("a folder with the same beginning", hello, u"https://example.com/hello/there2/file.json"_s, u"reject"_s);
        row("another host", hello, u"https://example.net/hello/there/file.json"_s, u"reject"_s);
        row("another port", hello, u"https://example.com:8443/hello/there/file.json"_s, u"reject"_s);
        row("http", hello, u"http://example.com/hello/there/file.json"_s, u"reject"_s);
        row("an empty last segment", hello, base, u"accept"_s);
        row("dot segments", hello, base + u"../there/x.json"_s, u"accept"_s);
        row("encoded slashes", hello, base + u"..%2f..%2fevil.json"_s, u"reject"_s);
        row("host in upper case", hello, u"https://EXAMPLE.com/hello/there/x.json"_s, u"accept"_s);
        row("user information", hello, u"https://user@example.com/hello/there/x.json"_s, u"reject"_s);
        row("a fragment", hello, base + u"x.json#f"_s, u"reject"_s);
        row("a query", hello, base + u"x.json?v=2"_s, u"reject"_s);
        row("the stepping stone", toaster, u"https://example.com/household/products/mudfiles/toaster0.json"_s,
            u"accept"_s);
        row("far away at once", toaster, model, u"reject"_s);
        // Not in the draft: the same traps in other clothes.
        row("encoded dots", hello, base + u"%2e%2e/there/x.json"_s, u"accept"_s);
        row("encoded dots that lead elsewhere", hello, base + u"%2e%2E/x.json"_s, u"reject"_s);
        row("dot segments beyond the top", hello, u"https://example.com/../../hello/there/x.json"_s, u"accept"_s);
        row("dot segment last", hello, base + u"."_s, u"accept"_s);
        row("dot dot last", hello, base + u".."_s, u"reject"_s);
        row("an encoded backslash", hello, base + u"..%5cevil.json"_s, u"reject"_s);
        row("an empty segment", hello, u"https://example.com/hello//there/x.json"_s, u"reject"_s);
        row("the default port", hello, u"https://example.com:443/hello/there/file.json"_s, u"refetch"_s);
        row("needless encoding", hello, u"https://example.com/h%65llo/there/file.json"_s, u"refetch"_s);
        row("path in upper case", hello, u"https://example.com/Hello/there/file.json"_s, u"reject"_s);
        row("a dot behind the host", hello, u"https://example.com./hello/there/x.json"_s, u"reject"_s);
        row("an IDN", hello, u"https://exämple.com/hello/there/x.json"_s, u"reject"_s);
        row("nothing", hello, u""_s, u"reject"_s);
        row("300 octets", hello, base + QString(300, u'a'), u"reject"_s);
        row("no path at all", u"https://example.com/file.json"_s, u"https://example.com"_s, u"accept"_s);
        row("the same query", u"https://example.com/a/m?p=1"_s, u"https://example.com/a/n?p=1"_s, u"accept"_s);
    }
    void offered()
    {
        QFETCH(QString, canonical);
        QFETCH(QString, offered);
        QFETCH(QString, outcome);
        const MudJudgement out = judgeMudUrl(standing(canonical), offered);
        QCOMPARE(toString(out.outcome), outcome);
        QVERIFY(!out.sentence.isEmpty());
        QVERIFY(!out.clause.isEmpty());
        QCOMPARE(out.accepted(), outcome == u"accept" || outcome == u"refetch");
    }

    void firstOneHasNothingToCompareWith()
    {
        QVERIFY(judgeMudUrl({}, hello).outcome == MudOutcome::Accept);
        QVERIFY(judgeMudUrl({}, u"http://x/"_s).outcome == MudOutcome::Reject);
    }

    void canonicalMustBeOne()
    {
        QVERIFY_THROWS_EXCEPTION(Fault, judgeMudUrl(standing(u"http://example.com/a"_s), hello));
    }

    // From the toaster's first URL by a big change to its model's, and not back again.
    void wayOfAProduct()
    {
        MudStanding now =
            mudStandingAfter({}, toaster, toaster, MudSigner{u"CN=Signer"_s, {ca("old")}}, MudUrlSource::IDevId);
        QCOMPARE(now.root, toaster);
        const QString zero = u"https://example.com/household/products/mudfiles/toaster0.json"_s;
        QVERIFY(judgeMudUrl(now, zero).outcome == MudOutcome::Accept);
        now = mudStandingAfter(now, zero, model, now.signer, MudUrlSource::Dhcp);
        QCOMPARE(now.canonical, model);
        QVERIFY(now.source == MudUrlSource::IDevId);
        QCOMPARE(now.used, (QStringList{toaster, zero, model}));
        const QString second = u"https://example.com/mudfiles/toasters/model1945/mud2.json"_s;
        QVERIFY(judgeMudUrl(now, second).outcome == MudOutcome::Accept);
        now = mudStandingAfter(now, second, second, now.signer, MudUrlSource::Dhcp);
        // The first URL: elsewhere, and used before.
        const MudJudgement back = judgeMudUrl(now, toaster);
        QVERIFY(back.outcome == MudOutcome::Reject);
        QVERIFY(back.rollback);
        // The one before: near enough, and used before.
        const MudJudgement older = judgeMudUrl(now, u"https://EXAMPLE.com/mudfiles/toasters/model1945/mud.json"_s);
        QVERIFY(older.outcome == MudOutcome::Rollback);
        QVERIFY(older.rollback);
        QVERIFY(!older.accepted());
        // The canonical one stands among the used ones, and is no rollback.
        QVERIFY(judgeMudUrl(now, second).outcome == MudOutcome::Refetch);
    }

    void signer_data()
    {
        QTest::addColumn<QString>("subject");
        QTest::addColumn<QList<QByteArray>>("cas");
        QTest::addColumn<QString>("outcome");
        QTest::addColumn<int>("warnings");
        QTest::newRow("the same") << u"CN=Signer"_s << QList<QByteArray>{"old"} << u"accept"_s << 0;
        QTest::newRow("another subject, same authority")
            << u"CN=Other"_s << QList<QByteArray>{"old"} << u"reject"_s << 0;
        QTest::newRow("a new authority under the old one")
            << u"CN=Signer"_s << QList<QByteArray>{"new", "old"} << u"accept"_s << 1;
        QTest::newRow("an unrelated authority") << u"CN=Signer"_s << QList<QByteArray>{"new"} << u"reject"_s << 0;
        QTest::newRow("nobody") << u"CN=Signer"_s << QList<QByteArray>{} << u"reject"_s << 0;
        QTest::newRow("another subject, new authority under the old one")
            << u"CN=Other"_s << QList<QByteArray>{"new", "old"} << u"reject"_s << 0;
    }
    void signer()
    {
        QFETCH(QString, subject);
        QFETCH(QList<QByteArray>, cas);
        QFETCH(QString, outcome);
        QFETCH(int, warnings);
        MudSigner signer{subject, {}};
        for (const QByteArray &name : cas)
            signer.cas << ca(name);
        const MudJudgement out = judgeMudSigner(standing(hello), signer);
        QCOMPARE(toString(out.outcome), outcome);
        QCOMPARE(out.warnings.size(), warnings);
    }

    // A key identifier can be written into any certificate; the key cannot.
    void sameIdentifierIsNotTheSameAuthority()
    {
        MudSigner signer{u"CN=Signer"_s, {ca("old")}};
        signer.cas[0].keySha256 = "another";
        QVERIFY(judgeMudSigner(standing(hello), signer).outcome == MudOutcome::Reject);
    }

    void authorityIsPinnedAnew()
    {
        const MudSigner moving{u"CN=Signer"_s, {ca("new"), ca("old")}}, moved{u"CN=Signer"_s, {ca("new")}};
        MudStanding now = standing(hello);
        QVERIFY(judgeMudSigner(now, moved).outcome == MudOutcome::Reject);
        now = mudStandingAfter(now, hello, hello, moving, MudUrlSource::Typed);
        QVERIFY(judgeMudSigner(now, moved).outcome == MudOutcome::Accept);
        now = mudStandingAfter(now, hello, hello, moved, MudUrlSource::Typed);
        QVERIFY(judgeMudSigner(now, MudSigner{u"CN=Signer"_s, {ca("old")}}).outcome == MudOutcome::Reject);
    }

    void firstSignerIsTakenAndSaidSo()
    {
        const MudJudgement out = judgeMudSigner({}, MudSigner{u"CN=Signer"_s, {ca("old")}});
        QVERIFY(out.outcome == MudOutcome::Accept);
        QCOMPARE(out.warnings.size(), 1);
    }

    void redirection()
    {
        QVERIFY(judgeMudRedirect(toaster, u"https://mud.example/household/products/mudfiles/toaster.json"_s).outcome ==
                MudOutcome::Reject);
        QVERIFY(judgeMudRedirect(toaster, u"https://example.com/elsewhere.json"_s).outcome == MudOutcome::Accept);
        QVERIFY(judgeMudRedirect(toaster, u"http://example.com/elsewhere.json"_s).outcome == MudOutcome::Reject);
        QVERIFY(judgeMudRedirect(toaster, u"https://example.com:8443/x"_s).outcome == MudOutcome::Reject);
    }

    void polling()
    {
        QCOMPARE(mudPollInterval(std::nullopt, 48), std::chrono::seconds(48h));
        QCOMPARE(mudPollInterval(10s, 1), std::chrono::seconds(1h));
        QCOMPARE(mudPollInterval(24h * 400, 1), std::chrono::seconds(24h * 30));
        QCOMPARE(mudPollInterval(100h, 1), std::chrono::seconds(100h));
        QCOMPARE(mudPollInterval(1h, 1000), std::chrono::seconds(168h));
    }

    void advice()
    {
        QVERIFY(mudUrlAdvice(hello).isEmpty());
        QCOMPARE(mudUrlAdvice(u"https://example.com/file.json"_s).size(), 1);
        QCOMPARE(mudUrlAdvice(u"https://example.com/a/b?c"_s).size(), 1);
        QCOMPARE(mudUrlAdvice(u"https://EXAMPLE.com/a/"_s).size(), 2);
    }

    void sourcesInWords()
    {
        for (const auto source :
             {MudUrlSource::IDevId, MudUrlSource::Label, MudUrlSource::Typed, MudUrlSource::Dhcp, MudUrlSource::Lldp}) {
            QVERIFY(mudUrlSourceFromString(toString(source)) == source);
            QVERIFY(!meaningOf(source).isEmpty());
        }
        QVERIFY(!mudUrlSourceFromString(u"pigeon"));
    }
};

SLIPWAY_TEST_MAIN(TestMudAcceptance)
#include "tst_mudacceptance.moc"
