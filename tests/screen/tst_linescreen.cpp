// The line: all counts of places from the one tile, every state, keys, scans, prompts, stop, training, large text.

#include "tests/screen/screen.h"

#include <QTranslator>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

// Texts that may be cut where the room is short; everything else must be whole.
const QStringList mayBeCut{u"lineSentence"_s, u"lineQuiet"_s, u"quiet"_s, u"detail"_s, u"watermark"_s, u"recipeName"_s};
const QStringList watermark{u"watermark"_s};

// Every text a third longer, with letters that German and French have: what a translation does to a layout.
class LongTexts : public QTranslator
{
public:
    QString translate(const char *, const char *source, const char *, int) const override
    {
        QString text = QString::fromUtf8(source);
        text.replace(u'a', u'ä').replace(u'u', u'ü').replace(u'e', u'é');
        const qsizetype more = std::max<qsizetype>(1, text.size() / 3);
        return text.endsWith(u'.') ? text.chopped(1) + u"ßxenlängé"_s.left(more) + u'.'
                                   : text + u"ßxenlängé"_s.left(more);
    }
    bool isEmpty() const override { return false; }
};

PromptRequest prompt(PromptRequest::Kind kind, const QString &word, const QString &sentence)
{
    PromptRequest request;
    request.kind = kind;
    request.word = word;
    request.sentence = sentence;
    return request;
}

} // namespace

class TestLineScreen : public QObject
{
    Q_OBJECT

    void judge(Screen &screen, const QStringList &may = mayBeCut)
    {
        const QStringList cut = screen.cutTexts(may);
        QVERIFY2(cut.isEmpty(), qPrintable(cut.join(u'\n')));
        const QStringList over = screen.overlappingTexts(watermark);
        QVERIFY2(over.isEmpty(), qPrintable(over.join(u'\n')));
        const QStringList spilling = screen.spillingTexts();
        QVERIFY2(spilling.isEmpty(), qPrintable(spilling.join(u'\n')));
        const QStringList nameless = screen.namelessControls();
        QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(u'\n')));
    }

