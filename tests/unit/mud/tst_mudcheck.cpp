// The rules of RFC 8520, RFC 8519 and the extensions, one by one: a good file with one thing changed, and what is to be
// found in it, by the words of the documents. What yanglint says of the same file with the published YANG modules is
// recorded with each case; where the two differ, the case says why.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/mud/mudcheck.h"
#include "core/mud/mudlayout.h"
#include "tests/support/testmain.h"

#include <QJsonArray>
#include <QJsonDocument>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    return readFile(QStringLiteral(SLIPWAY_TEST_DATA "/mud/") + name, 4 * 1024 * 1024, u"test data"_s);
}

QString shown(const QList<MudFinding> &findings)
{
    QStringList lines;
    for (const MudFinding &finding : findings)
        lines += u"%1: %2: %3 (%4) %5"_s.arg(QString::number(finding.line), toString(finding.severity), finding.message,
                                             finding.clause, finding.path);
    return lines.join(u'\n');
}

QByteArray faultOf(const std::function<void()> &work, QString *sentence = nullptr)
{
    try {
        work();
    } catch (const Fault &fault) {
        if (sentence)
            *sentence = fault.sentence();
        return fault.code();
    }
    return {};
}

} // namespace

class TestMudCheck : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cases_data()
    {
        QTest::addColumn<QString>("file");
        QTest::addColumn<QJsonObject>("expected");
        const QString base = QString::fromUtf8(data(u"cases/base.json"_s));
        const QJsonArray cases = QJsonDocument::fromJson(data(u"cases/cases.json"_s)).object()[u"cases"].toArray();
        QVERIFY(cases.size() > 100);
        for (const QJsonValue &value : cases) {
            QString file = base;
            for (const QJsonValue &edit : value[u"edits"].toArray()) {
                const QString find = edit[u"find"].toString();
                const qsizetype at = file.indexOf(find);
                QVERIFY2(at >= 0, qPrintable(find));
                file.replace(at, find.size(), edit[u"put"].toString());
            }
            QTest::newRow(qPrintable(value[u"name"].toString())) << file << value.toObject();
        }
    }
    void cases()
    {
        QFETCH(QString, file);
        QFETCH(QJsonObject, expected);
        QList<MudFinding> found = checkMudFile(MudFile::parse(file.toUtf8()));
        const bool refused = hasErrors(found);
        for (const QJsonValue &one : expected[u"findings"].toArray()) {
            const auto match = std::find_if(found.begin(), found.end(), [&](const MudFinding &finding) {
                return finding.line == one[u"line"].toInt() &&
                       toString(finding.severity) == one[u"severity"].toString() &&
                       finding.clause == one[u"clause"].toString() &&
                       finding.message.contains(one[u"message"].toString());
            });
            QVERIFY2(match != found.end(),
                     qPrintable(u"missing: "_s + one[u"message"].toString() + u"\nhave:\n"_s + shown(found)));
            QVERIFY2(match->path.startsWith(u'/'), qPrintable(match->path));
            found.erase(match);
        }
        QVERIFY2(found.isEmpty(), qPrintable(shown(found)));
        if (!expected.contains(u"differs"))
            QCOMPARE(refused, expected[u"yanglint"].toString() == u"refuses");
    }

    // Expected of each, by the RFC: no signature is named, MUD URLs in the server's root, and what else is listed here.
    void published_data()
    {
        QTest::addColumn<int>("errors");
        QTest::addColumn<QStringList>("beside");
        const QStringList unsignedFile{u"3: mud-signature is missing"_s};
        QTest::newRow("17-mudfile-otherman") << 0 << QStringList{u"6: relative reference"_s};
        QTest::newRow("18-mudfile-sensor") << 0 << QStringList{u"6: relative reference"_s};
        QTest::newRow("19-mudfile-controllerclass-test") << 0 << unsignedFile;
        QTest::newRow("20-mudfile-dhcptest") << 0 << QStringList{u"5: relative reference"_s};
        QTest::newRow("21-mudfile-dns-test")
            << 1 << QStringList{u"3: mud-signature"_s, u"31: extensions does not declare"_s};
        QTest::newRow("22-mudfile-local-and-same-mfg-test") << 0 << unsignedFile;
        QTest::newRow("23-mudfile-local-networks-test") << 0 << unsignedFile;
        QTest::newRow("26-mudfile-mfg-test") << 0 << QStringList{u"2: mud-signature"_s};
        QTest::newRow("27-mudfile-model-test") << 0 << unsignedFile;
        QTest::newRow("29-mudfile-quarantine-test")
            << 1 << QStringList{u"3: mud-signature"_s, u"31: extensions does not declare"_s};
        QTest::newRow("30-mudfile-same-manufacturer-test") << 0 << unsignedFile;
        QTest::newRow("32-mudfile-tcp-direction-test")
            << 1 << QStringList{u"2: mud-signature"_s, u"27: extensions does not declare"_s};
        QTest::newRow("41-coffee_multiple") << 0 << QStringList{u"2: mud-signature"_s};
        QTest::newRow("44-tester_domain") << 0 << QStringList{u"2: mud-signature"_s, u"8: 75 characters"_s};
        QTest::newRow("45-tester_local_network3_udp")
            << 1 << QStringList{u"2: mud-signature"_s, u"108: \"mud-35723-v4fr\" is taken"_s};
        QTest::newRow("46-tester_manufacturer") << 0 << QStringList{u"2: mud-signature"_s};
        QTest::newRow("48-tester_same_manufacturer") << 0 << QStringList{u"2: mud-signature"_s, u"8: 87 characters"_s};
        QTest::newRow("50-bacnet") << 0
                                   << QStringList{u"2: mud-signature"_s, u"39: \"bacnet\" has no scheme"_s,
                                                  u"71: \"bacnet\" has no scheme"_s};
        QTest::newRow("53-commissioning")
            << 0 << QStringList{u"2: mud-signature"_s,     u"39: \"remote-host\""_s,
                                u"60: \"remote-host\""_s,  u"81: \"commissioning-tool\""_s,
                                u"101: \"bacnet\""_s,      u"133: \"remote-host\""_s,
                                u"154: \"remote-host\""_s, u"175: \"commissioning-tool\""_s,
                                u"195: \"bacnet\""_s};
        QTest::newRow("56-lightbulb") << 0 << QStringList{u"2: mud-signature"_s, u"137: \"bacnet\" has no scheme"_s};
    }
    void published()
    {
        QFETCH(int, errors);
        QFETCH(QStringList, beside);
        const auto found = checkMudFile(
            MudFile::parse(data(u"published/%1.json"_s.arg(QString::fromLatin1(QTest::currentDataTag())))));
        int counted = 0;
        QStringList left = beside;
        for (const MudFinding &finding : found) {
            counted += finding.severity == MudFinding::Severity::Error;
            if (finding.severity == MudFinding::Severity::Note)
                continue;
            const auto match = std::find_if(left.begin(), left.end(), [&](const QString &one) {
                return finding.line == one.section(u':', 0, 0).toInt() &&
                       finding.message.contains(one.section(u": "_s, 1));
            });
            QVERIFY2(match != left.end(), qPrintable(shown({finding})));
            left.erase(match);
        }
        QVERIFY2(left.isEmpty(), qPrintable(left.join(u'\n')));
        QCOMPARE(counted, errors);
    }

    void options()
    {
        QByteArray text = data(u"cases/base.json"_s);
        text.replace("\"model-name\": \"t1\",", "\"model-name\": \"t1\",\n    \"software-rev\": \"1.4\",");
        const MudFile file = MudFile::parse(text);
        QVERIFY(!hasErrors(checkMudFile(file)));
        auto found = checkMudFile(file, {.url = {}, .urlInCertificate = true, .now = {}});
        QCOMPARE(found.size(), 1);
        QCOMPARE(found[0].clause, u"RFC 8520 3.8"_s);
        QVERIFY(hasErrors(found));
        found = checkMudFile(file, {.url = u"https://mud.example/t1/1.3.json"_s, .urlInCertificate = false, .now = {}});
        QCOMPARE(found.size(), 2);
        QVERIFY2(found[0].message.contains(u"names another URL"), qPrintable(shown(found)));
        found = checkMudFile(
            file, {.url = {}, .urlInCertificate = false, .now = QDateTime(QDate(2026, 11, 19), QTime(0, 0), Qt::UTC)});
        QVERIFY2(found[0].message.contains(u"future"), qPrintable(shown(found)));
    }

    void unusable_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("why");
        QTest::newRow("empty") << QByteArray() << u"empty"_s;
        QTest::newRow("no JSON") << QByteArray("mud") << u"line 1, column 1: a value is missing"_s;
        QTest::newRow("array") << QByteArray("[1]") << u"holds an array"_s;
        QTest::newRow("cut") << data(u"cases/base.json"_s).left(500) << u"ends"_s;
        QTest::newRow("deep") << QByteArray(100'000, '[') << u"nested deeper than 64"_s;
        QTest::newRow("10 MB") << QByteArray(10'000'000, ' ') << u"larger than"_s;
        QTest::newRow("UTF-16") << QByteArray("{\0}\0", 4) << u"missing"_s;
        QTest::newRow("many values") << ('[' + QByteArray("0,").repeated(250'000) + "0]") << u"more than 200000"_s;
    }
    void unusable()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, why);
        QString sentence;
        QCOMPARE(faultOf([&] { MudFile::parse(bytes, u"t1.json"_s); }, &sentence), QByteArray("mud.json"));
        QVERIFY2(sentence.startsWith(u"t1.json") && sentence.contains(why), qPrintable(sentence));
    }

    void findingsAreBounded()
    {
        QByteArray many = "{\"ietf-mud:mud\":{";
        for (int i = 0; i < 3000; ++i)
            many += "\"x" + QByteArray::number(i) + "\":1,";
        many += "\"mud-version\":1}}";
        const auto found = checkMudFile(MudFile::parse(many));
        QVERIFY(found.size() <= 1002);
        QVERIFY2(found.last().message.contains(u"more findings") &&
                     found.last().severity == MudFinding::Severity::Error,
                 qPrintable(shown(found.mid(0, 3))));
        // More notes than are listed make no error.
        QByteArray notes = data(u"cases/base.json"_s);
        QByteArray foreign;
        for (int i = 0; i < 1500; ++i)
            foreign += "\"acme:x" + QByteArray::number(i) + "\": 1, ";
        notes.replace("\"model-name\": \"t1\",", foreign + "\"extensions\": [\"acme\"],");
        const auto noted = checkMudFile(MudFile::parse(notes));
        QVERIFY(noted.last().message.contains(u"more findings"));
        QVERIFY2(!hasErrors(noted), qPrintable(shown(noted.mid(0, 3))));
    }

    void nothingIsLost()
    {
        QByteArray text = data(u"cases/base.json"_s);
        text.replace("\"model-name\": \"t1\",",
                     "\"acme:x\": {\"b\": [1.50, null, \"\\u00e9\\n\"], \"a\": 12345678901234567890},");
        const MudFile file = MudFile::parse(text);
        QCOMPARE(file.bytes, text);
        QCOMPARE(file.unknown.size(), size_t(1));
        QCOMPARE(file.unknown[0].module(), u"acme"_s);
        QCOMPARE(file.unknown[0].line, 11);
        QCOMPARE(file.unknown[0].path, u"/ietf-mud:mud/acme:x"_s);
        QCOMPARE(file.unknown[0].value.toJson(),
                 QByteArray("{\"b\":[1.50,null,\"\u00e9\\u000a\"],\"a\":12345678901234567890}"));
        QCOMPARE(file.foreignModules.size(), size_t(1));
    }

    void places_data()
    {
        QTest::addColumn<QString>("url");
        QTest::addColumn<QString>("path");
        QTest::newRow("plain") << u"https://mud.example/t1/1.4.json"_s << u"t1/1.4.json"_s;
        QTest::newRow("escaped") << u"https://mud.example/t%31/1.4%20b.json"_s << u"t1/1.4 b.json"_s;
        for (const char *bad :
             {"https://mud.example/t1/", "https://mud.example", "https://mud.example/a//b.json",
              "https://mud.example/../b.json", "https://mud.example/a/%2e%2e/b.json",
              "https://mud.example/a%2f..%2fb.json", "https://mud.example/a%5cb.json", "https://mud.example/a%00.json",
              "https://mud.example/.git/config", "https://mud.example/a.json?v=1", "https://mud.example/a%ff.json"})
            QTest::newRow(bad) << QString::fromLatin1(bad) << QString();
    }
    void places()
    {
        QFETCH(QString, url);
        QFETCH(QString, path);
        if (path.isEmpty())
            QCOMPARE(faultOf([&] { sitePath(url); }), QByteArray("mud.layout"));
        else
            QCOMPARE(sitePath(url), path);
    }
};

SLIPWAY_TEST_MAIN(TestMudCheck)
#include "tst_mudcheck.moc"
