// Passports: the JSON keeps to its published schema and to the journal's hashes, the PDF is one, training is marked;
// and the exports and the copy.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/journal/chain.h"
#include "core/journal/export.h"
#include "core/journal/passport.h"
#include "core/journal/verify.h"
#include "tests/support/testmain.h"
#include "tests/unit/journal/journalfixture.h"

#include <QGuiApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>

#include <thread>

using namespace slipway;
using namespace slipway::test;

namespace {

// As much of JSON Schema as passport-schema.json uses; an unknown keyword is an error.
class Schema
{
public:
    explicit Schema(QJsonObject root) : m_root(std::move(root)) {}

    QStringList check(const QJsonValue &value)
    {
        return m_errors.clear(), check(value, m_root, QStringLiteral("$")), m_errors;
    }

private:
    void wrong(const QString &where, const QString &what) { m_errors << where + QStringLiteral(": ") + what; }

    static bool isType(const QJsonValue &value, const QString &type)
    {
        if (type == u"integer")
            return value.isDouble() && value.toDouble() == double(qint64(value.toDouble()));
        return (type == u"object" && value.isObject()) || (type == u"array" && value.isArray()) ||
               (type == u"string" && value.isString()) || (type == u"number" && value.isDouble()) ||
               (type == u"boolean" && value.isBool());
    }

    void check(const QJsonValue &value, const QJsonObject &schema, const QString &where)
    {
        static const QStringList known = {
            QStringLiteral("$schema"),    QStringLiteral("$id"),      QStringLiteral("$defs"),
            QStringLiteral("$ref"),       QStringLiteral("title"),    QStringLiteral("description"),
            QStringLiteral("type"),       QStringLiteral("enum"),     QStringLiteral("const"),
            QStringLiteral("pattern"),    QStringLiteral("minimum"),  QStringLiteral("items"),
            QStringLiteral("properties"), QStringLiteral("required"), QStringLiteral("additionalProperties")};
        for (const QString &key : schema.keys()) {
            if (!known.contains(key))
                wrong(where, QStringLiteral("unknown keyword ") + key);
        }
        if (schema.contains(QStringLiteral("$ref"))) {
            const QString name = schema.value(QStringLiteral("$ref")).toString().section(u'/', -1);
            const QJsonObject defs = m_root.value(QStringLiteral("$defs")).toObject();
            if (!defs.contains(name))
                wrong(where, QStringLiteral("no definition ") + name);
            check(value, defs.value(name).toObject(), where);
        }
        const QString type = schema.value(QStringLiteral("type")).toString();
        if (!type.isEmpty() && !isType(value, type))
            return wrong(where, QStringLiteral("is no ") + type);
        if (schema.contains(QStringLiteral("enum")) && !schema.value(QStringLiteral("enum")).toArray().contains(value))
            wrong(where, QStringLiteral("is none of the values"));
        if (schema.contains(QStringLiteral("const")) && schema.value(QStringLiteral("const")) != value)
            wrong(where, QStringLiteral("is not the value"));
        if (schema.contains(QStringLiteral("minimum")) &&
            value.toDouble() < schema.value(QStringLiteral("minimum")).toDouble())
            wrong(where, QStringLiteral("is too small"));
        const QRegularExpression pattern(schema.value(QStringLiteral("pattern")).toString());
        if (!pattern.pattern().isEmpty() && !pattern.match(value.toString()).hasMatch())
            wrong(where, QStringLiteral("does not match ") + pattern.pattern());
        if (value.isArray() && schema.contains(QStringLiteral("items"))) {
            const QJsonArray array = value.toArray();
            for (qsizetype i = 0; i < array.size(); ++i)
                check(array.at(i), schema.value(QStringLiteral("items")).toObject(),
                      where + QStringLiteral("[%1]").arg(i));
        }
        if (!value.isObject())
            return;
        const QJsonObject object = value.toObject();
        const QJsonObject properties = schema.value(QStringLiteral("properties")).toObject();
        for (const QJsonValue &name : schema.value(QStringLiteral("required")).toArray()) {
            if (!object.contains(name.toString()))
                wrong(where, QStringLiteral("lacks ") + name.toString());
        }
        for (const QString &name : object.keys()) {
            if (properties.contains(name))
                check(object.value(name), properties.value(name).toObject(), where + u'.' + name);
            else if (schema.value(QStringLiteral("additionalProperties")) == QJsonValue(false))
                wrong(where, QStringLiteral("has ") + name);
        }
    }