private Q_SLOTS:
    void places_data()
    {
        QTest::addColumn<int>("places");
        QTest::addColumn<bool>("dark");
        for (const int places : {1, 4, 8, 16, 24}) {
            for (const bool dark : {false, true})
                QTest::addRow("line-%d-%s", places, dark ? "dark" : "light") << places << dark;
        }
    }

    void places()
    {
        QFETCH(int, places);
        QFETCH(bool, dark);
        auto line = mixedLine(places);
        if (places == 1)
            line->views[0] = readyView(1);
        Screen screen(std::move(line), dark ? darkLook() : lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        for (const auto &[serial, n] : {std::pair{u"T1-00004101"_s, 1}, {u"T1-00004102"_s, 2}, {u"T1-00004103"_s, 3}}) {
            SlotViewModel model(n);
            model.update(n == 2 ? failView(n, serial) : passView(n, serial));
            screen.line().recent()->add(n, serial, serial, model.view().verdict.value());
        }
        QVERIFY(screen.picture(QString::fromLatin1(QTest::currentDataTag())));
        judge(screen);
        for (int number = 1; number <= places; ++number) {
            QQuickItem *tile = screen.tile(number);
            QVERIFY(tile && tile->isVisible());
            const SlotViewModel *place = screen.line().places()->place(number);
            QCOMPARE(screen.text(u"number"_s, tile), QString::number(number));
            QCOMPARE(screen.text(u"word"_s, tile), place->word());
            QCOMPARE(screen.text(u"serial"_s, tile), place->serial());
            QCOMPARE(screen.isShown(u"sentence"_s, tile), places < 13);
            QQuickItem *glyph = screen.find(u"glyph"_s, tile);
            if (place->finished())
                QVERIFY2(glyph->height() >= tile->height() / 6, qPrintable(QString::number(glyph->height())));
            // Words of one row of tiles stand at one height (controls lift theirs).
            if (!screen.isShown(u"controls"_s, tile) && !screen.isShown(u"controls"_s, screen.tile(1)))
                QCOMPARE(screen.find(u"word"_s, tile)->y(), screen.find(u"word"_s, screen.tile(1))->y());
        }
        QCOMPARE(screen.text(u"done"_s), u"412"_s);
        QCOMPARE(screen.text(u"firstPass"_s), u"98.5 %"_s);
        QCOMPARE(screen.text(u"scanText"_s), u"T1-00004127"_s);
        QCOMPARE(screen.text(u"modeWord"_s), u"PRODUCTION"_s);
        QCOMPARE(screen.text(u"recipeNote"_s), u"version 12, signed"_s);
        QCOMPARE(screen.text(u"clock"_s), u"14:32"_s);
        QVERIFY(screen.isShown(u"lamp-Printer"_s));
        QVERIFY(!screen.isShown(u"trainingFrame"_s));
    }

    void oneWorking()
    {
        auto line = mixedLine(1);
        line->views[0] = workingView(1, u"T1-00004123"_s, 1, 0.555);
        Screen screen(std::move(line), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        QVERIFY(screen.picture(u"line-1-working"_s));
        judge(screen);
        QCOMPARE(screen.text(u"word"_s), u"FLASH"_s);
        QCOMPARE(screen.text(u"rate"_s), u"64.1 kB/s · 96 % of the line"_s);
        screen.station().views[0] = passView(1, u"T1-00004123"_s);
        screen.station().touch(1);
        QTRY_COMPARE(screen.text(u"word"_s), u"PASS"_s);
        QVERIFY(screen.picture(u"line-1-pass"_s));
        judge(screen);
    }

    // Words that came later than the layout: at one place and at many, in a long and in a short sentence.
    void laterWords_data()
    {
        QTest::addColumn<int>("places");
        QTest::addColumn<bool>("dark");
        for (const int places : {1, 4, 24}) {
            for (const bool dark : {false, true})
                QTest::addRow("%d-%s", places, dark ? "dark" : "light") << places << dark;
        }
    }

    void laterWords()
    {
        QFETCH(int, places);
        QFETCH(bool, dark);
        const auto view = [](int kind, int number) {
            SlotView v = workingView(number, u"T1-0000%1"_s.arg(4100 + number), 1, 0.25);
            v.progress.total = v.progress.done = 0;
            v.progress.rate = 0;
            switch (kind) {
            case 0:
                v = workingView(number, v.serial, 1, 0);
                v.state = SlotState::Waiting;
                v.word = u"WAIT"_s;
                v.sentence = u"Two other places of controller usb1 are programming."_s;
                v.progress.total = v.progress.done = 0;
                v.progress.rate = 0;
                break;
            case 1:
                v.word = u"FACTORY DATA"_s;
                v.sentence = u"Factory data."_s;
                break;
            case 2:
                v.word = u"MUD CHECK"_s;
                v.sentence = u"Listening on eth1 for 30 s."_s;
                break;
            default:
                v.word = u"MUD URL"_s;
                v.sentence.clear();
                break;
            }
            return v;
        };
        for (int first = 0; first < (places == 1 ? 4 : 1); ++first) {
            auto line = mixedLine(places);
            for (int n = 1; n <= places; ++n) {
                if (places <= 4 || n % 2 == 0)
                    line->views[size_t(n) - 1] = view((first + n / (places <= 4 ? 1 : 2)) % 4, n);
            }
            Screen screen(std::move(line), dark ? darkLook() : lightLook());
            QVERIFY(screen.waitFor(ShellViewModel::Line));
            QVERIFY(screen.picture(u"words-%1-%2"_s.arg(QString::fromLatin1(QTest::currentDataTag())).arg(first)));
            judge(screen);
        }
    }

    // What the issuer's lamp says of lots and quotas, at its longest.
    void issuerLamp()
    {
        for (const int places : {1, 24}) {
            auto line = mixedLine(places);
            line->shownLamps[1] = {u"Issuer"_s, Lamp::State::Caution, u"lot-2026-47: 38 of 5000 left"_s};
            Screen screen(std::move(line), places == 1 ? lightLook() : darkLook());
            QVERIFY(screen.waitFor(ShellViewModel::Line));
            QVERIFY(screen.picture(u"lamp-lot-%1"_s.arg(places)));
            judge(screen);
        }
    }

    void smallWindow()
    {
        for (const int places : {4, 8, 24}) {
            Screen screen(mixedLine(places), lightLook({1280, 720}));
            QVERIFY(screen.waitFor(ShellViewModel::Line));
            QVERIFY(screen.picture(u"line-%1-1280"_s.arg(places)));
            judge(screen);
        }
    }

    void largeText()
    {
        for (const int places : {1, 4, 8, 24}) {
            Screen screen(mixedLine(places), lightLook({1600, 1000}, 2));
            QVERIFY(screen.waitFor(ShellViewModel::Line));
            QVERIFY(screen.picture(u"line-%1-text-200"_s.arg(places)));
            QStringList may = mayBeCut;
            may << u"sentence"_s; // whole on the run's page
            judge(screen, may);
        }
    }

    void longTexts()
    {
        LongTexts texts;
        QCoreApplication::installTranslator(&texts);
        for (const int places : {4, 8, 24}) {
            auto line = mixedLine(places);
            line->views[0] = promptView(
                1, u"T1-00004110"_s,
                prompt(PromptRequest::Kind::YesNo, u"SICHTPRÜFUNG"_s, u"Sitzt die Gehäuseabdeckung ohne Spalt?"_s));
            line->views[2] = readyView(3);
            line->views[2].sentence.clear();
            line->views[2].word = u"BEREIT"_s;
            Screen screen(std::move(line), lightLook());
            QVERIFY(screen.waitFor(ShellViewModel::Line));
            QVERIFY(screen.picture(u"line-%1-long-texts"_s.arg(places)));
            judge(screen);
        }
        QCoreApplication::removeTranslator(&texts);
    }

    // Nothing is drawn again while nothing happens.
    void idle()
    {
        Screen screen(mixedLine(24), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        QVERIFY(screen.picture(u"line-24-light"_s));
        QSignalSpy frames(screen.window(), &QQuickWindow::afterRendering);
        QTRY_VERIFY_WITH_TIMEOUT(!frames.wait(600), 15'000); // what was under way when the picture was taken may end
        screen.station().views[1] = workingView(2, u"T1-00004116"_s, 1, 0.9);
        screen.station().touch(2);
        QVERIFY(frames.wait(5000));
    }

    void training()
    {
        for (const bool dark : {false, true}) {
            Screen screen(mixedLine(8, Mode::Training), dark ? darkLook() : lightLook());
            QVERIFY(screen.waitFor(ShellViewModel::Line));
            QVERIFY(screen.picture(dark ? u"training-dark"_s : u"training-light"_s));
            QCOMPARE(screen.text(u"modeWord"_s), u"TRAINING"_s);
            QVERIFY(screen.isShown(u"trainingFrame"_s));
            QVERIFY(screen.isShown(u"watermark"_s));
            judge(screen);
        }
    }

    void digitsPickPlaces()
    {
        Screen screen(mixedLine(24), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_7);
        QCOMPARE(screen.line().selected(), 7);
        QCOMPARE(screen.focusName(), u"tile-7"_s);
        screen.key(Qt::Key_1);
        screen.key(Qt::Key_4);
        QCOMPARE(screen.line().selected(), 14);
        QCOMPARE(screen.text(u"lineTitle"_s), u"14  PASS"_s);
        QVERIFY(screen.isShown(u"ring"_s, screen.tile(14)));
        QVERIFY(!screen.isShown(u"ring"_s, screen.tile(7)));
        screen.key(Qt::Key_Right);
        QCOMPARE(screen.line().selected(), 15);
        screen.key(Qt::Key_Down);
        QCOMPARE(screen.line().selected(), 23);
        screen.key(Qt::Key_Up);
        screen.key(Qt::Key_Up);
        QCOMPARE(screen.line().selected(), 7);
        screen.key(Qt::Key_Up);
        QCOMPARE(screen.line().selected(), 7);
        QCOMPARE(screen.line().page(), LineViewModel::LinePage);
        QVERIFY(screen.station().asked.isEmpty());
    }

    void spaceStartsAndEscAsksBeforeItStops()
    {
        Screen screen(mixedLine(8), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_6);
        screen.key(Qt::Key_Space);
        QCOMPARE(screen.station().asked, QStringList{u"start 6 "_s});
        screen.station().asked.clear();

        screen.key(Qt::Key_2);
        screen.key(Qt::Key_Escape);
        QCOMPARE(screen.text(u"word"_s, screen.tile(2)), u"STOP?"_s);
        QVERIFY(screen.isShown(u"tile-stop"_s, screen.tile(2)));
        QVERIFY(screen.station().asked.isEmpty());
        QVERIFY(screen.picture(u"stop-question"_s));
        judge(screen);
        for (const int other : {1, 3, 4, 5, 7, 8})
            QVERIFY(screen.tile(other)->isVisible());
        screen.key(Qt::Key_Escape); // goes on
        QCOMPARE(screen.text(u"word"_s, screen.tile(2)), u"FLASH"_s);
        QVERIFY(screen.station().asked.isEmpty());
        screen.key(Qt::Key_X);
        screen.key(Qt::Key_Space);
        QCOMPARE(screen.station().asked, QStringList{u"stop 2"_s});

        screen.station().asked.clear();
        screen.key(Qt::Key_8);
        screen.key(Qt::Key_Space);
        QCOMPARE(screen.station().asked, QStringList{u"retry 8"_s});
        screen.station().asked.clear();
        screen.key(Qt::Key_2);
        screen.key(Qt::Key_Delete); // at work: nothing to take away
        QVERIFY(screen.station().asked.isEmpty());
        screen.key(Qt::Key_1);
        screen.key(Qt::Key_Delete);
        QCOMPARE(screen.station().asked, QStringList{u"clear 1"_s});
        screen.station().asked.clear();
        screen.station().views[0] = readyView(1);
        screen.station().touch(1);
        QTRY_COMPARE(screen.text(u"quiet"_s, screen.tile(1)), u"Before: T1-00004113, PASS."_s);
        screen.key(Qt::Key_5);
        screen.key(Qt::Key_R);
        QCOMPARE(screen.station().asked, QStringList{u"retry 5"_s});
        screen.station().asked.clear();
        screen.key(Qt::Key_A);
        QCOMPARE(screen.station().asked, (QStringList{u"release"_s, u"start 1 "_s, u"start 6 "_s}));
    }

    void scansGoToTheStationWhateverHasTheFocus()
    {
        Screen screen(mixedLine(8), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_5);
        screen.station().meaning = [](const QString &text) {
            return ScanMeaning{text, u"no place is free"_s, 0, false};
        };
        screen.scan(u"T1-00004127"_s);
        QCOMPARE(screen.station().asked, QStringList{u"scan T1-00004127"_s});
        QCOMPARE(screen.line().selected(), 5);                       // digits of the scan picked nothing
        QCOMPARE(screen.text(u"word"_s, screen.tile(5)), u"FAIL"_s); // and no verdict went away
        QCOMPARE(screen.text(u"scanMeaning"_s), u"last scan: no place is free"_s);
        QVERIFY(screen.picture(u"scan-refused"_s));

        // A scan while the help is open, and on a run's page
        screen.station().asked.clear();
        screen.key(Qt::Key_F1);
        screen.scan(u"PLACE-3"_s);
        screen.key(Qt::Key_Escape);
        screen.key(Qt::Key_Return);
        QCOMPARE(screen.line().page(), LineViewModel::RunPage);
        screen.scan(u"T1-00004128"_s, 35);
        QCOMPARE(screen.line().page(), LineViewModel::RunPage);
        QCOMPARE(screen.station().asked, (QStringList{u"scan PLACE-3"_s, u"scan T1-00004128"_s}));

        // Too slow for a scanner: a person typed, and 3 picks place 3.
        screen.station().asked.clear();
        screen.key(Qt::Key_Escape);
        screen.scan(u"--3"_s, 120);
        QVERIFY(screen.station().asked.isEmpty());
        QCOMPARE(screen.line().selected(), 3);
    }

    void whatCannotBeScannedIsTyped()
    {
        Screen screen(mixedLine(8), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_S);
        QCOMPARE(screen.focusName(), u"scanEntry"_s);
        screen.type(u"T1-9"_s);
        QCOMPARE(screen.text(u"scanEntry"_s), u"T1-9"_s);
        QVERIFY(screen.picture(u"scan-entry"_s));
        judge(screen);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QCOMPARE(screen.station().asked, QStringList{u"scan T1-9"_s});
        QVERIFY(!screen.isShown(u"scanEntry"_s));
        QCOMPARE(screen.focusName(), u"tile-1"_s);
        screen.key(Qt::Key_Slash, {}, u"/"_s);
        QCOMPARE(screen.focusName(), u"scanEntry"_s);
        screen.key(Qt::Key_Escape);
        QVERIFY(!screen.isShown(u"scanEntry"_s));
        QCOMPARE(screen.line().selected(), 1);
    }

    void prompts()
    {
        auto line = mixedLine(8);
        auto value = prompt(PromptRequest::Kind::Value, u"TORQUE"_s, u"Read the torque driver and type it in."_s);
        value.pattern = u"[0-9]\\.[0-9]"_s;
        auto message = prompt(PromptRequest::Kind::Message, u"ANTENNA"_s, u"Screw the antenna on."_s);
        message.picture = u"" SLIPWAY_SOURCE_DIR "/tests/data/screen/antenna.png"_s;
        line->views[1] = promptView(2, u"T1-00004123"_s, message);
        line->views[3] = promptView(4, u"T1-00004124"_s, value);
        line->views[5] =
            promptView(6, u"T1-00004125"_s, prompt(PromptRequest::Kind::YesNo, u"CHECK"_s, u"Is the seal whole?"_s));
        Screen screen(std::move(line), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        QVERIFY(screen.isShown(u"picture"_s, screen.tile(2)));
        QTRY_COMPARE(screen.find(u"picture"_s, screen.tile(2))->property("status").toInt(), 1);
        QVERIFY(screen.picture(u"prompts"_s));
        judge(screen);

        screen.key(Qt::Key_2);
        screen.key(Qt::Key_Space);
        QCOMPARE(screen.station().asked, QStringList{u"answer 2 yes"_s});
        screen.station().asked.clear();

        screen.key(Qt::Key_6);
        screen.key(Qt::Key_Space); // no yes by habit
        QVERIFY(screen.station().asked.isEmpty());
        screen.key(Qt::Key_N);
        screen.key(Qt::Key_Y);
        QCOMPARE(screen.station().asked, (QStringList{u"answer 6 no"_s, u"answer 6 yes"_s}));
        screen.station().asked.clear();

        screen.key(Qt::Key_4);
        screen.key(Qt::Key_Space);
        QCOMPARE(screen.focusName(), u"tile-entry"_s);
        screen.type(u"12"_s);
        QCOMPARE(screen.line().selected(), 4); // digits went into the field
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QVERIFY(screen.station().asked.isEmpty());
        QCOMPARE(screen.text(u"quiet"_s, screen.tile(4)), u"\"12\" does not have the expected form."_s);
        QVERIFY(screen.picture(u"prompt-refused"_s));
        judge(screen);
        screen.type(u"1.2"_s);
        screen.key(Qt::Key_Return, {}, u"\r"_s);
        QCOMPARE(screen.station().asked, QStringList{u"answer 4 yes 1.2"_s});
        screen.station().asked.clear();

        // The field asked, so a scan may land there.
        screen.key(Qt::Key_Space);
        screen.scan(u"3.4"_s);
        QCOMPARE(screen.text(u"tile-entry"_s, screen.tile(4)), u"3.4"_s);
        QVERIFY(screen.station().asked.isEmpty());
        screen.key(Qt::Key_Escape);
        QCOMPARE(screen.focusName(), u"tile-4"_s);
        // A label is scanned, no key answers for it.
        screen.key(Qt::Key_3);
        screen.key(Qt::Key_Space);
        screen.key(Qt::Key_Y);
        QVERIFY(screen.station().asked.isEmpty());
    }

    void everythingCanBePressed()
    {
        Screen screen(mixedLine(8), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        const auto press = [&](QQuickItem *item) {
            screen.window()->grabWindow(); // lays out what has just appeared
            QTest::mouseClick(screen.window(), Qt::LeftButton, {},
                              item->mapToScene({item->width() / 2, item->height() / 2}).toPoint());
            screen.settle();
        };
        press(screen.tile(2));
        QCOMPARE(screen.line().selected(), 2);
        QCOMPARE(screen.line().page(), LineViewModel::LinePage);
        screen.key(Qt::Key_Escape);
        QQuickItem *stop = screen.find(u"tile-stop"_s, screen.tile(2));
        QVERIFY(stop->height() >= 60);
        press(stop);
        QCOMPARE(screen.station().asked, QStringList{u"stop 2"_s});
        press(screen.tile(2));
        QCOMPARE(screen.line().page(), LineViewModel::RunPage);
    }

    void faultsAreTold()
    {
        Screen screen(mixedLine(8), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.station().nextFault = Fault("station.busy", {u"/home/line"_s});
        screen.key(Qt::Key_6);
        screen.key(Qt::Key_Space);
        QCOMPARE(screen.text(u"notice"_s), u"Another Slipway is at work in /home/line."_s);
        QVERIFY(screen.picture(u"notice"_s));
        judge(screen);
        screen.key(Qt::Key_Escape);
        QVERIFY(!screen.isShown(u"notice"_s));
    }

    void closingAsksWhileUnitsAreWorkedOn()
    {
        Screen screen(mixedLine(4), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        QVERIFY(!screen.window()->close());
        QCOMPARE(screen.text(u"notice"_s), u"2 units are being worked on."_s);
        screen.key(Qt::Key_Escape);
        QVERIFY(!screen.window()->close());
        QVERIFY(screen.window()->close());
    }

    void help()
    {
        Screen screen(mixedLine(8), lightLook());
        QVERIFY(screen.waitFor(ShellViewModel::Line));
        screen.key(Qt::Key_F1);
        QVERIFY(screen.isShown(u"helpSheet"_s));
        QVERIFY(screen.picture(u"help"_s));
        const QStringList nameless = screen.namelessControls();
        QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(u'\n')));
        screen.key(Qt::Key_Escape);
        QVERIFY(!screen.isShown(u"helpSheet"_s));
    }
};

SLIPWAY_SCREEN_MAIN(TestLineScreen)
#include "tst_linescreen.moc"
