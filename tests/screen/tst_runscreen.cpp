// A run's page: every outcome, steps and scales, facts and life from the journal, log with filter and copy, slip.

#include "tests/screen/screen.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QProcess>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString serial = u"T1-00004118"_s;

// An earlier run of the same unit at the board test, and the run that is on the screen.
void giveLife(RehearsedStation &station, const SlotView &view)
{
    const auto begun = [&](const QString &run, const QString &recipe) {
        NewEntry entry{u"run.begun"_s, run, serial, {}};
        entry.body[u"recipe"_s] = recipe;
        entry.body[u"mode"_s] = toString(station.mode());
        entry.body[u"attempt"_s] = 1;
        station.lives.push_back(entry);
    };
    begun(u"0a0a0a0a-0000-4000-8000-000000000001"_s, u"board test"_s);
    NewEntry ended{u"run.ended"_s, u"0a0a0a0a-0000-4000-8000-000000000001"_s, serial, {}};
    ended.body[u"verdict"_s] = u"PASS"_s;
    ended.body[u"seconds"_s] = 12.5;
    station.lives.push_back(ended);
    begun(view.runId, u"final assembly"_s);
}

QStringList sampleLog()
{
    return {u"2026-11-21T14:29:02.114Z\t0\tmcumgr parameters: 4 buffers of 2 048 bytes"_s,
            u"2026-11-21T14:29:02.301Z\t0\tboard t1-rev-b, MCUboot 2.1"_s,
            u"2026-11-21T14:29:03.001Z\t1\tupload of 262 144 bytes"_s,
            u"2026-11-21T14:29:07.114Z\t4\tadc vdd -> \"vdd = 3.472 V\""_s,
            u"2026-11-21T14:29:07.121Z\t4\tsupply 3.472 V outside 3.200 to 3.400 V, second reading 3.469 V"_s};
}

} // namespace

class TestRunScreen : public QObject
{
    Q_OBJECT

    void judge(Screen &screen, const QStringList &may = {})
    {
        const QStringList cut = screen.cutTexts(QStringList{u"watermark"_s, u"recipeName"_s} + may);
        QVERIFY2(cut.isEmpty(), qPrintable(cut.join(u'\n')));
        const QStringList over = screen.overlappingTexts({u"watermark"_s});
        QVERIFY2(over.isEmpty(), qPrintable(over.join(u'\n')));
        const QStringList nameless = screen.namelessControls();
        QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(u'\n')));
    }

    std::unique_ptr<RehearsedStation> lineWith(const SlotView &view)
    {
        auto line = mixedLine(8);
        line->views[size_t(view.number) - 1] = view;
        line->logs[view.number] = sampleLog();
        giveLife(*line, view);
        return line;
    }

