// The step measure: numbers with limits and margins, texts, medians, and answers that are none.

#include "tests/support/fakecontext.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestMeasureStep : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void numbers_data()
    {
        QTest::addColumn<QString>("answer");
        QTest::addColumn<QString>("code");
        QTest::addColumn<bool>("marginal");
        QTest::addColumn<QString>("summary");
        QTest::newRow("inside") << u"3.312 V"_s << QString() << false << u"3.312 V"_s;
        QTest::newRow("at the limit") << u"3.2 V"_s << QString() << true << u"3.2 V, marginal"_s;
        QTest::newRow("near the upper") << u"3.39 V"_s << QString() << true << u"3.39 V, marginal"_s;
        QTest::newRow("below") << u"3.199 V"_s << u"measure.limits"_s << false << QString();
        QTest::newRow("above") << u"3.41 V"_s << u"measure.limits"_s << false << QString();
        QTest::newRow("in a log") << u"[00:01] adc: ok\nvdd: 3.3 V\n"_s << QString() << false << u"3.3 V"_s;
        QTest::newRow("no value") << u"adc: busy"_s << u"measure.no-match"_s << false << QString();
        QTest::newRow("no number") << u"3..3 V"_s << u"measure.not-a-number"_s << false << QString();
    }
    void numbers()
    {
        QFETCH(QString, answer);
        QFETCH(bool, marginal);
        FakeDevice device;
        device.answers.insert(u"adc vdd"_s, {{0, answer}});
        FakeContext context(device);
        const RecipeStep step = stepFrom(u"measure: { name: supply, command: \"adc vdd\", pattern: \"([0-9.]+) V\", "
                                         "unit: V, limits: [3.2, 3.4], marginal: [3.25, 3.35] }"_s);
        const QString code = context.codeOf(step);
        QTEST(code, "code");
        QTEST(context.lastSummary, "summary");
        if (code.isEmpty() || code == u"measure.limits") {
            QCOMPARE(context.measurements.size(), 1);
            const Measurement &m = context.measurements[0];
            QCOMPARE(m.name, u"supply"_s);
            QCOMPARE(m.unit, u"V"_s);
            QCOMPARE(m.low, 3.2);
            QCOMPARE(m.high, 3.4);
            QCOMPARE(m.marginal, marginal);
            QVERIFY(m.verdict == (code.isEmpty() ? Verdict::Pass : Verdict::Fail));
        } else {
            QVERIFY(context.measurements.isEmpty());
        }
    }

    void sentence()
    {
        FakeDevice device;
        device.answers.insert(u"adc vdd"_s, {{0, u"2.71"_s}});
        FakeContext context(device);
        try {
            context.perform(stepFrom(u"measure: { name: Supply, command: adc vdd, unit: V, limits: [3.2, ~] }"_s));
            QFAIL("passed");
        } catch (const Fault &fault) {
            QCOMPARE(fault.sentence(), u"Supply is 2.71 V, below 3.2 V."_s);
            QVERIFY(fault.retryable());
            QCOMPARE(fault.blame(), Blame::Unit);
        }
    }

    void openEnds()
    {
        FakeDevice device;
        device.answers.insert(u"n"_s, {{0, u"-1e3"_s}});
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"measure: { name: a, command: n, limits: [~, 5] }"_s)), QString());
        QCOMPARE(context.codeOf(stepFrom(u"measure: { name: a, command: n, limits: [-5, ~] }"_s)), u"measure.limits"_s);
        QCOMPARE(context.codeOf(stepFrom(u"measure: { name: a, command: n, unit: K }"_s)), QString());
        QVERIFY(!context.measurements.last().low);
    }

    void median()
    {
        FakeDevice device;
        device.answers.insert(u"n"_s, {{0, u"9"_s}, {0, u"3"_s}, {0, u"3.4"_s}, {0, u"3.2"_s}, {0, u"-7"_s}});
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"measure: { name: a, command: n, limits: [3, 4], count: 5 }"_s)), QString());
        QCOMPARE(*context.measurements[0].value, 3.2);
        QCOMPARE(context.measurements[0].text, u"median of 5, -7 to 9"_s);
        QCOMPARE(device.calls(u"shell.run"_s), 5);
        device.answers.insert(u"n"_s, {{0, u"1"_s}, {0, u"4"_s}});
        QCOMPARE(context.codeOf(stepFrom(u"measure: { name: b, command: n, count: 2 }"_s)), QString());
        QCOMPARE(*context.measurements[1].value, 2.5);
    }

    void texts()
    {
        FakeDevice device;
        device.answers.insert(u"mode"_s, {{0, u"mode: normal\n"_s}});
        device.settings.insert(u"id/serial"_s, "T1-00000007");
        FakeContext context(device);
        const auto code = [&](const QString &more) {
            return context.codeOf(stepFrom(u"measure: { name: m, "_s + more + u" }"_s));
        };
        const QString mode = u"command: mode, pattern: \"mode: (.*)\""_s;
        QCOMPARE(code(mode + u", equals: normal"_s), QString());
        QCOMPARE(context.measurements.last().text, u"normal"_s);
        QVERIFY(!context.measurements.last().value);
        QCOMPARE(code(mode + u", equals: Normal"_s), u"measure.text"_s);
        QVERIFY(context.measurements.last().verdict == Verdict::Fail);
        QCOMPARE(code(mode + u", matches: \"n[a-z]+\""_s), QString());
        QCOMPARE(code(mode + u", matches: \"n\""_s), u"measure.text"_s); // the whole of it
        QCOMPARE(code(mode), QString());                                 // recorded only
        QCOMPARE(code(u"setting: id/serial, equals: \"${serial}\""_s), QString());
        QCOMPARE(code(u"setting: id/none, equals: x"_s), u"device.refused"_s);
        context.fact(u"rssi"_s, u"-41"_s);
        QCOMPARE(code(u"fact: rssi, limits: [-50, -35]"_s), QString());
        QCOMPARE(code(u"fact: nothing"_s), u"recipe.no-variable"_s);
    }

    void refuses()
    {
        FakeDevice device;
        FakeContext context(device);
        const RecipeStep step = stepFrom(u"measure: { name: m, command: \"unknown ${serial}\" }"_s);
        try {
            context.perform(step);
            QFAIL("passed");
        } catch (const Fault &fault) {
            QVERIFY(fault.is(u"measure.command"));
            QVERIFY2(fault.sentence().contains(u"unknown T1-00000007"_s), qPrintable(fault.sentence()));
        }
        device.lacks << Capability::Shell << Capability::Blobs;
        QCOMPARE(context.codeOf(step), u"device.lacks"_s);
        QCOMPARE(context.codeOf(stepFrom(u"measure: { name: m, setting: a/b }"_s)), u"device.lacks"_s);
    }

    // A pattern that backtracks for ever meets PCRE's own limit and ends as "no such value".
    void hostilePattern()
    {
        FakeDevice device;
        device.answers.insert(u"n"_s, {{0, QString(5000, u'a') + u'!'}});
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"measure: { name: m, command: n, pattern: \"^((?:a+)+)$\" }"_s)),
                 u"measure.no-match"_s);
    }
};

SLIPWAY_TEST_MAIN(TestMeasureStep)
#include "tst_measurestep.moc"
