// YAML with positions and limits: what it takes, where it says things stand, and what it refuses.

#include "core/recipe/yamlreader.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;

class TestYamlReader : public QObject
{
    Q_OBJECT

private:
    static QString first(const QByteArray &content, const YamlLimits &limits = {})
    {
        const YamlDocument document = readYaml(content, limits);
        if (document.troubles.isEmpty())
            return {};
        const YamlTrouble &trouble = document.troubles.first();
        return u"%1:%2 %3"_s.arg(trouble.at.line).arg(trouble.at.column).arg(trouble.sentence);
    }

private Q_SLOTS:
    void treeWithPositions()
    {
        const YamlDocument document = readYaml("a: 1\nb:\n  - x\n  - { c: \"2\", d: ~ }\n");
        QVERIFY(document.troubles.isEmpty());
        const YamlNode &root = document.root;
        QVERIFY(root.isMapping());
        QCOMPARE(root.entries.size(), size_t(2));
        QCOMPARE(root.find(u"a"_s)->value.text, u"1"_s);
        QVERIFY(!root.find(u"a"_s)->value.quoted);
        const YamlEntry *b = root.find(u"b"_s);
        QCOMPARE(b->at.line, 2);
        QCOMPARE(b->at.column, 1);
        QCOMPARE(b->value.items.size(), size_t(2));
        const YamlNode &inner = b->value.items[1];
        QCOMPARE(inner.at.line, 4);
        QCOMPARE(inner.at.column, 5);
        QVERIFY(inner.find(u"c"_s)->value.quoted);
        QCOMPARE(inner.find(u"c"_s)->value.at.column, 10);
        QVERIFY(inner.find(u"d"_s)->value.isNull());
        QVERIFY(!root.find(u"nothing"_s));
    }

    void quotes()
    {
        const YamlDocument document = readYaml("a: 'it''s'\nb: \"x \\\" y\\\\\"\nc: |\n  \"open\nd: ''\n");
        QVERIFY(document.troubles.isEmpty());
        QCOMPARE(document.root.find(u"a"_s)->value.text, u"it's"_s);
        QCOMPARE(document.root.find(u"b"_s)->value.text, u"x \" y\\"_s);
        QCOMPARE(document.root.find(u"c"_s)->value.text, u"\"open\n"_s);
        QVERIFY(document.root.find(u"d"_s)->value.text.isEmpty());
    }

    void columnsCountCharacters()
    {
        const YamlDocument document = readYaml("\xef\xbb\xbf{ \xc3\xa4\xe2\x82\xac: 1, k: v }\r\n");
        QVERIFY(document.troubles.isEmpty());
        QCOMPARE(document.root.find(u"k"_s)->at.column, 10);
        QCOMPARE(document.root.entries[0].key, u"ä€"_s);
    }

