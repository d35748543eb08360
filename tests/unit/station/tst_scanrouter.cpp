#include "core/station/scanrouter.h"
#include "tests/support/testmain.h"

using namespace slipway;

class TestScanRouter : public QObject
{
    Q_OBJECT

private:
    using Act = ScanRouter::Act;

    RecipeVariable m_unit;
    ScanRouter::Situation m_line;

    static PromptRequest scanBack(const QString &text)
    {
        PromptRequest request;
        request.kind = PromptRequest::Kind::ScanBack;
        request.expected = text;
        return request;
    }
    static PromptRequest value(const QString &pattern)
    {
        PromptRequest request;
        request.kind = PromptRequest::Kind::Value;
        request.pattern = pattern;
        return request;
    }

private Q_SLOTS:
    void init()
    {
        m_unit = {};
        m_unit.name = QStringLiteral("serial");
        m_unit.from = RecipeVariable::From::Scan;
        m_unit.pattern = QStringLiteral("T1-[0-9]{8}");
        m_line = {};
        m_line.recipeLoaded = true;
        m_line.unit = &m_unit;
        for (int n = 1; n <= 3; ++n)
            m_line.places.append({n, SlotState::Ready, {}, {}});
    }

    void unitGoesToTheFirstReadyPlace()
    {
        ScanRouter router;
        m_line.places[0].state = SlotState::Working;
        const auto d = router.route(QStringLiteral(" T1-00000001\r\n"), m_line);
        QCOMPARE(d.act, Act::StartUnit);
        QCOMPARE(d.place, 2);
        QCOMPARE(d.value, QStringLiteral("T1-00000001"));
        QVERIFY(d.accepted);
    }

    void pickedPlaceTakesTheUnit()
    {
        ScanRouter router;
        QCOMPARE(router.route(QStringLiteral("place-3"), m_line).act, Act::Pick);
        const auto d = router.route(QStringLiteral("T1-00000001"), m_line);
        QCOMPARE(d.act, Act::StartUnit);
        QCOMPARE(d.place, 3);
        // The pick is used up.
        QCOMPARE(router.route(QStringLiteral("T1-00000002"), m_line).place, 1);
    }

    void unknownPlace()
    {
        ScanRouter router;
        const auto d = router.route(QStringLiteral("PLACE-9"), m_line);
        QCOMPARE(d.act, Act::Nothing);
        QVERIFY(!d.accepted);
        QCOMPARE(router.picked(), 0);
    }

    void verdictStaysUnlessItsPlaceWasPicked()
    {
        ScanRouter router;
        for (auto &place : m_line.places)
            place.state = SlotState::Finished;
        const auto refused = router.route(QStringLiteral("T1-00000001"), m_line);
        QCOMPARE(refused.act, Act::Nothing);
        QVERIFY(refused.meaning.contains(QStringLiteral("no place is free")));
        router.route(QStringLiteral("PLACE-2"), m_line);
        const auto taken = router.route(QStringLiteral("T1-00000001"), m_line);
        QCOMPARE(taken.act, Act::StartUnit);
        QCOMPARE(taken.place, 2);
    }

    void singlePlaceTakesTheNextUnitWithoutPicking()
    {
        ScanRouter router;
        m_line.places = {{1, SlotState::Finished, QStringLiteral("T1-00000001"), {}}};
        QCOMPARE(router.route(QStringLiteral("T1-00000002"), m_line).act, Act::StartUnit);
    }

    void busyPickedPlaceRefuses()
    {
        ScanRouter router;
        m_line.places[1].state = SlotState::Working;
        router.route(QStringLiteral("PLACE-2"), m_line);
        const auto d = router.route(QStringLiteral("T1-00000001"), m_line);
        QCOMPARE(d.act, Act::Nothing);
        QCOMPARE(d.place, 2);
    }

    void awaitedLabelFindsItsPlace()
    {
        ScanRouter router;
        m_line.places[0].state = SlotState::Act;
        m_line.places[0].prompt = scanBack(QStringLiteral("T1-00000011"));
        m_line.places[1].state = SlotState::Act;
        m_line.places[1].prompt = scanBack(QStringLiteral("T1-00000012"));
        const auto d = router.route(QStringLiteral("T1-00000012"), m_line);
        QCOMPARE(d.act, Act::Answer);
        QCOMPARE(d.place, 2);
        QCOMPARE(d.meaning, QStringLiteral("label of place 2 matches"));
    }

