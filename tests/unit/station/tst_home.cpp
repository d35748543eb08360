#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/identity/issuer.h"
#include "core/station/home.h"
#include "core/station/lamps.h"
#include "core/station/stationconfig.h"
#include "core/station/stationissuer.h"
#include "core/station/stationlock.h"
#include "core/steps/recipechecker.h"
#include "tests/support/testmain.h"
#include "tests/unit/station/fakeline.h"

#include <sys/stat.h>

using namespace slipway;
using namespace Qt::StringLiterals;

class TestHome : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    const QString m_samples = QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples");

    static int accessOf(const QString &path)
    {
        struct stat info = {};
        return ::stat(QFile::encodeName(path).constData(), &info) == 0 ? int(info.st_mode & 0777) : -1;
    }
    template <typename Work> static QString codeOf(Work work)
    {
        try {
            work();
        } catch (const Fault &fault) {
            return QString::fromLatin1(fault.code());
        }
        return {};
    }
    static QString sentenceOf(const QByteArray &yaml)
    {
        try {
            parseStationConfig(yaml, u"s.yaml"_s);
        } catch (const Fault &fault) {
            return fault.sentence();
        }
        return {};
    }

private Q_SLOTS:
    void createsAWholeHome()
    {
        const QString path = m_folder.filePath(u"new/line 1"_s);
        const Home home = Home::create(path, u"Line 1, \"left\""_s, m_samples, {});
        QCOMPARE(home.stationName(), u"Line 1, \"left\""_s);
        QCOMPARE(accessOf(home.path()), 0700);
        QCOMPARE(accessOf(home.file(u"keys"_s)), 0700);
        for (const char *key : {"issuer", "training", "station"})
            QCOMPARE(accessOf(home.file(u"keys/%1.key"_s.arg(QLatin1String(key)))), 0600);
        QVERIFY(QFile::exists(home.file(u"keys/station-ca.pem"_s)));
        QVERIFY(!home.keysEncrypted());
        QCOMPARE(home.recipeNames(), QStringList{u"t1"_s});
        QCOMPARE(home.recipePath(u"t1"_s), home.file(u"recipes/t1.yaml"_s));
        QCOMPARE(home.profiles().names(), QStringList{u"t1"_s});
        QVERIFY(home.openIssuer(Mode::Training)->name().contains(u"TRAINING"));
        QVERIFY(!home.openIssuer(Mode::Production)->name().contains(u"TRAINING"));
        home.openIssuer(Mode::Production)->checkHealth();
        QVERIFY(home.openJournal() != nullptr);
        // Nothing temporary is left beside it.
        QCOMPARE(QDir(m_folder.filePath(u"new"_s)).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot),
                 QStringList{u"line 1"_s});
    }

    void neverTouchesWhatIsThere()
    {
        const QString path = m_folder.filePath(u"twice"_s);
        Home::create(path, u"A"_s, m_samples, {});
        const QByteArray before = readFile(path + u"/keys/issuer.key"_s, 10000, u"a key"_s);
        QCOMPARE(codeOf([&] { Home::create(path, u"B"_s, m_samples, {}); }), u"home.exists"_s);
        QCOMPARE(readFile(path + u"/keys/issuer.key"_s, 10000, u"a key"_s), before);

        const QString other = m_folder.filePath(u"other"_s);
        QDir().mkpath(other);
        writeFile(other + u"/mine.txt"_s, "mine");
        QCOMPARE(codeOf([&] { Home::create(other, u"B"_s, m_samples, {}); }), u"home.occupied"_s);
        QCOMPARE(QDir(other).entryList(QDir::Files), QStringList{u"mine.txt"_s});

        const QString file = m_folder.filePath(u"file"_s);
        writeFile(file, "x");
        QCOMPARE(codeOf([&] { Home::create(file, u"B"_s, m_samples, {}); }), u"home.occupied"_s);

        const QString empty = m_folder.filePath(u"empty"_s);
        QDir().mkpath(empty);
        Home::create(empty, u"C"_s, m_samples, {});
        QVERIFY(Home::exists(empty));
    }

    void leavesNothingHalfMade()
    {
        // A sample that cannot be copied stops it in the middle.
        const QString samples = m_folder.filePath(u"samples"_s);
        QDir().mkpath(samples);
        QFile large(samples + u"/large.bin"_s);
        QVERIFY(large.open(QIODevice::WriteOnly));
        QVERIFY(large.resize(64 * 1024 * 1024));
        large.close();
        const QString inner = m_folder.filePath(u"half"_s);
        QDir().mkpath(inner);
        QCOMPARE(codeOf([&] { Home::create(inner + u"/home"_s, u"A"_s, samples, {}); }), u"home.not-made"_s);
        QVERIFY(QDir(inner).isEmpty(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot));
    }

    void passphrase()
    {
        const QString path = m_folder.filePath(u"secret"_s);
        Home::create(path, u"A"_s, m_samples, "correct horse");
        QVERIFY(Home::open(path).keysEncrypted());
        Home::open(path, "correct horse").openIssuer(Mode::Production)->checkHealth();
        QVERIFY(!codeOf([&] { Home::open(path, "wrong").openIssuer(Mode::Production); }).isEmpty());
        QVERIFY(!codeOf([&] { Home::open(path).openJournal(); }).isEmpty());
    }

    void missingAndDamaged()
    {
        QCOMPARE(codeOf([&] { Home::open(m_folder.filePath(u"nowhere"_s)); }), u"home.missing"_s);
        const QString path = m_folder.filePath(u"damaged"_s);
        Home::create(path, u"A"_s, m_samples, {});
        QFile::remove(path + u"/keys/station.pem"_s);
        QCOMPARE(codeOf([&] { Home::open(path); }), u"home.damaged"_s);
    }

    void recipesByName()
    {
        const QString path = m_folder.filePath(u"recipes"_s);
        const Home home = Home::create(path, u"A"_s, m_samples, {});
        QCOMPARE(home.recipePath(u"t1.yaml"_s), home.file(u"recipes/t1.yaml"_s));
        QCOMPARE(home.recipePath(u"./t1.yaml"_s), u"./t1.yaml"_s);
        try {
            home.recipePath(u"t2"_s);
            QFAIL("a recipe that is not there");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("home.no-recipe"));
            QVERIFY(fault.sentence().contains(u"\"t1\""));
        }
    }

    void config()
    {
        const StationConfig c =
            parseStationConfig("station: 1\nname: L\nattempts: 3\nslots:\n"
                               "  - { port: /dev/a }\n  - { name: x, port: udp:h:1, driver: smp }\n",
                               u"s"_s);
        QCOMPARE(c.attempts, 3);
        QCOMPARE(c.limits.perController, 0);
        const StationConfig limited =
            parseStationConfig("station: 1\nname: L\nlimits: { per-controller: 8, per-hub: 4 }\n", u"s"_s);
        QCOMPARE(limited.limits.perController, 8);
        QCOMPARE(limited.limits.perHub, 4);
        QCOMPARE(c.places.size(), 2);
        QCOMPARE(c.places[0].name, u"1"_s);
        QCOMPARE(c.places[1].driver, u"smp"_s);
        QCOMPARE(parseStationConfig(newStationConfig(u"a \"b\" \\ c: #"_s), u"s"_s).name, u"a \"b\" \\ c: #"_s);
    }

    void firmwareSources()
    {
        const StationConfig c = parseStationConfig("station: 1\nname: L\nfirmware:\n  folders: [ /srv/fw, releases ]\n "
                                                   " urls: [ \"https://h.example/f.json\" ]\n",
                                                   u"s"_s);
        QCOMPARE(c.firmwareFolders, QStringList({u"/srv/fw"_s, u"releases"_s}));
        QCOMPARE(c.firmwareUrls, QStringList{u"https://h.example/f.json"_s});
        QVERIFY(sentenceOf("station: 1\nname: L\nfirmware: { folders: x }\n").contains(u"must be a list"));
        QVERIFY(sentenceOf("station: 1\nname: L\nfirmware: { foldres: [] }\n").contains(u"Did you mean \"folders\"?"));
        QVERIFY(sentenceOf("station: 1\nname: L\nfirmware: { urls: [ [] ] }\n").contains(u"must be a text"));
    }

    void mudInterface()
    {
        QCOMPARE(parseStationConfig("station: 1\nname: L\n", u"s"_s).mudInterface, QString());
        QCOMPARE(parseStationConfig("station: 1\nname: L\nmud: { interface: \"eth{slot}\" }\n", u"s"_s).mudInterface,
                 u"eth{slot}"_s);
        QVERIFY(sentenceOf("station: 1\nname: L\nmud: { interfaces: eth1 }\n").contains(u"\"interface\""));
        QVERIFY(sentenceOf("station: 1\nname: L\nmud: eth1\n").contains(u"\"mud\" must be"));
    }

    // What the issuer's lamp says of lots and quotas.
    void issuerLamp()
    {
        const Home home = Home::create(m_folder.filePath(u"lamps"_s), u"Line 1"_s, m_samples, {});
        const auto issuer = home.openIssuer(Mode::Production);
        const auto lamp = [&](const Stock &stock) {
            const Lamp read = readLamps(home, *issuer, Mode::Production, {}, stock).at(1);
            return (read.state == Lamp::State::Good      ? u"good "_s
                    : read.state == Lamp::State::Caution ? u"caution "_s
                                                         : u"bad "_s) +
                   read.words;
        };
        const auto lot = [](int left, const QString &lastDay = {}, bool closed = false) {
            LotStock lot;
            lot.name = u"lot7"_s;
            lot.total = 500;
            lot.left = left;
            lot.lastDay = lastDay;
            lot.closed = closed;
            return lot;
        };
        Stock stock;
        QCOMPARE(lamp(stock), u"caution key not encrypted"_s);
        stock.lots = {lot(412)};
        QCOMPARE(lamp(stock), u"good lot7: 412 of 500 left"_s);
        stock.lots = {lot(412), lot(49)}; // the worst one
        QCOMPARE(lamp(stock), u"caution lot7: 49 of 500 left"_s);
        stock.lots = {lot(0), lot(49)};
        QCOMPARE(lamp(stock), u"bad lot7 is used up"_s);
        stock.lots = {lot(10, u"2020-12-31"_s)};
        QCOMPARE(lamp(stock), u"bad lot7 ended on 2020-12-31"_s);
        stock.lots = {lot(0, {}, true)};
        QCOMPARE(lamp(stock), u"bad lot7 is closed"_s);
        stock.lotTrouble = u"There is no lot \"x\" here."_s;
        QCOMPARE(lamp(stock), u"bad There is no lot \"x\" here."_s);

        stock = {};
        stock.boundByQuotas = true;
        QCOMPARE(lamp(stock), u"bad no quota"_s);
        QuotaStanding open;
        open.state = QuotaStanding::State::Open;
        open.quota.count = 100;
        open.quota.lastDay = u"2030-12-31"_s;
        open.used = 40;
        open.left = 60;
        stock.quotas = {open};
        QCOMPARE(lamp(stock), u"good quota: 60 of 100 left"_s);
        QuotaStanding over = open;
        over.state = QuotaStanding::State::Over;
        over.quota.lastDay = u"2020-12-31"_s;
        over.left = 0;
        stock.quotas = {open, over}; // it has to go back to the engineer
        QCOMPARE(lamp(stock), u"caution quota ended on 2020-12-31: report it"_s);
        stock.quotas = {over};
        QCOMPARE(lamp(stock), u"bad quota ended on 2020-12-31: report it"_s);
    }

    // An issuer that cannot be opened: nothing tries by itself, and its certificates are there all the same.
    void shutIssuer()
    {
        const Home home = Home::create(m_folder.filePath(u"shut"_s), u"Line 1"_s, m_samples, {});
        int tries = 0;
        StationIssuer issuer(
            [&] {
                if (++tries < 3)
                    throw Fault("issuer.token-pin", {u"factory"_s, u" One try is left."_s});
                return home.openIssuer(Mode::Production);
            },
            home.issuerChain(Mode::Production));
        const auto codeOfHealth = [&] { return codeOf([&] { issuer.checkHealth(); }); };
        QVERIFY(issuer.open()->is("issuer.token-pin"));
        QCOMPARE(codeOfHealth(), u"issuer.shut"_s);
        QVERIFY(!issuer.isRemote() && !issuer.quotas() && issuer.outage().patience.count() == 0);
        QCOMPARE(issuer.chain().size(), 1);
        QCOMPARE(tries, 1); // asking for its health opens nothing
        QVERIFY(issuer.open() && issuer.trouble());
        QVERIFY(!issuer.open() && !issuer.trouble());
        QVERIFY(!issuer.open());
        QCOMPARE(tries, 3);
        QCOMPARE(codeOfHealth(), QString());
        QCOMPARE(issuer.chain(), home.issuerChain(Mode::Production));
    }

    void stationWithAShutIssuer()
    {
        const QString path = m_folder.filePath(u"token"_s);
        Home::create(path, u"Line 1"_s, m_samples, {});
        QFile config(path + u"/station.yaml"_s);
        QVERIFY(config.open(QIODevice::ReadWrite));
        const QByteArray yaml = config.readAll().replace(
            "issuer: file\n", "issuer: { use: \"pkcs11:token=none;object=ca?module-path=/nowhere.so\", certificate: "
                              "keys/issuer.pem }\n");
        config.resize(0);
        config.write(yaml);
        config.close();
        DriverRegistry drivers;
        drivers.add(std::make_unique<test::FakeDriver>(1));
        StationOptions options;
        QCOMPARE(codeOf([&] { (void)Station::open(Home::open(path), drivers, options); }), u"issuer.token-module"_s);
        options.openShut = true;
        const auto station = Station::open(Home::open(path), drivers, options);
        QVERIFY(station->issuerTrouble()->is("issuer.token-module"));
        QCOMPARE(station->lamps().at(1).state, Lamp::State::Bad);
        QCOMPARE(station->lamps().at(1).words, u"shut"_s);
        QVERIFY(station->openIssuer()->is("issuer.token-module"));

        // The line opens with recipes that need the issuer: a person can still open it.
        const QString recipe = path + u"/recipes/test.yaml"_s;
        writeFile(recipe,
                  "slipway: 1\nname: Test recipe\ndevice: { driver: fake, board: t1-rev-b }\nsteps:\n"
                  "  - idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.4.json\" }\n");
        RecipeChecks checks;
        checks.drivers = &drivers;
        QCOMPARE(codeOf([&] { station->loadRecipe(loadRecipe(recipe, checks)); }), QString());
        QCOMPARE(station->recipe()->name, u"Test recipe"_s);
    }

    void badConfig_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        QTest::addColumn<QString>("beginning");
        QTest::addColumn<QString>("contains");
        QTest::newRow("near miss") << QByteArray("station: 1\nnmae: L\n") << u"s.yaml:2:1:"_s << u"\"name\""_s;
        QTest::newRow("twice") << QByteArray("station: 1\nname: L\nname: M\n") << u"s.yaml:3:1:"_s << u"twice"_s;
        QTest::newRow("no name") << QByteArray("station: 1\n") << u"s.yaml:1:1:"_s << u"name"_s;
        QTest::newRow("empty") << QByteArray() << u"s.yaml:"_s << QString();
        QTest::newRow("no YAML") << QByteArray("station: [1\n") << u"s.yaml:"_s << QString();
        QTest::newRow("list") << QByteArray("- a\n") << u"s.yaml:1:1:"_s << QString();
        QTest::newRow("same port") << QByteArray("station: 1\nname: L\nslots: [{port: a}, {port: a}]\n")
                                   << u"s.yaml:3:"_s << u"port a"_s;
        QTest::newRow("no port") << QByteArray("station: 1\nname: L\nslots: [{name: a}]\n") << u"s.yaml:3:"_s
                                 << u"port"_s;
        QTest::newRow("attempts") << QByteArray("station: 1\nname: L\nattempts: 0\n") << u"s.yaml:3:11:"_s << u"1 to"_s;
        QTest::newRow("limits") << QByteArray("station: 1\nname: L\nlimits: { per-controler: 8 }\n")
                                << u"s.yaml:3:11:"_s << u"per-controller"_s;
        QTest::newRow("no limit") << QByteArray("station: 1\nname: L\nlimits: { per-hub: 0 }\n") << u"s.yaml:3:20:"_s
                                  << u"1 to"_s;
        QTest::newRow("deep") << QByteArray(200'000, '[') << u"s.yaml:"_s << QString();
        QTest::newRow("control") << QByteArray("station: 1\nname: \"a\\u0007b\"\n") << u"s.yaml:2:"_s << QString();
    }
    void badConfig()
    {
        QFETCH(QByteArray, yaml);
        QFETCH(QString, beginning);
        QFETCH(QString, contains);
        const QString sentence = sentenceOf(yaml);
        QVERIFY2(sentence.startsWith(beginning), qPrintable(sentence));
        QVERIFY2(sentence.contains(contains), qPrintable(sentence));
    }

    void oneProgramAtATime()
    {
        const QString path = m_folder.filePath(u"locked"_s);
        QDir().mkpath(path);
        {
            const StationLock first(path);
            QCOMPARE(codeOf([&] { StationLock second(path); }), u"station.busy"_s);
        }
        const StationLock again(path);
    }
};

SLIPWAY_TEST_MAIN(TestHome)
#include "tst_home.moc"
