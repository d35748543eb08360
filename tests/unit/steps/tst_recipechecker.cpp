// The checker: every finding with its place, in one pass; near misses; the order rule; drivers; signatures.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/identity/authority.h"
#include "core/identity/cms.h"
#include "core/steps/recipechecker.h"
#include "core/steps/recipesignature.h"
#include "core/steps/step.h"
#include "tests/support/testmain.h"

#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

const QString data = QStringLiteral(SLIPWAY_TEST_DATA "/recipe");
const QByteArray head = "slipway: 1\nname: Test\ndevice: { driver: smp }\n"; // three lines

class FakeDriver : public Driver
{
public:
    QString name() const override { return u"smp"_s; }
    QString summary() const override { return {}; }
    QSet<Capability> capabilities(const QString &board) const override
    {
        return board == u"plain" ? QSet{Capability::Firmware, Capability::Reset}
                                 : QSet{Capability::Firmware, Capability::Reset, Capability::Shell, Capability::Lock};
    }
    QStringList boards() const override { return {u"t1-rev-b"_s, u"plain"_s}; }
    QList<PortInfo> ports() const override { return {}; }
    std::unique_ptr<Device> open(const OpenOptions &, const Task &) const override { return {}; }
};

QStringList sentences(const QByteArray &content, const RecipeChecks &checks = {})
{
    QStringList list;
    const auto findings = checkRecipe(content, data + u"/test.yaml"_s, checks).findings;
    for (const RecipeFinding &finding : findings)
        list << u"%1:%2: "_s.arg(finding.at.line).arg(finding.at.column) +
                    (finding.severity == RecipeFinding::Severity::Warning ? u"warning: "_s : QString()) +
                    finding.sentence;
    return list;
}

QString only(const QByteArray &steps, const RecipeChecks &checks = {})
{
    return sentences(head + "steps:\n" + steps, checks).join(u" & "_s);
}

} // namespace