private Q_SLOTS:
    void failed_data()
    {
        QTest::addColumn<bool>("dark");
        QTest::newRow("light") << false;
        QTest::newRow("dark") << true;
    }

    void failed()
    {
        QFETCH(bool, dark);
        Screen screen(lineWith(failView(5, serial)), dark ? darkLook() : lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_5);
        screen.key(Qt::Key_Return);
        QCOMPARE(screen.line().page(), LineViewModel::RunPage);
        QTRY_COMPARE(screen.text(u"fact-Serial"_s), serial);
        QTRY_VERIFY(screen.find(u"fact-Chain"_s) || screen.line().run()->sections().size() >= 4);
        QVERIFY(screen.picture(u"run-fail-"_s + QLatin1String(QTest::currentDataTag())));
        judge(screen);

        QCOMPARE(screen.text(u"runTitle"_s), u"Place 5"_s);
        QCOMPARE(screen.text(u"runSerial"_s), serial);
        QCOMPARE(screen.text(u"headline"_s), u"Supply is 3.47\u00a0V; 3.20 to 3.40\u00a0V is allowed."_s);
        QCOMPARE(screen.text(u"advice"_s), u"Red bin. R tries once more (1 of 2)."_s);
        QVERIFY(screen.isShown(u"page-retry"_s));
        QVERIFY(screen.isShown(u"page-print"_s));
        // The failed measurement stands right of the allowed band, in the failed row.
        QQuickItem *row = screen.find(u"step-5"_s);
        QCOMPARE(screen.text(u"name"_s, row), u"Supply"_s);
        QCOMPARE(screen.text(u"value"_s, row), u"3.47\u00a0V"_s);
        QCOMPARE(screen.text(u"limits"_s, row), u"3.2 to 3.4"_s);
        QQuickItem *scale = screen.find(u"scale"_s, row);
        QVERIFY(scale->isVisible());
        QVERIFY(scale->property("at").toDouble() > scale->property("bandTo").toDouble());
        QCOMPARE(screen.text(u"summary"_s, screen.find(u"step-6"_s)), u"not reached"_s);
        QCOMPARE(screen.text(u"summary"_s, screen.find(u"step-7"_s)), u"not reached; nothing irreversible was done"_s);
        QVERIFY(screen.isShown(u"irreversible"_s, screen.find(u"step-7"_s)));
        // Its log, and only its log
        QCOMPARE(screen.text(u"logTitle"_s), u"Log of step 5, Supply"_s);
        QCOMPARE(screen.line().run()->log()->count(), 2);
        // Facts and record
        QCOMPARE(screen.text(u"fact-Certificate"_s), u"41:8C:07:5D:A2:3E:91:F0"_s);
        QCOMPARE(screen.text(u"fact-Valid to"_s), u"no expiry"_s);
        QCOMPARE(screen.text(u"fact-Class"_s), u"M C3 F1 T1 P1"_s);
        QCOMPARE(screen.text(u"fact-Entries"_s), u"88\u2009102 to 88\u2009131"_s);
        bool boardTest = false;
        for (const QVariant &section : screen.line().run()->sections()) {
            if (section.toMap().value(u"title"_s) != u"Life"_s)
                continue;
            for (const QVariant &row : section.toMap().value(u"rows"_s).toList())
                boardTest |= row.toMap().value(u"value"_s) == u"PASS, board test"_s;
        }
        QVERIFY(boardTest);

        // Keys: steps, whole log, copy, retry
        screen.key(Qt::Key_Up);
        screen.key(Qt::Key_Up);
        screen.key(Qt::Key_Up);
        QCOMPARE(screen.text(u"logTitle"_s), u"Log of step 2, Flash"_s);
        QCOMPARE(screen.line().run()->log()->count(), 1);
        screen.key(Qt::Key_L);
        QCOMPARE(screen.text(u"logTitle"_s), u"Log of the whole run"_s);
        QCOMPARE(screen.line().run()->log()->count(), 5);
        screen.key(Qt::Key_C);
        QCOMPARE(QGuiApplication::clipboard()->text().count(u'\n'), 5);
        QVERIFY(QGuiApplication::clipboard()->text().contains(u"adc vdd -> \"vdd = 3.472 V\""_s));
        QCOMPARE(screen.text(u"notice"_s), u"5 lines of the log are copied."_s);
        screen.key(Qt::Key_R);
        QCOMPARE(screen.station().asked, QStringList{u"retry 5"_s});
        // Another place's page, then back
        screen.key(Qt::Key_1);
        QCOMPARE(screen.text(u"runTitle"_s), u"Place 1"_s);
        screen.key(Qt::Key_Escape); // the notice
        screen.key(Qt::Key_Escape);
        QCOMPARE(screen.line().page(), LineViewModel::LinePage);
        QCOMPARE(screen.focusName(), u"tile-1"_s);
    }

    void states_data()
    {
        QTest::addColumn<QString>("headline");
        QTest::newRow("run-pass") << u"Remove the unit."_s;
        QTest::newRow("run-working") << u"142 KiB of 256 KiB"_s;
        QTest::newRow("run-stopped") << u"Stopped in Radio level. Nothing irreversible was done."_s;
        QTest::newRow("run-error") << u"The issuer does not answer."_s;
        QTest::newRow("run-unknown") << u"Debug lock may be set: power was lost."_s;
        QTest::newRow("run-label") << u"Stick the label on, then scan it."_s;
        QTest::newRow("run-ready") << u"Scan a unit for this place."_s;
        QTest::newRow("run-value") << u"Read the torque driver and type it in."_s;
        QTest::newRow("run-picture") << u"Screw the antenna on."_s;
        QTest::newRow("run-stop-question") << u"Stop this unit?"_s;
    }

    void states()
    {
        QFETCH(QString, headline);
        const QString tag = QString::fromLatin1(QTest::currentDataTag());
        PromptRequest value;
        value.kind = PromptRequest::Kind::Value;
        value.word = u"TORQUE"_s;
        value.sentence = headline;
        PromptRequest message = value;
        message.kind = PromptRequest::Kind::Message;
        message.word = u"ANTENNA"_s;
        message.picture = u"" SLIPWAY_SOURCE_DIR "/tests/data/screen/antenna.png"_s;
        const SlotView view = tag == u"run-pass"      ? passView(3, serial)
                              : tag == u"run-working" ? workingView(3, serial, 1, 0.555)
                              : tag == u"run-stopped" ? stoppedView(3, serial)
                              : tag == u"run-error"   ? errorView(3, serial)
                              : tag == u"run-unknown" ? unknownView(3, serial)
                              : tag == u"run-label"   ? labelView(3, serial)
                              : tag == u"run-ready"   ? readyView(3)
                              : tag == u"run-value"   ? promptView(3, serial, value)
                              : tag == u"run-picture" ? promptView(3, serial, message)
                                                      : workingView(3, serial, 2, 0.4);
        Screen screen(lineWith(view), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_3);
        screen.key(Qt::Key_Return);
        if (tag == u"run-stop-question")
            screen.key(Qt::Key_X);
        if (tag == u"run-picture")
            QTRY_COMPARE(screen.find(u"bannerPicture"_s)->property("status").toInt(), 1);
        QVERIFY(screen.picture(tag));
        QCOMPARE(screen.text(u"headline"_s), headline);
        judge(screen);
        if (tag == u"run-value") {
            QCOMPARE(screen.focusName(), u"bannerEntry"_s);
            screen.type(u"2.4"_s);
            screen.key(Qt::Key_Return, {}, u"\r"_s);
            QCOMPARE(screen.station().asked, QStringList{u"answer 3 yes 2.4"_s});
        } else if (tag == u"run-picture") {
            screen.key(Qt::Key_Space);
            QCOMPARE(screen.station().asked, QStringList{u"answer 3 yes"_s});
        } else if (tag == u"run-stop-question") {
            QVERIFY(screen.isShown(u"page-stop"_s));
            screen.key(Qt::Key_Space);
            QCOMPARE(screen.station().asked, QStringList{u"stop 3"_s});
        } else if (tag == u"run-unknown") {
            screen.station().cutOff = {
                {view.runId, serial, u"T1"_s, u"3"_s, {}, {}, u"Lock"_s, {}, u"i"_s, u"lock"_s, {}}};
            screen.key(Qt::Key_K);
            QTRY_COMPARE(screen.text(u"notice"_s), u"The debug port is locked: the act was done."_s);
            QCOMPARE(screen.station().asked, QStringList{u"reconcile 3"_s});
        }
    }

    void followsARunAndItsLog()
    {
        Screen screen(lineWith(workingView(2, serial, 1, 0.1)), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_2);
        screen.key(Qt::Key_Return);
        QCOMPARE(screen.line().run()->selectedStep(), 1);
        QStringList log = sampleLog();
        for (int i = 0; i < 500; ++i)
            log << u"2026-11-21T14:29:08.%1Z\t2\tline %2"_s.arg(i % 1000, 3, 10, QChar(u'0')).arg(i);
        screen.station().logs[2] = log;
        screen.station().views[1] = workingView(2, serial, 2, 0.5);
        screen.station().touch(2);
        QTRY_COMPARE(screen.line().run()->selectedStep(), 2);
        QCOMPARE(screen.line().run()->log()->count(), 500);
        // At its end, as it grows
        QTRY_VERIFY(screen.find(u"logLines"_s)->property("atYEnd").toBool());
        QVERIFY(screen.picture(u"run-long-log"_s));
        judge(screen);
        screen.key(Qt::Key_Up);
        screen.station().views[1] = workingView(2, serial, 3, 0.5);
        screen.station().touch(2);
        QTRY_COMPARE(screen.text(u"word"_s, screen.tile(2)), u"RADIO LEVEL"_s);
        QCOMPARE(screen.line().run()->selectedStep(), 1); // chosen by a person: stays
    }

    void largeText()
    {
        Screen screen(lineWith(failView(5, serial)), lightLook({1600, 1000}, 2));
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_5);
        screen.key(Qt::Key_Return);
        QVERIFY(screen.picture(u"run-text-200"_s));
        judge(screen);
    }

    void smallWindow()
    {
        Screen screen(lineWith(failView(5, serial)), darkLook({1280, 720}));
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_5);
        screen.key(Qt::Key_Return);
        QVERIFY(screen.picture(u"run-1280"_s));
        judge(screen);
    }

    // The slip is a PDF whose text and QR code other programs read.
    void slip()
    {
        Screen screen(lineWith(failView(5, serial)), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_5);
        screen.key(Qt::Key_Return);
        screen.key(Qt::Key_P);
        QCOMPARE(screen.text(u"notice"_s), u"The slip for T1-00004118 is written."_s);
        const QString pdf = screen.text(u"noticeRemedy"_s);
        QVERIFY(QFile::exists(pdf));
        QVERIFY(pdf.endsWith(u"/T1-00004118-FAIL-5c0ffee.pdf"_s) || pdf.contains(u"/T1-00004118-FAIL-"_s));
        const auto output = [](const QString &program, const QStringList &arguments) {
            QProcess process;
            process.start(program, arguments);
            process.waitForFinished(30'000);
            return QString::fromUtf8(process.readAllStandardOutput());
        };
        const QString words = output(u"pdftotext"_s, {u"-layout"_s, pdf, u"-"_s});
        for (const QString &part :
             {u"FAIL"_s, serial, u"Supply is 3.47"_s, u"Red bin."_s, u"Radio level"_s, u"Line 3, station 2"_s})
            QVERIFY2(words.contains(part), qPrintable(part + u" in "_s + words));
        const QString base = QStringLiteral(SLIPWAY_SCREENS) + u"/slip"_s;
        QDir().mkpath(QStringLiteral(SLIPWAY_SCREENS));
        output(u"pdftoppm"_s, {u"-r"_s, u"200"_s, u"-png"_s, u"-singlefile"_s, pdf, base});
        QCOMPARE(output(u"zbarimg"_s, {u"-q"_s, u"--raw"_s, base + u".png"_s}).trimmed(), serial);
    }
};

SLIPWAY_SCREEN_MAIN(TestRunScreen)
#include "tst_runscreen.moc"
