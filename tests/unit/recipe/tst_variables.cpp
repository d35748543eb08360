// Variables and the form of numbers.

#include "core/base/fault.h"
#include "core/recipe/variables.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;

class TestVariables : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void expands()
    {
        Variables variables;
        variables.set(u"serial"_s, u"T1-00000007"_s);
        variables.set(u"trick"_s, u"${serial}"_s);
        variables.setFact(u"hardware-id"_s, u"02-00"_s);
        QCOMPARE(variables.expand(u"plain $ {x} $"_s), u"plain $ {x} $"_s);
        QCOMPARE(variables.expand(u"<${serial}|${serial}>"_s), u"<T1-00000007|T1-00000007>"_s);
        QCOMPARE(variables.expand(u"${fact:hardware-id}"_s), u"02-00"_s);
        QCOMPARE(variables.expand(u"${trick}"_s), u"${serial}"_s); // once
        try {
            variables.expand(u"${serail}"_s);
            QFAIL("expanded");
        } catch (const Fault &fault) {
            QVERIFY(fault.is(u"recipe.no-variable"));
            QVERIFY(fault.sentence().contains(u"Did you mean \"serial\"?"_s));
        }
    }

    void declared()
    {
        RecipeVariable fixed{.name = u"site"_s, .value = u"Hall 3"_s};
        RecipeVariable fact{.name = u"id"_s, .from = RecipeVariable::From::Device, .fact = u"hardware-id"_s};
        Variables variables;
        variables.declare({fixed, fact});
        QCOMPARE(variables.expand(u"${site}"_s), u"Hall 3"_s);
        QVERIFY(!variables.value(u"id"_s));
        variables.setFact(u"hardware-id"_s, u"02-00"_s);
        QCOMPARE(variables.value(u"id"_s), u"02-00"_s);
    }

    void references()
    {
        qsizetype malformed = 0;
        const auto list = variableReferences(u"a${b}c${fact:d.e}f${}${9}"_s, &malformed);
        QCOMPARE(list.size(), 2);
        QCOMPARE(list[0].offset, 1);
        QCOMPARE(list[0].length, 4);
        QCOMPARE(list[1].name, u"fact:d.e"_s);
        QCOMPARE(malformed, 18);
        variableReferences(u"${open"_s, &malformed);
        QCOMPARE(malformed, 0);
        variableReferences(u"all good"_s, &malformed);
        QCOMPARE(malformed, -1);
    }

    void numbers()
    {
        const NumberFormat serial = NumberFormat::parse(u"T1-%08d"_s);
        QCOMPARE(serial.write(42), u"T1-00000042"_s);
        QCOMPARE(serial.read(u"T1-00000042"_s), 42);
        QCOMPARE(serial.highest(), 99'999'999);
        QVERIFY(serial.isDecimalSuffix());
        QCOMPARE(serial.prefix(), u"T1-"_s);
        for (const QString &other : {u"T1-0000004"_s, u"T1-000000042"_s, u"T2-00000042"_s, u"T1-0000004x"_s, u""_s})
            QVERIFY2(!serial.read(other), qPrintable(other));

        const NumberFormat mac = NumberFormat::parse(u"02-00-5E-%02x-%02x-%02x"_s);
        QCOMPARE(mac.write(1), u"02-00-5E-00-00-01"_s);
        QCOMPARE(mac.write(0x0a0b0c), u"02-00-5E-0a-0b-0c"_s);
        QCOMPARE(mac.read(u"02-00-5E-0a-0b-0c"_s), 0x0a0b0c);
        QVERIFY(!mac.read(u"02-00-5E-0A-0b-0c"_s));
        QVERIFY(!mac.isDecimalSuffix());
        QCOMPARE(mac.highest(), 0xffffff);
        QCOMPARE(NumberFormat::parse(u"%04X"_s).write(0xbeef), u"BEEF"_s);
        QCOMPARE(NumberFormat::parse(u"100%%-%02d-e"_s).write(7), u"100%-07-e"_s);
        QCOMPARE(NumberFormat::parse(u"100%%-%02d-e"_s).read(u"100%-07-e"_s), 7);
        QVERIFY_EXCEPTION_THROWN(serial.write(100'000'000), Fault);
        QVERIFY_EXCEPTION_THROWN(serial.write(-1), Fault);
    }

    void badForms_data()
    {
        QTest::addColumn<QString>("form");
        for (const char *form : {"T1", "", "%d", "%8d", "%00d", "%016d", "%08d%08d", "%02d-%02x", "%s", "50%", "%0"})
            QTest::newRow(form) << QString::fromLatin1(form);
    }
    void badForms()
    {
        QFETCH(QString, form);
        QVERIFY_EXCEPTION_THROWN(NumberFormat::parse(form), Fault);
    }

    void scans()
    {
        RecipeVariable serial{.name = u"serial"_s, .from = RecipeVariable::From::Scan, .pattern = u"T1-[0-9]{8}"_s};
        QVERIFY(accepts(serial, u"T1-00000007"_s));
        QVERIFY(!accepts(serial, u"T1-00000007\n"_s));
        QVERIFY(!accepts(serial, u"xT1-00000007"_s));
        QVERIFY(!accepts(serial, u"T1-000000071"_s));
        serial.pattern.clear();
        QVERIFY(accepts(serial, u"anything"_s));
        QVERIFY(!accepts(serial, {}));
    }
};

SLIPWAY_TEST_MAIN(TestVariables)
#include "tst_variables.moc"