class TestRecipeChecker : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void nearMiss()
    {
        const CheckedRecipe checked = checkRecipe(readFile(data + u"/bad.yaml"_s, 1 << 20, u"x"_s), u"bad.yaml"_s);
        QCOMPARE(checked.findings.size(), 1);
        QCOMPARE(checked.findings[0].text(), u"bad.yaml:7:5: unknown step \"flsh\"; did you mean \"flash\"?"_s);
        QVERIFY(!checked.usable());
        try {
            loadRecipe(data + u"/bad.yaml"_s);
            QFAIL("loaded");
        } catch (const Fault &fault) {
            QVERIFY(fault.is(u"recipe.invalid"));
            QCOMPARE(fault.exitStatus(), 2);
            QVERIFY(fault.sentence().contains(u"/bad.yaml:7:5: unknown step"_s));
        }
        QVERIFY_EXCEPTION_THROWN(checkRecipeFile(data + u"/nowhere.yaml"_s), Fault);
        QVERIFY_EXCEPTION_THROWN(checkRecipeFile(data), Fault);
    }

    void allInOnePass()
    {
        const QStringList expected{
            u"3:1: unknown key \"vesion\"; did you mean \"version\"?"_s,
            u"4:24: \"device\" has no key \"bord\"; did you mean \"board\"?"_s,
            u"4:44: \"C5\" is no device class of RFC 7228bis."_s,
            u"6:19: \"from\" must be one of scan, allocator, device, fixed, lot, not \"scam\"; did you mean \"scan\"?"_s,
            u"7:46: \"format\" is unusable: a \"%\" must start %0Nd, %0Nx or %0NX with N from 1 to 15"_s,
            u"8:3: a variable's name is a letter, then letters, digits, - and _; not \"9lives\""_s,
            u"10:27: \"expect\" has no key \"bored\"; did you mean \"board\"?"_s,
            u"11:46: \"limits\" is the wrong way round: 3.4 is above 3.2"_s,
            u"12:23: the name \"a\" is taken by the step on line 11"_s,
            u"12:35: unknown variable \"mak\"; did you mean \"mac\"?"_s,
            u"12:54: \"pattern\" must have exactly 1 group in parentheses, but has 2"_s,
            u"13:47: \"pattern\" is no regular expression: missing terminating ] for character class at character 3"_s,
            u"14:24: there is no file \"nowhere.bin\""_s,
            u"15:24: \"debug\" must be true or false, not \"yes\""_s,
            u"16:5: \"prompt\" needs the parameter \"text\""_s,
            u"18:5: a list item holds one step; indent \"reset\" to make it a parameter, or start a new item with "
            "\"- \""_s,
            u"19:5: \"set\" needs \"settings\", \"files\" or both"_s,
            u"20:24: \"tolerance\" must be a time such as 500ms, 30s or 2min, not \"0s\""_s,
            u"20:37: \"timeout\" must be a time such as 500ms, 30s or 2min, not \"never\""_s,
            u"20:53: \"retries\" must be a whole number from 0 to 10, not \"99\""_s,
            u"21:10: \"on-fail\" must be a list of steps, each starting with \"- \""_s,
        };
        const QStringList found = sentences(readFile(data + u"/many.yaml"_s, 1 << 20, u"x"_s));
        for (qsizetype i = 0; i < std::max(found.size(), expected.size()); ++i) {
            QString wanted = expected.value(i);
            QString got = found.value(i);
            if (wanted.startsWith(u"4:44"_s)) // may name a near miss
                got.truncate(wanted.size() - 1), wanted.chop(1);
            QCOMPARE(got, wanted);
        }
    }

    void sample()
    {
        DriverRegistry drivers;
        const CheckedRecipe checked =
            checkRecipeFile(QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples/recipes/t1.yaml"), {});
        QVERIFY2(checked.findings.isEmpty(),
                 checked.findings.isEmpty() ? "" : qPrintable(checked.findings.first().text()));
        const Recipe &recipe = checked.recipe;
        QCOMPARE(recipe.driver, u"smp"_s);
        QCOMPARE(recipe.board, u"t1-rev-b"_s);
        QCOMPARE(recipe.deviceClass.token(u"F"_s), u"F1"_s);
        QCOMPARE(recipe.sha256.size(), 32);
        QCOMPARE(recipe.variables.size(), 1);
        QCOMPARE(recipe.variables[0].from, RecipeVariable::From::Scan);
        QStringList kinds;
        for (const RecipeStep &step : recipe.steps)
            kinds << step.kind;
        QCOMPARE(kinds, (QStringList{u"identify"_s, u"flash"_s, u"set"_s, u"time"_s, u"idevid"_s, u"measure"_s,
                                     u"measure"_s, u"label"_s, u"lock"_s}));
        const RecipeStep &flash = recipe.steps[1];
        QVERIFY(QFileInfo(flash.parameters.value(u"image"_s).toString()).isAbsolute());
        QCOMPARE(flash.parameters.value(u"activation"_s).toString(), u"test"_s); // the default
        QCOMPARE(flash.retries, 1);
        QCOMPARE(flash.timeoutMs, 300'000);
        QCOMPARE(recipe.steps[5].parameters.value(u"limits"_s).toList(), (QVariantList{3.2, 3.4}));
        QCOMPARE(recipe.steps[8].parameters.value(u"debug"_s).toBool(), true);
    }

    void broken_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("said");
        QTest::newRow("empty") << QByteArray() << u"1:1: the file is empty"_s;
        QTest::newRow("list") << QByteArray("- a\n")
                              << u"1:1: a recipe is a map that starts with \"slipway: 1\", not a list"_s;
        QTest::newRow("text") << QByteArray("hello\n")
                              << u"1:1: a recipe is a map that starts with \"slipway: 1\", not \"hello\""_s;
        QTest::newRow("image") << QByteArray("\x3d\xb8\xf3\x96", 4) << u"1:2: the file is not UTF-8 text"_s;
        QTest::newRow("tab") << head + "steps:\n\t- reset\n" << u"5:1: a tab stands in the indentation; use spaces"_s;
        QTest::newRow("duplicate") << head + "steps: [reset]\nname: x\n"
                                   << u"5:1: \"name\" is given twice; the first is on line 2"_s;
        QTest::newRow("other form") << QByteArray("slipway: 2\nname: x\ndevice: { driver: smp }\nsteps: [reset]\n")
                                    << u"1:10: this program reads recipes of form 1, not \"2\""_s;
        QTest::newRow("no driver") << QByteArray("slipway: 1\nname: x\ndevice: {}\nsteps: [reset]\n")
                                   << u"3:9: \"driver\" is missing"_s;
        QTest::newRow("no steps") << head << u"1:1: \"steps\" is missing"_s;
        QTest::newRow("empty steps") << head + "steps:\n"
                                     << u"4:1: \"steps\" must be a list of steps, each starting with \"- \""_s;
    }
    void broken()
    {
        QFETCH(QByteArray, content);
        QTEST(sentences(content).join(u" & "_s), "said");
    }

    void order()
    {
        QCOMPARE(only("  - lock: { debug: true }\n"), QString());
        QCOMPARE(only("  - lock: { debug: true }\n  - set: { settings: { a: b } }\n"),
                 u"6:5: \"set\" writes to the device after the irreversible step \"lock\" on line 5; put it before "
                 "that"_s);
        QCOMPARE(
            only("  - lock: { debug: true }\n  - reset\n  - identify\n"),
            u"5:5: warning: irreversible step \"lock\" is not last; \"reset\" on line 6 can still fail after it"_s);
        // Two locks in a row are no trouble.
        QCOMPARE(only("  - lock: { debug: true }\n  - lock: { others: [fuse] }\n"), QString());
        QVERIFY(only("  - reset\non-fail:\n  - lock: { debug: true }\n").startsWith(u"7:5: warning: "_s));
        QCOMPARE(only("  - reset\nalways:\n  - lock: { debug: true }\n"),
                 u"7:5: irreversible step \"lock\" stands in \"always\" and would be done to a unit that failed"_s);
    }

    void classRules()
    {
        const QByteArray f0 = "slipway: 1\nname: x\ndevice: { driver: smp, class: [F0] }\nsteps:\n";
        QCOMPARE(sentences(f0 + "  - flash: { image: bad.yaml, signer: bad.yaml }\n").join(u' '),
                 u"5:5: \"flash\" is ruled out: class F0 means that its software cannot be replaced"_s);
        const QByteArray t0 = "slipway: 1\nname: x\ndevice: { driver: smp, class: [T0] }\nsteps:\n";
        QCOMPARE(sentences(t0 + "  - time\n").join(u' '),
                 u"5:5: class T0 means that the device keeps no time: it cannot be set"_s);
        const QByteArray t1 = "slipway: 1\nname: x\ndevice: { driver: smp, class: [T1] }\nsteps:\n";
        QCOMPARE(sentences(t1 + "  - idevid: { profile: t1 }\n").join(u' '),
                 u"5:5: warning: a device of class T1 does not know the time by itself; put a \"time\" step before "
                 "\"idevid\""_s);
        QVERIFY(sentences(t1 + "  - time\n  - idevid: { profile: t1 }\n").isEmpty());
        QCOMPARE(sentences("slipway: 1\nname: x\ndevice: { driver: smp, class: [C1, C2] }\nsteps: [reset]\n").size(),
                 1);
    }

    void variables()
    {
        const QByteArray with =
            head + "variables:\n  site: Hall 3\n  hw: { from: device, fact: hardware-id }\nsteps:\n";
        QVERIFY(sentences(with + "  - prompt: { text: \"${site} ${hw} ${serial}\" }\n").isEmpty());
        QCOMPARE(only("  - prompt: { text: \"${site}\" }\n"), u"5:21: unknown variable \"site\""_s);
        QCOMPARE(only("  - prompt: { text: \"${ serial }\" }\n"),
                 u"5:21: \"${\" does not start a variable such as ${serial}"_s);
        QCOMPARE(only("  - prompt: { text: \"${fact:board}\" }\n"),
                 u"5:21: warning: \"${fact:board}\" is used before an \"identify\" step has read the device's facts"_s);
        QCOMPARE(only("  - identify\n  - prompt: { text: \"${fact:board}\" }\n"), QString());
        // A prompt's answer is known after it, not before.
        const QByteArray ask = "  - prompt: { name: ask, text: x, answer: value, into: batch }\n";
        const QByteArray use = "  - prompt: { name: use, text: \"${batch}\" }\n";
        QCOMPARE(only(ask + use), QString());
        QCOMPARE(only(use + ask), u"5:32: unknown variable \"batch\""_s);
        QCOMPARE(only("  - prompt: { text: x, answer: value, into: serial }\n"),
                 u"5:45: the variable \"serial\" is the unit's and cannot be set by a step"_s);
        QCOMPARE(sentences(head + "variables: { a: { from: scan, value: x } }\nsteps: [reset]\n").join(u' '),
                 u"4:31: a variable from scan has no key \"value\""_s);
        QCOMPARE(sentences(head + "variables: { a: { from: allocator, pool: p, format: \"%02d\", first: 100 } }\n"
                                  "steps: [reset]\n")
                     .join(u' '),
                 u"4:53: \"format\" has too few digits for 100"_s);
    }

    void measurements_data()
    {
        QTest::addColumn<QByteArray>("parameters");
        QTest::addColumn<QString>("said");
        QTest::newRow("nothing to read") << QByteArray("unit: V")
                                         << u"5:5: \"measure\" needs \"command\", \"setting\" or \"fact\": what to "
                                            "read"_s;
        QTest::newRow("two sources") << QByteArray("command: x, setting: y")
                                     << u"5:46: \"command\" and \"setting\" exclude each other"_s;
        QTest::newRow("text with limits") << QByteArray("command: x, equals: y, limits: [1, 2]")
                                          << u"5:56: \"limits\" is for numbers; \"equals\" and \"matches\" compare "
                                             "text"_s;
        QTest::newRow("both texts") << QByteArray("command: x, equals: y, matches: z")
                                    << u"5:57: \"equals\" and \"matches\" exclude each other"_s;
        QTest::newRow("marginal outside") << QByteArray("command: x, limits: [1, 2], marginal: [0, 2]")
                                          << u"5:63: \"marginal\" must lie inside \"limits\""_s;
        QTest::newRow("marginal alone") << QByteArray("command: x, marginal: [0, 2]")
                                        << u"5:47: \"marginal\" needs \"limits\" around it"_s;
        QTest::newRow("no numbers") << QByteArray("command: x, limits: [a, 2]")
                                    << u"5:45: \"limits\" must be two numbers, [low, high]; ~ leaves one end open"_s;
        QTest::newRow("both open") << QByteArray("command: x, limits: [~, ~]")
                                   << u"5:45: \"limits\" must be two numbers, [low, high]; ~ leaves one end open"_s;
        QTest::newRow("not finite") << QByteArray("command: x, limits: [.inf, nan]")
                                    << u"5:45: \"limits\" must be two numbers, [low, high]; ~ leaves one end open"_s;
    }
    void measurements()
    {
        QFETCH(QByteArray, parameters);
        QTEST(only("  - measure: { name: a, " + parameters + " }\n"), "said");
    }

    void files()
    {
        QCOMPARE(only("  - flash: { image: bd.yaml, signer: bad.yaml }\n"),
                 u"5:21: there is no file \"bd.yaml\"; did you mean \"bad.yaml\"?"_s);
        QCOMPARE(only("  - flash: { image: ., signer: bad.yaml }\n"), u"5:21: \".\" is not a file that can be read"_s);
        QCOMPARE(only("  - flash: { image: \"${serial}.bin\", signer: bad.yaml }\n"),
                 u"5:21: a file name takes no variables"_s);
        QCOMPARE(only("  - flash: { image: nowhere, signer: nowhere }\n", {.files = false}), QString());
        const QByteArray digest(64, 'a');
        QCOMPARE(
            only("  - flash: { image: bad.yaml }\n"),
            u"5:21: say by \"signer\" whose signature the image must have, or by \"sha256\" which file it must be"_s);
        QCOMPARE(only("  - flash: { image: bad.yaml, sha256: 12 }\n"),
                 u"5:39: \"sha256\" must be the 64 hex digits that sha256sum prints, not \"12\""_s);
        QCOMPARE(only("  - flash: { retries: 1 }\n"), u"5:5: \"flash\" takes either \"image\" or \"files\""_s);
        QCOMPARE(only("  - flash: { files: { 0x8000: bad.yaml } }\n", {.files = false}),
                 u"5:21: every file needs its \"sha256\", as in 0x8000: { file: NAME, sha256: ... }"_s);
        QCOMPARE(only("  - flash: { files: { 0x0: { file: bad.yaml, sha256: " + digest + " }, 0: bad.yaml } }\n"),
                 u"5:122: the address 0 is there twice"_s);
        QCOMPARE(only("  - flash: { files: { x: bad.yaml } }\n"), u"5:23: \"x\" is no address such as 0x10000"_s);
        QCOMPARE(only("  - flash: { files: { 0x0: { name: bad.yaml } } }\n"),
                 u"5:28: \"0x0\" must be a file name or { file: NAME, sha256: ... }"_s);
        QCOMPARE(only("  - flash: { image: bad.yaml, sha256: " + digest + ", at: here }\n"),
                 u"5:109: \"at\" must be an address such as 0x08000000, not \"here\""_s);
        QTemporaryDir folder;
        writeFile(folder.filePath(u"l.zpl"_s), "^XA^FD${sreial}^FS^XZ");
        const auto findings =
            checkRecipe(head + "steps:\n  - label: { template: l.zpl }\n", folder.filePath(u"r.yaml"_s)).findings;
        QCOMPARE(findings.size(), 1);
        QCOMPARE(findings[0].sentence, u"the template uses the unknown variable \"sreial\""_s);
        QVERIFY(only("  - label: { template: bad.yaml }\n").contains(u"no ZPL"_s));
    }

    void mudUrl()
    {
        QVERIFY(only("  - idevid: { profile: t1, mud-url: \"http://mud.example/x\" }\n")
                    .startsWith(u"5:37: this is no "
                                "MUD URL: "_s));
        QVERIFY(only("  - idevid: { profile: t1, mud-url: nothing }\n").contains(u"must be a URL"_s));
        QCOMPARE(only("  - idevid: { profile: t1, mud-url: \"https://mud.example/${serial}.json\" }\n"), QString());
    }

    void drivers()
    {
        DriverRegistry registry;
        registry.add(std::make_unique<FakeDriver>());
        const RecipeChecks checks{.drivers = &registry};
        const auto with = [&](const QByteArray &device) {
            return sentences("slipway: 1\nname: x\ndevice: { " + device +
                                 " }\nsteps:\n  - measure: { name: a, command: b }\n  - time\n",
                             checks)
                .join(u" & "_s);
        };
        QCOMPARE(with("driver: spm"), u"3:19: unknown driver \"spm\"; did you mean \"smp\"?"_s);
        QCOMPARE(with("driver: smp, board: t1-rev-c"),
                 u"3:31: driver \"smp\" knows no board \"t1-rev-c\"; did you mean \"t1-rev-b\"?"_s);
        QCOMPARE(with("driver: smp"), u"6:5: driver \"smp\" cannot do what \"time\" needs: clock"_s);
        QCOMPARE(with("driver: smp, board: plain"), u"5:5: driver \"smp\" cannot do what \"measure\" needs: shell & "
                                                    "6:5: driver \"smp\" cannot do what \"time\" needs: clock"_s);
    }

    void namesAreUnique()
    {
        const CheckedRecipe checked = checkRecipe(
            head + "steps:\n  - reset\n  - reset\n  - reset: { name: Third }\nalways:\n  - reset\n", u"/x.yaml"_s);
        QVERIFY(checked.usable());
        QCOMPARE(checked.recipe.steps[0].name, u"Restart"_s);
        QCOMPARE(checked.recipe.steps[1].name, u"Restart 2"_s);
        QCOMPARE(checked.recipe.steps[2].name, u"Third"_s);
        QCOMPARE(checked.recipe.always[0].name, u"Restart 3"_s);
    }

    void tooManySteps()
    {
        QCOMPARE(only(QByteArray("  - reset\n").repeated(201)), u"4:1: \"steps\" has more than 200 steps"_s);
        QVERIFY(only(QByteArray("  - reset\n").repeated(200)).isEmpty());
    }

    void signature()
    {
        QTemporaryDir folder;
        const StationKeys keys = createStationKeys(u"Test"_s, {});
        writeFile(folder.filePath(u"k"_s), keys.station.keyPem, Access::OwnerOnly);
        writeFile(folder.filePath(u"c"_s), keys.station.certificatePem);
        const auto key = SigningKey::open(folder.filePath(u"k"_s), folder.filePath(u"c"_s));
        const QString file = folder.filePath(u"r.yaml"_s);
        const QByteArray content = head + "steps: [reset]\n";
        writeFile(file, content);
        const RecipeChecks checks{.signatureAnchors = keys.ca.certificatePem};
        QVERIFY(!checkRecipeFile(file, checks).recipe.isSigned);

        const auto release = [&] {
            writeFile(file + u".p7s"_s, cmsSign(*key, releaseList(checkRecipeFile(file).recipe, content)));
        };
        release();
        QVERIFY(checkRecipeFile(file, checks).recipe.isSigned);
        QVERIFY(checkRecipeFile(file, checks).findings.isEmpty());
        QVERIFY(!checkRecipeFile(file).recipe.isSigned); // nobody to trust

        writeFile(file, content + "# one byte more\n");
        const CheckedRecipe changed = checkRecipeFile(file, checks);
        QVERIFY(!changed.recipe.isSigned);
        QVERIFY(changed.usable());
        QCOMPARE(changed.findings[0].sentence,
                 u"counts as not signed: The release does not hold: r.yaml is not the file that was released."_s);
        const StationKeys others = createStationKeys(u"Other"_s, {});
        writeFile(file, content);
        QVERIFY(!checkRecipeFile(file, {.signatureAnchors = others.ca.certificatePem}).recipe.isSigned);
    }

    void releaseCoversTheFiles()
    {
        QTemporaryDir folder;
        const StationKeys keys = createStationKeys(u"Test"_s, {});
        writeFile(folder.filePath(u"k"_s), keys.station.keyPem, Access::OwnerOnly);
        writeFile(folder.filePath(u"c"_s), keys.station.certificatePem);
        const auto key = SigningKey::open(folder.filePath(u"k"_s), folder.filePath(u"c"_s));
        const QString file = folder.filePath(u"r.yaml"_s);
        const QString image = folder.filePath(u"fw.bin"_s);
        const QString setting = folder.filePath(u"wifi.conf"_s);
        const QByteArray content = head + "steps:\n"
                                          "  - flash: { image: fw.bin, signer: key.pem }\n"
                                          "  - set: { files: { /lfs/wifi: wifi.conf } }\n";
        writeFile(file, content);
        writeFile(image, "firmware");
        writeFile(folder.filePath(u"key.pem"_s), "key");
        writeFile(setting, "wifi");
        const Recipe plain = checkRecipeFile(file).recipe;
        const QByteArray list = releaseList(plain, content);
        QCOMPARE(list.count('\n'), 4);
        QVERIFY(list.contains(QCryptographicHash::hash("firmware", QCryptographicHash::Sha256).toHex() + "  fw.bin\n"));
        writeFile(file + u".p7s"_s, cmsSign(*key, list));
        const RecipeChecks checks{.signatureAnchors = keys.ca.certificatePem};
        const Recipe released = checkRecipeFile(file, checks).recipe;
        QVERIFY(released.isSigned);
        QCOMPARE(readReleased(released, image, 100, u"x"_s), QByteArray("firmware"));

        for (const QString &changed : {image, setting, folder.filePath(u"key.pem"_s)}) {
            const QByteArray before = readFile(changed, 100, u"x"_s);
            writeFile(changed, before + "!");
            const CheckedRecipe again = checkRecipeFile(file, checks);
            QVERIFY(!again.recipe.isSigned);
            QCOMPARE(again.findings[0].sentence, u"counts as not signed: The release does not hold: %1 is not the file "
                                                 "that was released."_s.arg(QFileInfo(changed).fileName()));
            // Of the recipe that was loaded before it is not taken any more.
            try {
                readReleased(released, changed, 100, u"x"_s);
                QFAIL("taken");
            } catch (const Fault &fault) {
                QVERIFY(fault.is(u"recipe.file-changed"));
            }
            QCOMPARE(readReleased(plain, changed, 100, u"x"_s), before + "!");
            writeFile(changed, before);
        }
        QVERIFY(checkRecipeFile(file, checks).recipe.isSigned);
    }
};

SLIPWAY_TEST_MAIN(TestRecipeChecker)
#include "tst_recipechecker.moc"