    QJsonObject m_root;
    QStringList m_errors;
};

// Enough for a second page, with a near miss and a failure.
void writeLongRun(Journal &journal, const QString &serial)
{
    const auto t = [](const char *text) { return QString::fromUtf8(text); };
    const QString run = QStringLiteral("long-run");
    const auto add = [&](const char *kind, const QCborMap &body) { journal.append({t(kind), run, serial, body}); };
    add("run.begun",
        {{t("recipe"), t("Thermostat T1, end-of-line check with a rather long name that has to be broken")},
         {t("mode"), t("production")}});
    for (int i = 0; i < 24; ++i) {
        const bool last = i == 23;
        const double value = last ? 3.52 : 3.21 + 0.008 * i;
        add("measurement", {{t("index"), i},
                            {t("name"), QStringLiteral("rail %1").arg(i)},
                            {t("value"), value},
                            {t("unit"), t("V")},
                            {t("low"), 3.2},
                            {t("high"), 3.4},
                            {t("marginal"), i > 20 && !last},
                            {t("verdict"), last ? t("FAIL") : t("PASS")}});
        add("step.ended",
            {{t("index"), i},
             {t("step"), t("measure")},
             {t("name"), QStringLiteral("Rail %1").arg(i)},
             {t("verdict"), last ? t("FAIL") : t("PASS")},
             {t("seconds"), 0.3},
             {t("sentence"), last ? t("Rail 23 measured 3.52 V, which is above its limit of 3.4 V.") : QString()}});
    }
    add("run.ended",
        {{t("verdict"), t("FAIL")}, {t("seconds"), 9.5}, {t("sentence"), t("Rail 23 is out of its limits.")}});
}

const QString serialA = QStringLiteral("T1-00000001");

} // namespace

class TestPassport : public QObject
{
    Q_OBJECT

    std::unique_ptr<Fixture> m_fixture;
    const PassportIssue m_issue{QStringLiteral("Hall 2, line 1"), QStringLiteral("slipway 0.1.0"), {}};

    QJsonObject passport(const QString &serial, std::optional<Mode> mode = {}) const
    {
        JournalReader reader(m_fixture->path());
        return makePassport(reader, JournalVerifier::fromFile(m_fixture->path(QStringLiteral("keys/station.pem"))),
                            mode, serial, m_issue);
    }

    static QStringList schemaErrors(const QJsonObject &passport)
    {
        Schema schema(
            QJsonDocument::fromJson(readFile(QStringLiteral(SLIPWAY_SOURCE_DIR "/core/journal/passport-schema.json"),
                                             1 << 20, QStringLiteral("a schema")))
                .object());
        return schema.check(QJsonDocument::fromJson(passportBytes(passport)).object());
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_fixture = std::make_unique<Fixture>();
        const auto journal = m_fixture->open();
        writeRun(*journal, serialA, QStringLiteral("FAIL"));
        writeRun(*journal, QStringLiteral("T1-00000002"));
        writeRun(*journal, serialA);
        writeRun(*journal, QStringLiteral("T1-00000003"), QStringLiteral("PASS"), QStringLiteral("training"));
        writeRun(*journal, serialA, QStringLiteral("FAIL"), QStringLiteral("training"));
        journal->append({QStringLiteral("run.begun"),
                         QStringLiteral("r-9"),
                         QStringLiteral("=1+2/..\\x"),
                         {{QStringLiteral("mode"), QStringLiteral("production")}}});
        journal->append({QStringLiteral("step.begun"),
                         QStringLiteral("r-9"),
                         QStringLiteral("=1+2/..\\x"),
                         {{QStringLiteral("step"), QStringLiteral("flash")}}});
        writeLongRun(*journal, QStringLiteral("T1-00000005"));
    }

    void keepsToItsSchema_data()
    {
        QTest::addColumn<QString>("serial");
        QTest::newRow("whole") << serialA;
        QTest::newRow("training") << QStringLiteral("T1-00000003");
        QTest::newRow("interrupted") << QStringLiteral("=1+2/..\\x");
    }

    void keepsToItsSchema()
    {
        QFETCH(QString, serial);
        const QStringList errors = schemaErrors(passport(serial));
        QVERIFY2(errors.isEmpty(), qPrintable(errors.join(u'\n')));
        QVERIFY(!schemaErrors(QJsonObject{{QStringLiteral("format"), QStringLiteral("other")}}).isEmpty());
    }