    void refuses_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("said");
        QTest::newRow("empty") << QByteArray() << u"1:1 the file is empty"_s;
        QTest::newRow("comment only") << QByteArray("# nothing\n\n") << u"1:1 the file is empty"_s;
        QTest::newRow("tab") << QByteArray("a:\n\tb: 1\n") << u"2:1 a tab stands in the indentation; use spaces"_s;
        QTest::newRow("tab after spaces")
            << QByteArray("a:\n  \tb: 1\n") << u"2:3 a tab stands in the indentation; use spaces"_s;
        QTest::newRow("duplicate") << QByteArray("a: 1\nb: 2\na: 3\n")
                                   << u"3:1 \"a\" is given twice; the first is on line 1"_s;
        QTest::newRow("alias") << QByteArray("a: &x 1\nb: *x\n")
                               << u"1:4 anchors (\"&name\") are not taken here; write the value out"_s;
        QTest::newRow("tag") << QByteArray("a: !!binary abcd\n")
                             << u"1:4 tags (\"!name\") are not taken here; leave it out"_s;
        QTest::newRow("two documents") << QByteArray("a: 1\n---\nb: 2\n")
                                       << u"3:1 a second document (\"---\") starts here; a file holds one"_s;
        QTest::newRow("unclosed map") << QByteArray("a: { b: 1\n") << u"2:1 a \"{\" is not closed"_s;
        QTest::newRow("unclosed list") << QByteArray("a: [ 1, 2\n") << u"2:1 a \"[\" is not closed"_s;
        QTest::newRow("unclosed quotes") << QByteArray("a: \"b\n") << u"1:4 a text in quotes is not closed"_s;
        QTest::newRow("unclosed quotes and more")
            << QByteArray("a: \"b \\\" c\nd: e\n") << u"1:4 a text in quotes is not closed"_s;
        QTest::newRow("unclosed single quotes")
            << QByteArray("a: 'it''s\nb: c\n") << u"1:4 a text in quotes is not closed"_s;
        QTest::newRow("colon inside") << QByteArray("a: b: c\n")
                                      << u"1:5 a \":\" stands where no key can be; put texts with \": \" in quotes"_s;
        QTest::newRow("list as key") << QByteArray("[a, b]: c\n") << u"1:1 a key must be a text, not a list or a map"_s;
        QTest::newRow("no key") << QByteArray("a:\n  : 1\n") << u"2:3 a key is missing before the \":\""_s;
        QTest::newRow("percent sign") << QByteArray("a: %b\n")
                                      << u"1:4 a value cannot start with this character; put the text in quotes"_s;
        QTest::newRow("not UTF-8") << QByteArray("a: b\nc: \xff\xfe\n") << u"2:4 the file is not UTF-8 text"_s;
        QTest::newRow("half a character") << QByteArray("a: \xe2\x82") << u"1:4 the file is not UTF-8 text"_s;
        QTest::newRow("binary") << QByteArray("a: b\nc: \0x\n", 11)
                                << u"2:4 a control character stands here; is this a text file?"_s;
    }
    void refuses()
    {
        QFETCH(QByteArray, content);
        QTEST(first(content), "said");
    }

    void limits()
    {
        QCOMPARE(first(QByteArray(100, 'a'), {.bytes = 99}), u"1:1 the file is larger than 99 bytes"_s);
        QVERIFY(first("[[[[1]]]]", {.depth = 4}).isEmpty());
        QCOMPARE(first("[[[[[1]]]]]", {.depth = 4}), u"1:5 values are nested more than 4 deep"_s);
        QVERIFY(first("[1, 2, 3]", {.nodes = 4}).isEmpty());
        QCOMPARE(first("[1, 2, 3, 4]", {.nodes = 4}), u"1:11 the file holds more than 4 values"_s);
    }

    // Inputs made to be slow or deep end quickly and with a sentence.
    void bombs()
    {
        const auto begun = std::chrono::steady_clock::now();
        const QList<QByteArray> bombs{
            QByteArray(1024 * 1024, '['),          QByteArray(1024 * 1024, '{'),
            QByteArray("- ").repeated(500'000),    QByteArray("? ").repeated(500'000),
            QByteArray("a: ").repeated(300'000),   QByteArray("\"").repeated(1024 * 1024),
            QByteArray("- 1\n").repeated(250'000), "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b,*b]\n",
        };
        for (const QByteArray &bomb : bombs)
            QVERIFY2(!first(bomb).isEmpty(), bomb.left(12).constData());
        QVERIFY(std::chrono::steady_clock::now() - begun < std::chrono::seconds(30));
    }

    void duplicatesAreAllFound()
    {
        const YamlDocument document = readYaml("a: 1\na: 2\nb: { c: 1, c: 2 }\n");
        QCOMPARE(document.troubles.size(), 2);
        QCOMPARE(document.root.find(u"a"_s)->value.text, u"1"_s);
    }
};

SLIPWAY_TEST_MAIN(TestYamlReader)
#include "tst_yamlreader.moc"
