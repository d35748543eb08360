// What stands before the line: no home, a busy or damaged station, locked keys, interrupted runs, the choice of recipe.

#include "tests/screen/screen.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestStartScreen : public QObject
{
    Q_OBJECT

    void judge(Screen &screen)
    {
        const QStringList cut = screen.cutTexts({u"lineSentence"_s, u"lineQuiet"_s, u"quiet"_s, u"detail"_s});
        QVERIFY2(cut.isEmpty(), qPrintable(cut.join(u'\n')));
        const QStringList over = screen.overlappingTexts();
        QVERIFY2(over.isEmpty(), qPrintable(over.join(u'\n')));
        const QStringList nameless = screen.namelessControls();
        QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(u'\n')));
    }

    std::unique_ptr<RehearsedSource> source(int places = 4)
    {
        return std::make_unique<RehearsedSource>(mixedLine(places));
    }

private Q_SLOTS:
    void firstRun()
    {
        auto from = source();
        from->homeThere = false;
        Screen screen(std::move(from), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::NoHome));
        QCOMPARE(screen.text(u"pageHeadline"_s), u"This computer has no station yet."_s);
        QCOMPARE(screen.focusName(), u"homeName"_s);
        QVERIFY(screen.picture(u"first-run"_s));
        judge(screen);
        screen.find(u"homeName"_s)->setProperty("text", QString());
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QTRY_VERIFY(screen.isShown(u"homeComplaint"_s));
        QVERIFY(screen.source().made.isEmpty());
        screen.type(u"Line 3"_s);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        QCOMPARE(screen.source().made, QStringList{u"Line 3"_s});
        QCOMPARE(screen.focusName(), u"tile-1"_s);
    }

    void busyStation()
    {
        for (const bool dark : {false, true}) {
            auto from = source();
            from->openFault = Fault("station.busy", {u"/home/line/slipway"_s});
            Screen screen(std::move(from), dark ? darkLook() : lightLook());
            QVERIFY(screen.waitFor(ShellViewModel::Trouble));
            QCOMPARE(screen.text(u"pageHeadline"_s), u"Another Slipway is at work in /home/line/slipway."_s);
            QVERIFY(screen.picture(dark ? u"station-busy-dark"_s : u"station-busy"_s));
            judge(screen);
            QCOMPARE(screen.focusName(), u"tryAgain"_s);
            screen.scan(u"T1-00000001"_s); // goes nowhere
            QCOMPARE(screen.shell().stage(), ShellViewModel::Trouble);
            screen.source().openFault.reset();
            screen.key(Qt::Key_Return, {}, u"\r"_s);
            QVERIFY(screen.waitFor(ShellViewModel::Line));
        }
    }

    void damagedJournal()
    {
        auto from = source();
        from->openFault =
            Fault("journal.damaged", {u"/home/line/slipway/journal.db"_s, u"database disk image is malformed"_s});
        Screen screen(std::move(from), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Trouble));
        QVERIFY(screen.picture(u"journal-damaged"_s));
        judge(screen);
    }

    void lockedKeys()
    {
        auto from = source();
        from->openFault = Fault("issuer.passphrase", {u"station.key"_s});
        Screen screen(std::move(from), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Passphrase));
        QCOMPARE(screen.focusName(), u"secret"_s);
        QVERIFY(screen.picture(u"passphrase"_s));
        judge(screen);
        screen.type(u"wrong"_s);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QTRY_COMPARE(screen.text(u"secretComplaint"_s), u"That passphrase does not open them."_s);
        QVERIFY(screen.picture(u"passphrase-wrong"_s));
        judge(screen);
        QTRY_COMPARE(screen.focusName(), u"secret"_s);
        screen.source().openFault.reset();
        screen.type(u"secret"_s);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QVERIFY(screen.waitFor(ShellViewModel::Line));
    }

    // The PIN of the issuer's token: masked, by keyboard alone, a wrong one said and never given again, a way out.
    void askedForAPin_data()
    {
        QTest::addColumn<int>("places");
        QTest::addColumn<bool>("dark");
        for (const int places : {1, 24}) {
            for (const bool dark : {false, true})
                QTest::addRow("%d-%s", places, dark ? "dark" : "light") << places << dark;
        }
    }

    void askedForAPin()
    {
        QFETCH(int, places);
        QFETCH(bool, dark);
        const QString tag = QString::fromLatin1(QTest::currentDataTag());
        auto from = source(places);
        from->station->rightPin = "2468";
        Screen screen(std::move(from), dark ? darkLook() : lightLook());
        QTRY_VERIFY(screen.isShown(u"secret"_s));
        QCOMPARE(screen.shell().stage(), ShellViewModel::Opening);
        QCOMPARE(screen.text(u"pageHeadline"_s), u"The station needs the PIN of token factory."_s);
        QTRY_COMPARE(screen.focusName(), u"secret"_s);
        screen.key(Qt::Key_Return, {}, u"\r"_s); // nothing typed is no answer
        QVERIFY(screen.isShown(u"secret"_s));
        screen.type(u"1357"_s);
        QCOMPARE(screen.find(u"secret"_s)->property("displayText").toString().count(u'1'), 0); // masked
        QVERIFY(screen.picture(u"pin-asked-"_s + tag));
        judge(screen);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        // Wrong: the line is there all the same, the strip says so once and asks for another one.
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        QTRY_VERIFY(screen.isShown(u"secret"_s));
        QCOMPARE(screen.station().pinsTried(), 1);
        QTRY_COMPARE(screen.text(u"secretComplaint"_s),
                     u"Token factory refused the PIN. It is not tried again. One try is left."_s);
        QTRY_COMPARE(screen.focusName(), u"secret"_s);
        QVERIFY(screen.picture(u"pin-wrong-"_s + tag));
        judge(screen);
        // A scan goes to the station, not into the field.
        screen.scan(u"T1-00009999"_s);
        QCOMPARE(screen.find(u"secret"_s)->property("text").toString(), QString());
        QVERIFY(screen.station().asked.contains(u"scan T1-00009999"_s));
        // Not now: a red lamp, and a way back to it.
        screen.key(Qt::Key_Escape);
        QTRY_VERIFY(!screen.isShown(u"secret"_s));
        QTRY_VERIFY(screen.isShown(u"openIssuer"_s));
        QTRY_COMPARE(screen.text(u"noticeRemedy"_s), u"Press I to open it."_s);
        QCOMPARE(screen.station().pinsTried(), 1);
        QVERIFY(screen.picture(u"pin-refused-"_s + tag));
        judge(screen);
        screen.key(Qt::Key_I, {}, u"i"_s);
        QTRY_VERIFY(screen.isShown(u"secret"_s));
        QTRY_COMPARE(screen.focusName(), u"secret"_s);
        QVERIFY(!screen.isShown(u"secretComplaint"_s));
        screen.type(u"2468"_s);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QTRY_VERIFY(!screen.isShown(u"openIssuer"_s));
        QTRY_COMPARE(screen.text(u"notice"_s), u"The issuer is open."_s);
        QVERIFY(!screen.isShown(u"secret"_s));
        QCOMPARE(screen.station().pinsTried(), 2);
        QVERIFY(!screen.station().issuerTrouble());
    }

    // Closing the window while somebody is asked ends at once.
    void closedWhileAsked()
    {
        auto from = source();
        from->station->rightPin = "2468";
        Screen screen(std::move(from), lightLook());
        QTRY_VERIFY(screen.isShown(u"secret"_s));
    }

    void interruptedRuns()
    {
        auto from = source(8);
        Interrupted lock;
        lock.runId = u"5c0ffee0"_s;
        lock.device = u"T1-00004116"_s;
        lock.recipe = u"Thermostat T1, final assembly"_s;
        lock.slot = u"7"_s;
        lock.begunAt = u"2026-11-21T13:02:11.000Z"_s;
        lock.lastStep = u"Lock debug port"_s;
        lock.intent = u"11111111"_s;
        lock.act = u"lock"_s;
        lock.known = {u"unknown"_s, u"The debug port may be locked: the station stopped while the lock was written."_s,
                      u"Ask the device before anything else is done with the unit."_s};
        Interrupted flash;
        flash.runId = u"5c0ffee1"_s;
        flash.device = u"T1-00004123"_s;
        flash.slot = u"2"_s;
        flash.begunAt = u"2026-11-21T13:04:40.000Z"_s;
        flash.lastStep = u"Flash"_s;
        flash.sentence = u"The run was cut off in Flash. Nothing irreversible was done."_s;
        flash.known = {u"not-done"_s, u"The run was cut off in Flash. Nothing irreversible was done."_s,
                       u"Run the recipe again from the start."_s};
        from->station->cutOff = {lock, flash};
        Screen screen(std::move(from), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::InterruptedRuns));
        QVERIFY(screen.picture(u"interrupted"_s));
        judge(screen);
        QVERIFY(screen.isShown(u"ask-1"_s));
        QVERIFY(!screen.isShown(u"ask-2"_s));
        QCOMPARE(screen.text(u"known"_s, screen.find(u"interrupted-2"_s)),
                 u"The run was cut off in Flash. Nothing irreversible was done."_s);
        screen.find(u"ask-1"_s)->forceActiveFocus();
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QTRY_COMPARE(screen.text(u"known"_s, screen.find(u"interrupted-1"_s)),
                     u"The debug port is locked: the act was done."_s);
        QCOMPARE(screen.station().asked, QStringList{u"reconcile 7"_s});
        QVERIFY(screen.picture(u"interrupted-asked"_s));
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QVERIFY(screen.waitFor(ShellViewModel::Line));
    }

    void chooseARecipe()
    {
        auto from = source();
        from->station->shownRecipe.reset();
        from->choices = {
            {u"t1"_s, u"Thermostat T1, final assembly"_s, u"version 12, signed"_s, true},
            {u"t2"_s, u"Thermostat T2, final assembly"_s, u"version 3, not signed"_s, true},
            {u"old"_s, u"old.yaml"_s, u"old.yaml:7:5: unknown step \"flsh\"; did you mean \"flash\"?"_s, false}};
        Screen screen(std::move(from), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Recipes));
        QVERIFY(screen.picture(u"choose-recipe"_s));
        judge(screen);
        QVERIFY(!screen.find(u"recipe-old"_s)->isEnabled());
        QCOMPARE(screen.focusName(), u"recipe-t1"_s);
        screen.key(Qt::Key_Down);
        QCOMPARE(screen.focusName(), u"recipe-t2"_s);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        QCOMPARE(screen.station().asked, QStringList{u"recipe Thermostat T2, final assembly"_s});
        QCOMPARE(screen.text(u"recipeName"_s), u"Thermostat T2, final assembly"_s);
        QCOMPARE(screen.source().preferredId, u"t2"_s);
    }

    void noRecipe()
    {
        auto from = source();
        from->station->shownRecipe.reset();
        from->choices = {};
        from->preferredId = u"gone"_s;
        Screen screen(std::move(from), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Recipes));
        QVERIFY(screen.picture(u"no-recipe"_s));
        judge(screen);
    }
};

SLIPWAY_SCREEN_MAIN(TestStartScreen)
#include "tst_startscreen.moc"
