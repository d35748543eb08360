// A scanner's burst is told from typing by its timing, whatever the characters.

#include "app/desktop/scanfilter.h"
#include "tests/support/testmain.h"

#include <QGuiApplication>
#include <QSignalSpy>
#include <QWindow>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

class TypedWindow : public QWindow
{
public:
    QString typed;

protected:
    void keyPressEvent(QKeyEvent *event) override { typed += event->text(); }
};

} // namespace

class TestScanFilter : public QObject
{
    Q_OBJECT

    // Characters, then Enter, with that many milliseconds from key to key.
    void send(QWindow &window, const QString &text, int gap, bool enter = true, Qt::Key end = Qt::Key_Return)
    {
        static quint64 clock = 1000;
        clock += 5000;
        const auto press = [&](int key, const QString &typed) {
            QKeyEvent event(QEvent::KeyPress, key, {}, typed);
            event.setTimestamp(clock);
            QCoreApplication::sendEvent(&window, &event);
            clock += quint64(gap);
        };
        for (const QChar c : text)
            press(c.toUpper().unicode(), QString(c));
        if (enter)
            press(end, u"\r"_s);
    }

private Q_SLOTS:
    void bursts_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<int>("gap");
        QTest::addColumn<bool>("scan");
        QTest::newRow("fast") << u"T1-00004127"_s << 3 << true;
        QTest::newRow("at the limit") << u"T1-00004127"_s << 35 << true;
        QTest::newRow("just slower") << u"T1-00004127"_s << 36 << false;
        QTest::newRow("digits") << u"00004127"_s << 2 << true;
        QTest::newRow("with spaces") << u"a b c"_s << 2 << true;
        QTest::newRow("url") << u"https://mud.example/t1?x=1&y=%20"_s << 2 << true;
        QTest::newRow("too short") << u"12"_s << 2 << false;
        QTest::newRow("nothing") << QString() << 2 << false;
    }

    void bursts()
    {
        QFETCH(QString, text);
        QFETCH(int, gap);
        QFETCH(bool, scan);
        TypedWindow window;
        ScanFilter filter(&window);
        QSignalSpy scanned(&filter, &ScanFilter::scanned);
        send(window, text, gap);
        QTRY_VERIFY(!filter.isHolding());
        QCOMPARE(scanned.count(), scan ? 1 : 0);
        if (scan) {
            QCOMPARE(scanned[0][0].toString(), text);
            QVERIFY(window.typed.isEmpty());
        } else {
            QCOMPARE(window.typed, text + u'\r');
        }
    }

    void keypadEnterEndsAScan()
    {
        TypedWindow window;
        ScanFilter filter(&window);
        QSignalSpy scanned(&filter, &ScanFilter::scanned);
        send(window, u"4711"_s, 3, true, Qt::Key_Enter);
        QCOMPARE(scanned.count(), 1);
    }

    void noEnterIsNoScan()
    {
        TypedWindow window;
        ScanFilter filter(&window);
        QSignalSpy scanned(&filter, &ScanFilter::scanned);
        send(window, u"4711"_s, 3, false);
        QVERIFY(filter.isHolding());
        QTRY_COMPARE(window.typed, u"4711"_s); // after the pause
        QCOMPARE(scanned.count(), 0);
    }

    void endlessBurstsAreCut()
    {
        TypedWindow window;
        ScanFilter filter(&window);
        QSignalSpy scanned(&filter, &ScanFilter::scanned);
        send(window, QString(20'000, u'x'), 1);
        QCOMPARE(scanned.count(), 1);
        QCOMPARE(scanned[0][0].toString().size(), ScanFilter::longestScan);
    }
};

int main(int argc, char **argv)
{
    QGuiApplication application(argc, argv);
    test::watchLog();
    TestScanFilter test;
    const int failed = QTest::qExec(&test, argc, argv);
    return failed ? failed : (test::unexpectedLogs() ? 99 : 0);
}
#include "tst_scanfilter.moc"