    void holdsEverythingAboutTheUnit()
    {
        const QJsonObject made = passport(serialA);
        QCOMPARE(made.value(QStringLiteral("mode")).toString(), QStringLiteral("production"));
        QCOMPARE(made.value(QStringLiteral("runs")).toArray().size(), 2);
        QCOMPARE(made.value(QStringLiteral("entries")).toArray().size(), 26); // and none of the training run
        QCOMPARE(made.value(QStringLiteral("certificates")).toArray().size(), 2);
        QCOMPARE(
            made.value(QStringLiteral("acts")).toArray().at(0).toObject().value(QStringLiteral("state")).toString(),
            QStringLiteral("done"));
        const QJsonObject device = made.value(QStringLiteral("device")).toObject();
        QCOMPARE(device.value(QStringLiteral("verdict")).toString(), QStringLiteral("PASS"));
        QCOMPARE(device.value(QStringLiteral("mud-url")).toString(), QStringLiteral("https://mud.example/t1/1.4.json"));
        QCOMPARE(device.value(QStringLiteral("facts")).toObject().value(QStringLiteral("board")).toString(),
                 QStringLiteral("t1-rev-b"));
        QVERIFY(!made.contains(QStringLiteral("note")));
    }

    // A unit that failed its assembly is no good unit because another recipe passed it.
    void theWorstOpenVerdictStandsOnTop_data()
    {
        QTest::addColumn<QStringList>("runs"); // "recipe verdict", first to last
        QTest::addColumn<QString>("verdict");
        QTest::addColumn<QString>("recipe"); // of the run on top
        QTest::addColumn<int>("recipes");
        const QString assembly = QStringLiteral("Final-assembly");
        const QString id = QStringLiteral("Id-only");
        const auto ran = [](const QString &recipe, const char *verdict) {
            return recipe + u' ' + QLatin1String(verdict);
        };
        const QString pass = QStringLiteral("PASS"), fail = QStringLiteral("FAIL");
        QTest::newRow("failed, then another recipe")
            << QStringList{ran(assembly, "FAIL"), ran(id, "PASS")} << fail << assembly << 2;
        QTest::newRow("repaired") << QStringList{ran(assembly, "FAIL"), ran(id, "PASS"), ran(assembly, "PASS")} << pass
                                  << assembly << 2;
        QTest::newRow("both good") << QStringList{ran(assembly, "PASS"), ran(id, "PASS")} << pass << id << 2;
        QTest::newRow("one recipe") << QStringList{ran(assembly, "FAIL"), ran(assembly, "PASS")} << pass << assembly
                                    << 1;
        QTest::newRow("not ended") << QStringList{ran(assembly, ""), ran(id, "PASS")} << QString() << assembly << 2;
        QTest::newRow("unknown before an error")
            << QStringList{ran(assembly, "UNKNOWN"), ran(id, "ERROR")} << QStringLiteral("UNKNOWN") << assembly << 2;
        QTest::newRow("stopped") << QStringList{ran(id, "STOPPED"), ran(assembly, "PASS")} << QStringLiteral("STOPPED")
                                 << id << 2;
    }

    void theWorstOpenVerdictStandsOnTop()
    {
        QFETCH(QStringList, runs);
        QFETCH(QString, verdict);
        QFETCH(QString, recipe);
        QFETCH(int, recipes);
        Fixture fixture;
        {
            const auto journal = fixture.open();
            int number = 0;
            for (const QString &words : runs) {
                const QString run = QStringLiteral("run-%1").arg(++number);
                journal->append({QStringLiteral("run.begun"),
                                 run,
                                 serialA,
                                 {{QStringLiteral("recipe"), words.section(u' ', 0, 0)},
                                  {QStringLiteral("mode"), QStringLiteral("production")}}});
                if (!words.section(u' ', 1).isEmpty())
                    journal->append({QStringLiteral("run.ended"),
                                     run,
                                     serialA,
                                     {{QStringLiteral("verdict"), words.section(u' ', 1)},
                                      {QStringLiteral("sentence"), QStringLiteral("That is how it went.")}}});
            }
        }
        JournalReader reader(fixture.path());
        const QJsonObject made = makePassport(
            reader, JournalVerifier::fromFile(fixture.path(QStringLiteral("keys/station.pem"))), {}, serialA, m_issue);
        const QStringList errors = schemaErrors(made);
        QVERIFY2(errors.isEmpty(), qPrintable(errors.join(u'\n')));
        const QJsonObject device = made.value(QStringLiteral("device")).toObject();
        QCOMPARE(device.value(QStringLiteral("verdict")).toString(), verdict);
        QCOMPARE(device.value(QStringLiteral("recipes")).toArray().size(), recipes);
        const QString top = device.value(QStringLiteral("verdict-run")).toString();
        const QString shown = runs.at(top.section(u'-', 1).toInt() - 1);
        QCOMPARE(shown.section(u' ', 0, 0), recipe);
        QCOMPARE(shown.section(u' ', 1), verdict);

        const QString path = fixture.path(QStringLiteral("verdict.pdf"));
        writePassportPdf(made, path);
        const ToolResult text =
            runTool(QStringLiteral("pdftotext"), {QStringLiteral("-layout"), path, QStringLiteral("-")});
        if (text.status < 0)
            QSKIP("pdftotext is not installed");
        const QString page = QString::fromUtf8(text.out);
        const QString headline =
            page.section(QStringLiteral("Last verdict of each recipe"), 0, 0).section(QStringLiteral("All runs"), 0, 0);
        QVERIFY2(headline.contains(verdict.isEmpty() ? QStringLiteral("NOT ENDED") : verdict), qPrintable(headline));
        QCOMPARE(page.contains(QStringLiteral("Last verdict of each recipe")), recipes > 1);
        if (recipes > 1)
            QVERIFY2(headline.contains(recipe) && (verdict == u"PASS" || !headline.contains(QStringLiteral("PASS"))),
                     qPrintable(headline));
    }

