// What every room stands on: progress, deadlines, tasks, text, files, device classes.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/progress.h"
#include "core/base/task.h"
#include "core/base/text.h"
#include "core/base/verdict.h"
#include "core/device/deviceclass.h"
#include "core/device/driver.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QTemporaryDir>

#include <memory>
#include <thread>

using namespace slipway;
using namespace Qt::StringLiterals;

class TestBase : public QObject
{
    Q_OBJECT

    template <class Function> static QString codeThrownBy(Function function)
    {
        try {
            function();
        } catch (const Fault &fault) {
            return QString::fromLatin1(fault.code());
        }
        return {};
    }

private Q_SLOTS:
    void progressIsWeighted()
    {
        Progress root(u"run"_s);
        Progress &flash = root.add(u"Flash"_s, 3);
        Progress &lock = root.add(u"Lock"_s, 1);
        flash.setTotal(1000);
        flash.setDone(500);
        QCOMPARE(root.snapshot().fraction, 0.375);
        QCOMPARE(root.snapshot().phase, u"Flash"_s);
        QCOMPARE(root.snapshot().done, 500);
        flash.finish();
        lock.begin();
        QCOMPARE(root.snapshot().fraction, 0.75);
        QCOMPARE(root.snapshot().phase, u"Lock"_s);
        QCOMPARE(root.snapshot().total, 0);
        const auto segments = root.snapshot().segments;
        QCOMPARE(segments.size(), 2);
        QCOMPARE(segments[0].weight, 0.75);
        QCOMPARE(segments[0].fraction, 1.0);
        lock.finish();
        QCOMPARE(root.snapshot().fraction, 1.0);
    }

    void progressOfARetry()
    {
        Progress root(QStringLiteral("step"));
        Progress &first = root.child(QStringLiteral("Write"), 3);
        root.child(QStringLiteral("Restart"), 1).finish();
        first.setTotal(10);
        first.setDone(10);
        first.finish();
        QCOMPARE(root.snapshot().fraction, 1.0);
        Progress &again = root.child(QStringLiteral("Write"), 3);
        QCOMPARE(&again, &first);
        QCOMPARE(root.snapshot().segments.size(), 2);
        QCOMPARE(root.snapshot().fraction, 0.25);
    }

    void progressMayGoBack()
    {
        Progress root(u"run"_s);
        Progress &flash = root.add(u"Flash"_s);
        flash.setTotal(100);
        flash.setDone(80);
        flash.setDone(20);
        QCOMPARE(root.snapshot().fraction, 0.2);
        flash.setDone(1000);
        QCOMPARE(root.snapshot().fraction, 1.0);
    }

    void progressTellsOfChangesAndNotes()
    {
        int calls = 0;
        Progress root(u"run"_s, [&calls] { ++calls; });
        Progress &reset = root.add(u"Reset"_s);
        reset.setNote(u"waiting for the device"_s);
        QVERIFY(calls > 0);
        QCOMPARE(root.snapshot().note, u"waiting for the device"_s);
        reset.finish();
        QVERIFY(root.snapshot().note.isEmpty());
    }

