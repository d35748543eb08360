// The manual and the schema come from the declarations: whole, and as committed.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/steps/commonparameters.h"
#include "core/steps/manual.h"
#include "core/steps/recipechecker.h"
#include "tests/support/testmain.h"

#include <QJsonArray>

using namespace slipway;
using namespace Qt::StringLiterals;

class TestRecipeManual : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void committedPageIsCurrent()
    {
        const QByteArray committed =
            readFile(QStringLiteral(SLIPWAY_SOURCE_DIR "/installer/manual/steps.md"), 1 << 20, u"the manual"_s);
        QVERIFY2(QString::fromUtf8(committed) == recipeManual(),
                 "write it anew: slipway recipe manual > installer/manual/steps.md");
    }

    void everyStepIsExplained()
    {
        for (const StepKind &kind : stepKinds()) {
            const QString page = stepManual(kind);
            QVERIFY(page.startsWith(u"### "_s + kind.name));
            QVERIFY2(kind.manual.size() > 100, qPrintable(kind.name));
            QVERIFY(kind.summary.endsWith(u'.') && !kind.title.isEmpty());
            QVERIFY(kind.make && kind.timeoutMs > 0 && kind.weight > 0);
            const auto parameters = allParameters(kind);
            for (const StepParameter &parameter : parameters) {
                QVERIFY2(page.contains(u"| `%1` |"_s.arg(parameter.name)), qPrintable(kind.name + parameter.name));
                QVERIFY2(parameter.doc.endsWith(u'.'), qPrintable(kind.name + u'.' + parameter.name));
                QVERIFY(!parameter.doc.contains(u'|'));
                QVERIFY2(parameter.type == StepParameter::Type::Choice || parameter.choices.isEmpty(),
                         qPrintable(parameter.name));
            }
            QVERIFY(kind.acts.isEmpty() == !kind.reconcile);
            for (const QString &act : kind.acts)
                QCOMPARE(stepKindOfAct(act), &kind);
        }
        QVERIFY(!stepKind(u"nothing"_s) && !stepKindOfAct(u"nothing"_s));
    }

    // The examples of the manual are recipes: the checker takes them, but for the files.
    void examplesAreGood()
    {
        for (const StepKind &kind : stepKinds()) {
            QByteArray text = "slipway: 1\nname: Example\ndevice: { driver: smp }\nsteps:\n  - identify\n";
            text += "  " + QString(kind.example).replace(u'\n', u"\n  "_s).toUtf8() + "\n";
            const CheckedRecipe checked = checkRecipe(text, u"/example.yaml"_s, {.files = false});
            QVERIFY2(checked.findings.isEmpty(),
                     checked.findings.isEmpty() ? "" : qPrintable(checked.findings.first().text()));
            QCOMPARE(checked.recipe.steps.last().kind, kind.name);
        }
        // And the one of the form.
        const QString manual = recipeManual();
        const auto begin = manual.indexOf(u"```yaml\n"_s) + 8;
        const QString form = manual.mid(begin, manual.indexOf(u"```"_s, begin) - begin);
        const CheckedRecipe checked = checkRecipe(form.toUtf8(), u"/form.yaml"_s);
        QVERIFY2(checked.findings.isEmpty(),
                 checked.findings.isEmpty() ? "" : qPrintable(checked.findings.first().text()));
        QCOMPARE(checked.recipe.onFail.size(), 1);
        QCOMPARE(checked.recipe.always.size(), 1);
    }

    void schema()
    {
        const QJsonObject schema = recipeSchema();
        QCOMPARE(schema.value(u"$schema"_s).toString(), u"https://json-schema.org/draft/2020-12/schema"_s);
        const QJsonObject definitions = schema.value(u"$defs"_s).toObject();
        for (const StepKind &kind : stepKinds()) {
            const QJsonObject step = definitions.value(u"step-"_s + kind.name).toObject();
            QCOMPARE(step.value(u"additionalProperties"_s), QJsonValue(false));
            QCOMPARE(step.value(u"properties"_s).toObject().size(), allParameters(kind).size());
        }
        QCOMPARE(definitions.value(u"step"_s).toObject().value(u"oneOf"_s).toArray().size(), stepKinds().size() + 1);
    }
};

SLIPWAY_TEST_MAIN(TestRecipeManual)
#include "tst_recipemanual.moc"