    void hashesCanBeComputedFromIt()
    {
        EntryHasher hasher;
        JournalReader reader(m_fixture->path());
        for (const QJsonValue &value : passport(serialA).value(QStringLiteral("entries")).toArray()) {
            const QJsonObject e = value.toObject();
            const auto utf8 = [&e](const char *key) { return e.value(QLatin1String(key)).toString().toUtf8(); };
            QCOMPARE(hasher(e.value(QStringLiteral("entry")).toInteger(), utf8("at"), utf8("kind"), utf8("run"),
                            utf8("device"), QByteArray::fromHex(utf8("body-cbor")), QByteArray::fromHex(utf8("prev")))
                         .toHex(),
                     utf8("hash"));
        }
        const QJsonObject point =
            passport(serialA).value(QStringLiteral("chain")).toObject().value(QStringLiteral("checkpoint")).toObject();
        const JournalVerifier verifier = JournalVerifier::fromFile(m_fixture->path(QStringLiteral("keys/station.pem")));
        QVERIFY(verifier.verify(
            checkpointMessage(point.value(QStringLiteral("entry")).toInteger(),
                              point.value(QStringLiteral("at")).toString().toUtf8(),
                              QByteArray::fromHex(point.value(QStringLiteral("hash")).toString().toLatin1())),
            QByteArray::fromHex(point.value(QStringLiteral("signature")).toString().toLatin1())));
    }

    void trainingIsMarked()
    {
        QVERIFY(
            passport(QStringLiteral("T1-00000003")).value(QStringLiteral("note")).toString().startsWith(u"TRAINING"));
        const QJsonObject made = passport(serialA, Mode::Training);
        QCOMPARE(made.value(QStringLiteral("mode")).toString(), QStringLiteral("training"));
        QCOMPARE(made.value(QStringLiteral("runs")).toArray().size(), 1);
        QCOMPARE(made.value(QStringLiteral("certificates")).toArray().size(), 1);
    }

