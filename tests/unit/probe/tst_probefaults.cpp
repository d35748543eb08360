// What goes wrong behind a probe, and with OpenOCD itself: silence, cut answers, garbage, death, a pulled cable, flash
// that lies. Each ends in one sentence with a remedy, and the same device object can do it again where that helps.

#include "core/base/progress.h"
#include "drivers/probe/openocdclient.h"
#include "tests/support/probebench.h"
#include "tests/support/testmain.h"

#include <signal.h>

#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

// Calls once when writing has come so far.
struct Midway {
    std::function<void()> call;
    bool done = false;
    Progress progress{u"Write"_s, [this] {
                          const auto snapshot = progress.snapshot();
                          if (!done && snapshot.done > 2000 && snapshot.note.isEmpty()) {
                              done = true;
                              call();
                          }
                      }};
};

} // namespace

class TestProbeFaults : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void start_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::addColumn<QString>("code");
        QTest::newRow("no power, low") << u"unpowered:value=0"_s << u"probe.no-target"_s;
        QTest::newRow("no power, high") << u"unpowered:value=1"_s << u"probe.no-target"_s;
        QTest::newRow("another chip") << u"wrong-chip:value=0x4ba00477"_s << u"probe.wrong-chip"_s;
        QTest::newRow("no probe's answers") << u"garbage:every=900"_s << u"probe.no-probe"_s;
        QTest::newRow("cut") << u"disconnect:after=9000"_s << u"probe.died"_s;
        QTest::newRow("silence") << u"silence:after=3000"_s << u"base.timeout"_s;
    }

    void start()
    {
        QFETCH(QString, fault);
        QFETCH(QString, code);
        ProbeBench bench;
        bench.probe.setFault(VirtualProbeFault::parse(fault));
        QString text;
        const QString got = faultOf(
            [&] {
                ProbeDriver().open({bench.probe.path(), 0, u"stm32f1"_s},
                                   withinSeconds(code == "base.timeout"_L1 ? 4 : 60));
            },
            &text);
        QVERIFY2(got == code, qPrintable(got + u' ' + text));
        // The same unit, put right.
        bench.probe.clearFaults();
        bench.probe.unplug();
        QVERIFY(!bench.open()->facts(withinSeconds(20)).hardwareId.isEmpty());
    }

    void nobodyThere()
    {
        QString text;
        QCOMPARE(faultOf(
                     [] {
                         ProbeDriver().open({u"bitbang:127.0.0.1:9"_s, 0, {}}, withinSeconds(20));
                     },
                     &text),
                 u"probe.no-probe"_s);
        QVERIFY2(text.contains("bitbang:127.0.0.1:9"_L1), qPrintable(text));
        for (const QString &port : {u"bitbang:"_s, u"bitbang:a:0"_s, u"bitbang:a:70000"_s, u"bitbang:[exec id]:1"_s,
                                    u"bitbang:a b:1"_s, u"/dev/ttyUSB0"_s, u"probe:"_s, QString()})
            QCOMPARE(faultOf([&port] { ProbeDriver().open({port, 0, {}}, withinSeconds(20)); }), u"probe.port"_s);
    }

    void noOpenOcd()
    {
        const QByteArray path = qgetenv("PATH");
        qputenv("PATH", "/nonexistent");
        QString text;
        const QString code = faultOf(
            [] {
                ProbeDriver().open({u"bitbang:127.0.0.1:9"_s, 0, {}}, withinSeconds(20));
            },
            &text);
        qputenv("PATH", path);
        QCOMPARE(code, u"probe.no-openocd"_s);
        QVERIFY2(text.contains("apt install openocd"_L1), qPrintable(text));
    }

    // A Tcl server that is none, or not for long.
    void wire_data()
    {
        QTest::addColumn<QByteArray>("script");
        QTest::addColumn<QString>("code");
        QTest::newRow("silence") << QByteArray("ask; say '1 0 '; ask; exec sleep 100") << u"probe.silent"_s;
        QTest::newRow("cut answer") << QByteArray("ask; say '1 0 '; ask; printf '2 0 0x4'") << u"probe.died"_s;
        QTest::newRow("no answer's end") << QByteArray("ask; say '1 0 '; ask; printf '2 0 0x4'; exec sleep 100")
                                         << u"probe.silent"_s;
        QTest::newRow("garbage") << QByteArray("ask; say '1 0 '; ask; say 'what'; exec sleep 100")
                                 << u"probe.bad-answer"_s;
        QTest::newRow("another's answer")
            << QByteArray("ask; say '1 0 '; ask; say '1 0 x'; exec sleep 100") << u"probe.bad-answer"_s;
        QTest::newRow("two answers") << QByteArray(
                                            "ask; say '1 0 '; ask; printf '2 0 a\\x1a3 0 b\\x1a'; exec sleep 100")
                                     << u"probe.bad-answer"_s;
        QTest::newRow("endless") << QByteArray("ask; say '1 0 '; ask; exec cat /dev/zero") << u"probe.bad-answer"_s;
        QTest::newRow("endless log") << QByteArray("ask; say '1 0 '; ask; cat /dev/zero >&2") << u"probe.silent"_s;
        QTest::newRow("dies") << QByteArray("ask; say '1 0 '; ask; kill -9 $$") << u"probe.died"_s;
        QTest::newRow("dies of a pulled cable")
            << QByteArray("ask; say '1 0 '; ask; echo 'Error: error reading data: LIBUSB_ERROR_NO_DEVICE' >&2; exit 1")
            << u"link.gone"_s;
        QTest::newRow("refuses") << QByteArray("ask; say '1 0 '; ask; echo 'Error: it does not want' >&2; say '2 1 '; "
                                               "exec sleep 100")
                                 << u"probe.refused"_s;
        QTest::newRow("does not start") << QByteArray("echo 'Error: nothing works' >&2; exit 1") << u"probe.start"_s;
        QTest::newRow("may not") << QByteArray(
                                        "echo 'Error: libusb_open() failed with LIBUSB_ERROR_ACCESS' >&2; exit 1")
                                 << u"link.usb-permission"_s;
        QTest::newRow("no power") << QByteArray("echo 'Info : Target voltage: 0.01' >&2; exit 1")
                                  << u"probe.no-power"_s;
    }

    void wire()
    {
        QFETCH(QByteArray, script);
        QFETCH(QString, code);
        const FakeOpenOcd fake(script);
        QString text;
        const QString got = faultOf(
            [&code] {
                OpenOcdClient client({}, u"usb:1-2"_s, u"x"_s, withinSeconds(20));
                client.demand("read_memory 0 32 1", u"read at 0"_s, code == "probe.silent"_L1 ? 300ms : 20'000ms,
                              withinSeconds(60));
            },
            &text);
        QVERIFY2(got == code, qPrintable(got + u' ' + text));
        QVERIFY2(text.count(u'\n') == 0, qPrintable(text));
    }

    // OpenOCD is killed in the middle of writing; the same object writes anew.
    void killedWhileWriting()
    {
        const ProbeBench bench;
        const auto device = bench.open();
        auto &probe = dynamic_cast<ProbeDevice &>(*device);
        const pid_t pid = probe.openOcd(withinSeconds(20));
        Midway midway{[pid] { ::kill(pid, SIGKILL); }};
        const QByteArray program = someProgram(30'000);
        Task task = withinSeconds(60);
        task.progress = &midway.progress;
        QString text;
        QCOMPARE(faultOf([&] { device->memory()->write({{probeFlash, program}}, {}, task); }, &text), u"probe.died"_s);
        QVERIFY(midway.done);
        // Cut off: the vector table is not there, so nothing half starts.
        QCOMPARE(bench.probe.facts().flash.first(8), QByteArray(8, '\xff'));
        device->memory()->write({{probeFlash, program}}, {}, withinSeconds(60));
        QCOMPARE(bench.probe.facts().flash.first(30'000), program);
        QVERIFY(probe.openOcd(withinSeconds(20)) != pid);
    }

    void unpluggedWhileWriting()
    {
        ProbeBench bench;
        const auto device = bench.open();
        Midway midway{[&bench] { bench.probe.unplug(); }};
        const QByteArray program = someProgram(30'000);
        Task task = withinSeconds(60);
        task.progress = &midway.progress;
        QString text;
        const QString code = faultOf([&] { device->memory()->write({{probeFlash, program}}, {}, task); }, &text);
        QVERIFY2(code == "probe.died"_L1 || code == "link.gone"_L1, qPrintable(code + u' ' + text));
        device->memory()->write({{probeFlash, program}}, {}, withinSeconds(60));
        QCOMPARE(bench.probe.facts().flash.first(30'000), program);
    }

    void stoppedWhileWriting()
    {
        const ProbeBench bench;
        const auto device = bench.open();
        std::stop_source stop;
        Midway midway{[&stop] { stop.request_stop(); }};
        const QByteArray program = someProgram(30'000);
        Task task = withinSeconds(60);
        task.progress = &midway.progress;
        task.stop = stop.get_token();
        QCOMPARE(faultOf([&] { device->memory()->write({{probeFlash, program}}, {}, task); }), u"base.stopped"_s);
        device->memory()->write({{probeFlash, program}}, {}, withinSeconds(60));
        QCOMPARE(bench.probe.facts().flash.first(30'000), program);
    }

    void stuckByte()
    {
        ProbeBench bench;
        bench.probe.setFault(VirtualProbeFault::parse(u"stuck-byte:after=2501"_s));
        const auto device = bench.open();
        QString text;
        QByteArray program = someProgram(5000);
        program[2501] = '\x12';
        QCOMPARE(faultOf(
                     [&] {
                         device->memory()->write({{probeFlash, program}}, {}, withinSeconds(60));
                     },
                     &text),
                 u"memory.verify"_s);
        QVERIFY2(text.contains("0x080009c5"_L1), qPrintable(text));
        bench.probe.clearFaults();
        device->memory()->write({{probeFlash, program}}, {}, withinSeconds(60));
    }

    void deafErase()
    {
        VirtualProbeOptions options;
        options.flash = QByteArray(8192, '\x11');
        ProbeBench bench(options);
        bench.probe.setFault(VirtualProbeFault::parse(u"deaf-erase"_s));
        const auto device = bench.open();
        QString text;
        const QString code = faultOf(
            [&] {
                device->memory()->write({{probeFlash, someProgram(5000)}}, {}, withinSeconds(60));
            },
            &text);
        QVERIFY2(code == "probe.write"_L1, qPrintable(code + u' ' + text));
    }

    void lockThatFails()
    {
        ProbeBench bench;
        bench.probe.setFault(VirtualProbeFault::parse(u"lock-fails"_s));
        const auto device = bench.open();
        QCOMPARE(faultOf([&] { device->locker()->lock(u"readout"_s, withinSeconds(20)); }), u"probe.lock-open"_s);
        bench.probe.clearFaults();
        device->locker()->lock(u"readout"_s, withinSeconds(20));
        QVERIFY(bench.probe.facts().readoutProtected);
    }
};

SLIPWAY_TEST_MAIN(TestProbeFaults)
#include "tst_probefaults.moc"
