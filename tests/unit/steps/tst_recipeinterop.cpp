// The JSON Schema before a validator of others (Python's jsonschema), and recipes as another YAML parser reads them.

#include "core/base/files.h"
#include "core/steps/manual.h"
#include "core/steps/recipechecker.h"
#include "tests/support/testmain.h"

#include <QJsonDocument>
#include <QProcess>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

class TestRecipeInterop : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString m_schema, m_script;

    // What the validator says of the recipe: "" when it is valid, else the first complaint.
    QString judged(const QByteArray &recipe, int *status = nullptr)
    {
        const QString file = m_folder.filePath(u"recipe.yaml"_s);
        writeFile(file, recipe);
        QProcess python;
        python.start(u"python3"_s, {m_script, m_schema, file});
        python.waitForFinished(60'000);
        if (status)
            *status = python.exitCode();
        return QString::fromUtf8(python.readAllStandardOutput() + python.readAllStandardError()).trimmed();
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_schema = m_folder.filePath(u"schema.json"_s);
        m_script = m_folder.filePath(u"judge.py"_s);
        writeFile(m_schema, QJsonDocument(recipeSchema()).toJson());
        writeFile(m_script, "import json, sys, yaml\n"
                            "from jsonschema import Draft202012Validator as Validator\n"
                            "schema = json.load(open(sys.argv[1]))\n"
                            "Validator.check_schema(schema)\n"
                            "errors = list(Validator(schema).iter_errors(yaml.safe_load(open(sys.argv[2]))))\n"
                            "print('; '.join(e.message for e in errors))\n"
                            "sys.exit(1 if errors else 0)\n");
        QProcess python;
        python.start(u"python3"_s, {u"-c"_s, u"import yaml; from jsonschema import Draft202012Validator"_s});
        if (!python.waitForFinished(60'000) || python.exitCode() != 0)
            QSKIP("python3-jsonschema and python3-yaml are not installed");
    }

    void sampleIsValid()
    {
        const QString sample = QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples/recipes/t1.yaml");
        int status = -1;
        const QString words = judged(readFile(sample, 1 << 20, u"a recipe"_s), &status);
        QVERIFY2(status == 0, qPrintable(words));
        const CheckedRecipe checked = checkRecipeFile(sample);
        QVERIFY2(checked.findings.isEmpty(),
                 checked.findings.isEmpty() ? "" : qPrintable(checked.findings.first().text()));
    }

    // What the schema lets an editor see is what the checker says as well.
    void agreesWithTheChecker_data()
    {
        QTest::addColumn<QString>("line");
        QTest::addColumn<bool>("good");
        QTest::newRow("bare") << u"reset"_s << true;
        QTest::newRow("empty") << u"reset:"_s << true;
        QTest::newRow("bare that needs more") << u"measure"_s << false;
        QTest::newRow("unknown step") << u"flsh: {}"_s << false;
        QTest::newRow("unknown parameter") << u"time: { tolerence: 1s }"_s << false;
        QTest::newRow("time as number") << u"time: { tolerance: 1.5 }"_s << true;
        QTest::newRow("time as text") << u"time: { tolerance: 500ms }"_s << true;
        QTest::newRow("no time") << u"time: { tolerance: soon }"_s << false;
        QTest::newRow("zero time") << u"time: { tolerance: 0 }"_s << false;
        QTest::newRow("range") << u"measure: { name: a, command: b, limits: [1, ~] }"_s << true;
        QTest::newRow("short range") << u"measure: { name: a, command: b, limits: [1] }"_s << false;
        QTest::newRow("long range") << u"measure: { name: a, command: b, limits: [1, 2, 3] }"_s << false;
        QTest::newRow("choice") << u"prompt: { text: a, answer: yes-no }"_s << true;
        QTest::newRow("bad choice") << u"prompt: { text: a, answer: maybe }"_s << false;
        QTest::newRow("boolean") << u"lock: { debug: \"true\" }"_s << false;
        QTest::newRow("files") << u"set: { files: { /a: { text: b }, /c: { text: 5 } } }"_s << true;
        QTest::newRow("bad files") << u"set: { files: { /a: { texts: b } } }"_s << false;
        QTest::newRow("map") << u"identify: { expect: { board: x } }"_s << true;
        QTest::newRow("bad map") << u"identify: { expect: { bored: x } }"_s << false;
        QTest::newRow("too many retries") << u"reset: { retries: 11 }"_s << false;
    }
    void agreesWithTheChecker()
    {
        QFETCH(QString, line);
        QFETCH(bool, good);
        const QByteArray recipe =
            "slipway: 1\nname: Test\ndevice: { driver: smp }\nsteps:\n  - " + line.toUtf8() + "\n";
        int status = -1;
        const QString words = judged(recipe, &status);
        QVERIFY2((status == 0) == good, qPrintable(words));
        QCOMPARE(checkRecipe(recipe, u"/x.yaml"_s).usable(), good);
    }
};

SLIPWAY_TEST_MAIN(TestRecipeInterop)
#include "tst_recipeinterop.moc"