    void progressIsReadWhileWritten()
    {
        Progress root(u"run"_s);
        Progress &flash = root.add(u"Flash"_s);
        flash.setTotal(200'000);
        std::jthread writer([&flash] {
            for (int i = 0; i <= 200'000; i += 10)
                flash.setDone(i);
        });
        double last = 0;
        while (last < 1.0) {
            const double now = root.snapshot().fraction;
            QVERIFY(now >= last);
            last = now;
        }
    }

    void deadlines()
    {
        QVERIFY(!Deadline::never().expired());
        QVERIFY(Deadline::in(std::chrono::milliseconds(-1)).expired());
        QCOMPARE(Deadline::in(std::chrono::milliseconds(-5)).remaining().count(), 0);
        const Deadline near = Deadline::never().sooner(std::chrono::seconds(1));
        QVERIFY(!near.isNever());
        QVERIFY(near.remaining() <= std::chrono::seconds(1));
    }

    void tasksStopAndEnd()
    {
        const auto source = std::make_unique<std::stop_source>();
        Task task;
        task.stop = source->get_token();
        QCOMPARE(codeThrownBy([&] { task.check(u"Reading"_s); }), QString());
        QCOMPARE(codeThrownBy([&] { task.within(std::chrono::milliseconds(-1)).check(u"Reading"_s); }),
                 u"base.timeout"_s);
        source->request_stop();
        QCOMPARE(codeThrownBy([&] { task.check(u"Reading"_s); }), u"base.stopped"_s);
    }

    void nearMisses()
    {
        const QStringList kinds{u"flash"_s, u"identify"_s, u"idevid"_s, u"lock"_s};
        QCOMPARE(nearMiss(u"flsh"_s, kinds), u"flash"_s);
        QCOMPARE(nearMiss(u"falsh"_s, kinds), u"flash"_s);
        QCOMPARE(nearMiss(u"Lock"_s, kinds), u"lock"_s);
        QCOMPARE(nearMiss(u"zzzzzz"_s, kinds), QString());
        QCOMPARE(nearMiss(QString(100'000, u'a'), kinds), QString());
    }

    void durations()
    {
        QVERIFY(parseDurationMs(u"30s"_s) == 30'000);
        QVERIFY(parseDurationMs(u"1.5 s"_s) == 1500);
        QVERIFY(parseDurationMs(u"16ms"_s) == 16);
        QVERIFY(parseDurationMs(u"2min"_s) == 120'000);
        QVERIFY(parseDurationMs(u"7"_s) == 7000);
        QVERIFY(!parseDurationMs(u"-1s"_s));
        QVERIFY(!parseDurationMs(u"soon"_s));
        QVERIFY(!parseDurationMs(u"99999999999s"_s));
    }

    void hexIsStrict()
    {
        QCOMPARE(hex("\x01\xfe"), u"01fe"_s);
        QCOMPARE(hex("\x01\xfe", u':'), u"01:fe"_s);
        QVERIFY(fromHex(u"01FE") == QByteArray("\x01\xfe"));
        QVERIFY(!fromHex(u"01F"));
        QVERIFY(!fromHex(u"0x12"));
        QVERIFY(!fromHex(u"\u0661\u0661")); // digits, but not hex digits
    }

    void textFromOutsideIsMadeSafe()
    {
        QCOMPARE(oneLine(u"a\x1b[31mb\nc"_s), u"a\uFFFD[31mb c"_s);
        QCOMPARE(oneLine(QString(1000, u'x'), 10).size(), 11);
    }

    void filesAreReadWithLimits()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath(u"a"_s);
        writeFile(path, QByteArray(100, 'x'), Access::OwnerOnly);
        QCOMPARE(readFile(path, 100, u"a test"_s).size(), 100);
        QCOMPARE(codeThrownBy([&] { readFile(path, 99, u"a test"_s); }), u"file.too-large"_s);
        QCOMPARE(codeThrownBy([&] { readFile(folder.path(), 99, u"a test"_s); }), u"file.unreadable"_s);
        QCOMPARE(codeThrownBy([&] { readFile(folder.filePath(u"b"_s), 99, u"a test"_s); }), u"file.unreadable"_s);
        QCOMPARE(codeThrownBy([&] { writeFile(folder.filePath(u"no/such/x"_s), "x"); }), u"file.unwritable"_s);
        QCOMPARE(QFile::permissions(path) & QFile::Permissions(0x0077), QFile::Permissions());
    }

    void deviceClassesAreExactlyThoseOfTheDraft()
    {
        QCOMPARE(DeviceClass::parse({u"M"_s, u"C3"_s, u"F1"_s, u"T1"_s, u"Is0"_s, u"Is8"_s}).tokens().size(), 6);
        for (const QString &token : {u"C5"_s, u"C9"_s, u"S5"_s, u"F4"_s, u"Is3"_s, u"c3"_s, u"X"_s, QString()})
            QCOMPARE(codeThrownBy([&] { DeviceClass::parse({token}); }), u"device.class"_s);
        QCOMPARE(codeThrownBy([] { DeviceClass::parse({u"C3"_s, u"C4"_s}); }), u"device.class-twice"_s);
        QCOMPARE(codeThrownBy([] { DeviceClass::parse({u"M"_s, u"J"_s}); }), u"device.class-twice"_s);
        QVERIFY(DeviceClass::parse({u"F0"_s}).rulesOutFieldUpdate());
        QVERIFY(!DeviceClass::parse({u"F1"_s}).rulesOutFieldUpdate());
        QVERIFY(DeviceClass::parse({u"T1"_s}).needsTimeSet());
        QVERIFY(DeviceClass::parse({u"T9"_s, u"TP0"_s}).needsTimeSet());
        QVERIFY(!DeviceClass::parse({u"T10"_s, u"TP9"_s}).needsTimeSet());
    }

    void verdictsAreSpelledOneWay()
    {
        for (const Verdict verdict : {Verdict::Pass, Verdict::Fail, Verdict::Error, Verdict::Stopped, Verdict::Unknown})
            QVERIFY(verdictFromString(toString(verdict)) == verdict);
        QVERIFY(!verdictFromString(u"pass"));
    }

    void unknownDriverNamesTheNearest()
    {
        const DriverRegistry none;
        QCOMPARE(codeThrownBy([&] { (void)none.find(u"smp"_s); }), u"driver.unknown"_s);
    }
};

SLIPWAY_TEST_MAIN(TestBase)
#include "tst_base.moc"
