// JSON with lines: what RFC 8259 takes and refuses, held against Qt's own reader, and where each value stands.

#include "core/codec/json.h"
#include "tests/support/testmain.h"

#include <QJsonDocument>

using namespace slipway;
using namespace Qt::StringLiterals;

class TestJson : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void lines()
    {
        const JsonDocument document = readJson("{\n \"a\": 1,\r\n \"b\": [\r 2,\n  {\"c\":\n true}]\n}\n");
        const JsonValue &root = document.root;
        QCOMPARE(root.line, 1);
        QCOMPARE(root.members.size(), size_t(2));
        QCOMPARE(root.members[0].line, 2);
        QCOMPARE(root.members[1].line, 3);
        const JsonValue &list = root.members[1].value;
        QCOMPARE(list.items[0].line, 4);
        QCOMPARE(list.items[1].line, 5);
        QCOMPARE(list.items[1].find(u"c")->line, 5);
        QCOMPARE(list.items[1].find(u"c")->value.line, 6);
        QVERIFY(list.items[1].find(u"c")->value.boolean);
        QVERIFY(!root.find(u"c"));
        QCOMPARE(root.toJson(), QByteArray("{\"a\":1,\"b\":[2,{\"c\":true}]}"));
    }

    void taken_data()
    {
        QTest::addColumn<QByteArray>("text");
        for (const char *text : {"{}", "[]", "[[],{}]", "{\"\":\"\"}", "[0,-0,1.5,-2e10,1E-2,12345678901234567890]",
                                 "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"]", "[true,false,null]",
                                 " \t\r\n[ 1 , 2 ] \n", "[\"\xc3\xa9\xf0\x9f\x98\x80\"]"})
            QTest::newRow(text) << QByteArray(text);
    }
    void taken()
    {
        QFETCH(QByteArray, text);
        const QJsonDocument judge = QJsonDocument::fromJson(text);
        QVERIFY(!judge.isNull());
        QCOMPARE(QJsonDocument::fromJson(readJson(text).root.toJson()), judge);
    }

    void refused_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<int>("line");
        QTest::addColumn<int>("column");
        QTest::addColumn<QString>("reason");
        const auto row = [](const char *text, int line, int column, const QString &reason) {
            QTest::newRow(text) << QByteArray(text) << line << column << reason;
        };
        row("", 1, 1, u"empty"_s);
        row(" \n ", 2, 2, u"blanks"_s);
        row("[1,]", 1, 4, u"comma stands before"_s);
        row("{\"a\":1,}", 1, 8, u"comma stands before"_s);
        row("[1 2]", 1, 4, u"comma or ]"_s);
        row("{\"a\" 1}", 1, 6, u"colon"_s);
        row("{a:1}", 1, 2, u"name"_s);
        row("[1", 1, 3, u"ends"_s);
        row("[\"a", 1, 4, u"ends within a string"_s);
        row("[\"a\nb\"]", 1, 4, u"line end"_s);
        row("[\"\\x\"]", 1, 4, u"escape"_s);
        row("[\"\\u12g4\"]", 1, 7, u"hex"_s);
        row("[\"\\ud800\"]", 1, 9, u"surrogate"_s);
        row("[\"\\udc00\\ud800\"]", 1, 9, u"surrogate"_s);
        row("[01]", 1, 2, u"zero too many"_s);
        row("[1.]", 1, 4, u"digit"_s);
        row("[.5]", 1, 2, u"value"_s);
        row("[+1]", 1, 2, u"value"_s);
        row("[1e]", 1, 4, u"digit"_s);
        row("[-]", 1, 3, u"digit"_s);
        row("[nul]", 1, 2, u"neither"_s);
        row("[True]", 1, 2, u"value"_s);
        row("[NaN]", 1, 2, u"value"_s);
        row("[1] x", 1, 5, u"behind the end"_s);
        row("// no\n[1]", 1, 1, u"value"_s);
        row("\xef\xbb\xbf[1]", 1, 1, u"byte order mark"_s);
        row("[\"\xc3\xa9\",\n\"\xff\"]", 2, 2, u"no UTF-8"_s);
        row("[\"\xc3\"]", 1, 3, u"no UTF-8"_s);
        row("[\"\xed\xa0\x80\"]", 1, 3, u"no UTF-8"_s); // a surrogate in UTF-8
        row("[\"\xc3\xa9\xc3\xa9\" 1]", 1, 7, u"comma"_s);
    }
    void refused()
    {
        QFETCH(QByteArray, text);
        QFETCH(int, line);
        QFETCH(int, column);
        QFETCH(QString, reason);
        try {
            readJson(text);
        } catch (const JsonError &error) {
            QVERIFY2(error.reason.contains(reason), qPrintable(error.reason));
            QCOMPARE(error.line, line);
            QCOMPARE(error.column, column);
            return;
        }
        QFAIL("it was taken");
    }

    void limits()
    {
        const auto why = [](const QByteArray &text, const JsonLimits &limits) {
            try {
                readJson(text, limits);
            } catch (const JsonError &error) {
                return error.reason;
            }
            return QString();
        };
        QCOMPARE(why("[[[]]]", {.bytes = 6, .depth = 3, .values = 3}), QString());
        QVERIFY(why("[[[]]]", {.bytes = 5, .depth = 3, .values = 3}).contains(u"larger"));
        QVERIFY(why("[[[]]]", {.bytes = 6, .depth = 2, .values = 3}).contains(u"deeper"));
        QVERIFY(why("[[[]]]", {.bytes = 6, .depth = 3, .values = 2}).contains(u"more than 2"));
        QVERIFY(why(QByteArray(3'000'000, '['), {}).contains(u"deeper"));
        QVERIFY(why(QByteArray("{\"a\":").repeated(500'000), {}).contains(u"deeper"));
    }

    void integers_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<bool>("whole");
        QTest::addColumn<qint64>("value");
        const auto row = [](const char *text, bool whole, qint64 value) {
            QTest::newRow(text) << QByteArray(text) << whole << value;
        };
        row("48", true, 48);
        row("-48", true, -48);
        row("48.0", true, 48);
        row("4.8e1", true, 48);
        row("480E-1", true, 48);
        row("-0", true, 0);
        row("0e900", true, 0);
        row("9223372036854775807", true, Q_INT64_C(9223372036854775807));
        row("9007199254740993", true, Q_INT64_C(9007199254740993)); // no double can hold it
        row("9223372036854775808", false, 0);
        row("1.5", false, 0);
        row("15e-1", false, 0);
        row("1e400", false, 0);
        row("1e99999999999999999999", false, 0);
        row("\"1\"", false, 0);
        row("true", false, 0);
    }
    void integers()
    {
        QFETCH(QByteArray, text);
        QFETCH(bool, whole);
        QFETCH(qint64, value);
        const auto found = readJson(text).root.integer();
        QCOMPARE(found.has_value(), whole);
        if (whole)
            QCOMPARE(*found, value);
    }

    void duplicates()
    {
        const JsonDocument document = readJson("{\"a\":1,\n\"b\":{\"x/y\":[{\"c\":1,\n\"d\":2,\n\"c\":3}]},\n\"a\":2}");
        QCOMPARE(document.duplicates.size(), size_t(2));
        QCOMPARE(document.duplicates[0].pointer, u"/b/x~1y/0"_s);
        QCOMPARE(document.duplicates[0].name, u"c"_s);
        QCOMPARE(document.duplicates[0].firstLine, 2);
        QCOMPARE(document.duplicates[0].line, 4);
        QCOMPARE(document.duplicates[1].pointer, QString());
        QCOMPARE(document.root.members.size(), size_t(3));
        QCOMPARE(document.root.find(u"a")->value.text, u"1"_s);
        // Also among many, where names are looked up another way.
        QByteArray many = "{";
        for (int i = 0; i < 100; ++i)
            many += "\"n" + QByteArray::number(i) + "\":0,";
        QCOMPARE(readJson(many + "\"n7\":0}").duplicates.size(), size_t(1));
        QCOMPARE(readJson(many + "\"n100\":0}").duplicates.size(), size_t(0));
    }
};

SLIPWAY_TEST_MAIN(TestJson)
#include "tst_json.moc"