    void unknownUnitIsNamed()
    {
        try {
            passport(QStringLiteral("T1-00000004"));
            QFAIL("no fault");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("journal.no-unit"));
            QVERIFY(fault.sentence().contains(QStringLiteral("Did you mean \"T1-0000000")));
        }
    }

    void fileNamesAreSafe()
    {
        QCOMPARE(passportFileName(QStringLiteral("T1-00000001")), QStringLiteral("T1-00000001"));
        QCOMPARE(passportFileName(QStringLiteral("../etc/x y")), QStringLiteral("_.._etc_x_y"));
        QCOMPARE(passportFileName({}), QStringLiteral("_"));
    }

    // The pictures are left in the build folder to be looked at.
    void pdfSaysWhatTheRecordSays_data()
    {
        QTest::addColumn<QString>("serial");
        QTest::addColumn<QStringList>("words");
        QTest::newRow("pass") << serialA << QStringList{QStringLiteral("T1-00000001"),
                                                        QStringLiteral("PASS"),
                                                        QStringLiteral("https://mud.example/t1/1.4.json"),
                                                        QStringLiteral("1.4.2+7"),
                                                        QStringLiteral("3.281 V"),
                                                        QStringLiteral("Acme Device CA 3 (file)")};
        QTest::newRow("training") << QStringLiteral("T1-00000003") << QStringList{QStringLiteral("TRAINING")};
        QTest::newRow("interrupted") << QStringLiteral("=1+2/..\\x") << QStringList{QStringLiteral("NOT ENDED")};
        QTest::newRow("two pages") << QStringLiteral("T1-00000005")
                                   << QStringList{QStringLiteral("FAIL"), QStringLiteral("Page 1 of 2"),
                                                  QStringLiteral("Page 2 of 2"), QStringLiteral("MARGINAL")};
    }

    void pdfSaysWhatTheRecordSays()
    {
        QFETCH(QString, serial);
        QFETCH(QStringList, words);
        const QString path = m_fixture->path(QStringLiteral("%1.pdf").arg(QLatin1String(QTest::currentDataTag())));
        writePassportPdf(passport(serial), path);
        const ToolResult text =
            runTool(QStringLiteral("pdftotext"), {QStringLiteral("-layout"), path, QStringLiteral("-")});
        if (text.status < 0)
            QSKIP("pdftotext is not installed");
        QCOMPARE(text.status, 0);
        for (const QString &word : words)
            QVERIFY2(QString::fromUtf8(text.out).contains(word), qPrintable(word));
        if (const QString folder = qEnvironmentVariable("SLIPWAY_KEEP"); !folder.isEmpty())
            QFile::copy(path, folder + u'/' + QLatin1String(QTest::currentDataTag()) + QStringLiteral(".pdf"));
    }

    void csvAndJson()
    {
        const QString folder = m_fixture->path(QStringLiteral("csv"));
        QVERIFY(exportCsv(m_fixture->path(), folder) > 60);
        const QByteArray runs = readFile(folder + QStringLiteral("/run.csv"), 1 << 20, QStringLiteral("a table"));
        QVERIFY(runs.startsWith("id,entry,"));
        QVERIFY(runs.contains("\"Thermostat T1, final assembly\""));
        QVERIFY(runs.contains("training"));
        QVERIFY(runs.contains(",'=1+2/..\\x,")); // no formula
        const QByteArray steps = readFile(folder + QStringLiteral("/step.csv"), 1 << 20, QStringLiteral("a table"));
        QVERIFY(steps.split('\n').first().trimmed().endsWith(",mode"));
        // sqlite3 reads it back as it is.
        const ToolResult count =
            runTool(QStringLiteral("sqlite3"), {QStringLiteral("-batch"), QStringLiteral(":memory:"),
                                                QStringLiteral(".import --csv %1/entry.csv e").arg(folder),
                                                QStringLiteral("SELECT count(*), sum(json_valid(body)) FROM e")});
        QCOMPARE(count.out.trimmed(), QByteArray("117|117"));

        const QString file = m_fixture->path(QStringLiteral("all.json"));
        const qint64 rows = exportJson(m_fixture->path(), file);
        const auto lines = readFile(file, 1 << 24, QStringLiteral("an export")).trimmed().split('\n');
        QCOMPARE(lines.size(), rows);
        for (const QByteArray &line : lines)
            QVERIFY(QJsonDocument::fromJson(line).object().contains(QStringLiteral("table")));
    }

    void copyIsConsistentWhileTheStationWrites()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        for (int i = 0; i < 100; ++i)
            writeRun(*journal, QStringLiteral("T1-%1").arg(i));
        std::jthread writing([&journal](const std::stop_token &stop) {
            while (!stop.stop_requested())
                journal->appendDurably({QStringLiteral("fact"), {}, {}, {}});
        });
        const QString copy = fixture.path(QStringLiteral("copy.db"));
        backupJournal(fixture.path(), copy);
        writing.request_stop();
        writing.join();
        const JournalVerifier verifier = JournalVerifier::fromFile(fixture.path(QStringLiteral("keys/station.pem")));
        const JournalReport report = verifyJournal(copy, &verifier);
        QVERIFY2(report.good(), report.good() ? "" : qPrintable(report.findings.front().sentence));
        QVERIFY(report.entries >= 1300);
        bool refused = false;
        try {
            backupJournal(fixture.path(), copy);
        } catch (const Fault &fault) {
            refused = fault.is("file.unwritable");
        }
        QVERIFY(refused); // it overwrites nothing
    }
};

int main(int argc, char **argv)
{
    QGuiApplication application(argc, argv);
    slipway::test::watchLog();
    TestPassport test;
    const int failed = QTest::qExec(&test, argc, argv);
    return failed ? failed : (slipway::test::unexpectedLogs() ? 99 : 0);
}

#include "tst_passport.moc"