    void labelOfAnotherPlaceIsAWrongAnswerOnlyWhereThePlaceWasPicked()
    {
        ScanRouter router;
        m_line.unit = nullptr;
        m_line.places[0].state = SlotState::Act;
        m_line.places[0].prompt = scanBack(QStringLiteral("A"));
        const auto stray = router.route(QStringLiteral("B"), m_line);
        QCOMPARE(stray.act, Act::Nothing);
        QVERIFY(stray.meaning.contains(QStringLiteral("place 1")));
        router.route(QStringLiteral("PLACE-1"), m_line);
        const auto wrong = router.route(QStringLiteral("B"), m_line);
        QCOMPARE(wrong.act, Act::Answer);
        QCOMPARE(wrong.value, QStringLiteral("B"));
        QVERIFY(wrong.meaning.contains(QStringLiteral("does not match")));
    }

    void valueQuestionIsAnsweredByItsForm()
    {
        ScanRouter router;
        m_line.places[2].state = SlotState::Act;
        m_line.places[2].prompt = value(QStringLiteral("LOT[0-9]{4}"));
        const auto d = router.route(QStringLiteral("LOT0042"), m_line);
        QCOMPARE(d.act, Act::Answer);
        QCOMPARE(d.place, 3);
        m_line.places[1].state = SlotState::Act;
        m_line.places[1].prompt = value(QStringLiteral("LOT[0-9]{4}"));
        QCOMPARE(router.route(QStringLiteral("LOT0042"), m_line).act, Act::Nothing);
    }

    // Several places may ask at once; a word answers the one that was picked, and takes the pick away.
    void wordsAnswerThePickedPlace()
    {
        ScanRouter router;
        PromptRequest request;
        request.kind = PromptRequest::Kind::YesNo;
        for (int i : {0, 1}) {
            m_line.places[i].state = SlotState::Act;
            m_line.places[i].prompt = request;
        }
        auto d = router.route(QStringLiteral("yes"), m_line);
        QCOMPARE(d.act, Act::Nothing);
        QVERIFY(d.meaning.contains(QStringLiteral("2 places ask")));
        router.route(QStringLiteral("PLACE-2"), m_line);
        d = router.route(QStringLiteral("perhaps"), m_line);
        QCOMPARE(d.act, Act::Nothing);
        QVERIFY(d.meaning.contains(QStringLiteral("place 2 waits for yes or no")));
        d = router.route(QStringLiteral("NO"), m_line);
        QCOMPARE(d.act, Act::Answer);
        QCOMPARE(d.place, 2);
        QVERIFY(!d.yes);
        QCOMPARE(router.picked(), 0);
        // What only waits to be confirmed cannot be denied.
        m_line.places[0].prompt->kind = PromptRequest::Kind::Message;
        router.route(QStringLiteral("PLACE-1"), m_line);
        QCOMPARE(router.route(QStringLiteral("no"), m_line).act, Act::Nothing);
        d = router.route(QStringLiteral("ok"), m_line);
        QCOMPARE(d.act, Act::Answer);
        QCOMPARE(d.place, 1);
        QVERIFY(d.yes);
        QCOMPARE(router.route(QStringLiteral("T1-00000001"), m_line).place, 3); // no pick is left over
    }

    void refusedUnitSaysWhy()
    {
        ScanRouter router;
        m_line.refusal = [](const QString &serial) -> std::optional<QString> {
            return QStringLiteral("Unit %1 has passed already.").arg(serial);
        };
        const auto d = router.route(QStringLiteral("T1-00000001"), m_line);
        QCOMPARE(d.act, Act::Nothing);
        QCOMPARE(d.meaning, QStringLiteral("Unit T1-00000001 has passed already."));
    }

    void hostileScans_data()
    {
        QTest::addColumn<QString>("text");
        QTest::newRow("empty") << QString();
        QTest::newRow("blank") << QStringLiteral("  \t\r\n");
        QTest::newRow("long") << QString(100'000, u'A');
        QTest::newRow("control") << QStringLiteral("T1-0000\x1b[2J0001");
        QTest::newRow("other") << QStringLiteral("4006381333931");
        QTest::newRow("place 0") << QStringLiteral("PLACE-0");
        QTest::newRow("place huge") << QStringLiteral("PLACE-99999999999");
    }
    void hostileScans()
    {
        QFETCH(QString, text);
        ScanRouter router;
        const auto d = router.route(text, m_line);
        QCOMPARE(d.act, Act::Nothing);
        QVERIFY(!d.accepted);
        QVERIFY(!d.meaning.isEmpty());
        QVERIFY(d.meaning.size() < 200);
    }

    void withoutRecipe()
    {
        ScanRouter router;
        m_line.unit = nullptr;
        m_line.recipeLoaded = false;
        QCOMPARE(router.route(QStringLiteral("T1-00000001"), m_line).meaning, QStringLiteral("no recipe is loaded"));
    }
};

SLIPWAY_TEST_MAIN(TestScanRouter)
#include "tst_scanrouter.moc"
