#include "core/station/recipefit.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/station/runner.h"

#include <QFileInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 anchorLimit = 64 * 1024;

// A board that nobody sees.
class NoBoard : public RunBoard
{
public:
    void update(const std::function<void(SlotView &)> &) override {}
    PromptAnswer ask(const PromptRequest &, const Task &) override { throw Fault("base.stopped"); }
    void log(const QString &, int, const QString &) override {}
};

// For prepare() alone: nothing is recorded and no variable has a value yet.
class DryContext : public RunContext
{
public:
    using RunContext::RunContext;
    QString expand(const QString &text) const override { return text; }
    void measured(const Measurement &) override {}
    void fact(const QString &, const QString &) override {}
    void record(const QString &, const QCborMap &) override {}
    void summary(const QString &) override {}
    QString intend(const QString &, const QCborMap &) override { throw Fault("internal.defect"); }
};

QList<RecipeStep> allSteps(const Recipe &recipe)
{
    return recipe.steps + recipe.onFail + recipe.always;
}

} // namespace

RecipeChecks stationChecks(const QString &homePath, const DriverRegistry &drivers)
{
    RecipeChecks checks;
    checks.drivers = &drivers;
    if (const QString anchors = homePath + u"/keys/station-ca.pem"_s; QFileInfo::exists(anchors))
        checks.signatureAnchors = readFile(anchors, anchorLimit, u"a certificate"_s);
    return checks;
}

void checkRecipeFits(const Recipe &recipe, const QStringList &drivers, const Worksite &site)
{
    QStringList names = drivers;
    names.prepend(recipe.driver);
    names.removeDuplicates();
    names.removeAll(QString());
    for (const QString &name : names) {
        const QSet<Capability> able = site.drivers->find(name).capabilities(recipe.board);
        for (const RecipeStep &step : allSteps(recipe)) {
            const StepKind *kind = stepKind(step.kind);
            if (!kind)
                throw Fault("station.recipe-attention", {u"there is no step \"%1\"."_s.arg(step.kind)});
            const QStringList lacking = kind->lacking(step.parameters, able);
            if (!lacking.isEmpty())
                throw Fault("driver.lacks", {name, step.name, lacking.join(u", "_s)});
        }
    }
    NoBoard board;
    RunOrder order;
    order.recipe = std::shared_ptr<const Recipe>(&recipe, [](const Recipe *) {});
    DryContext context(site, board, order, {});
    for (const RecipeStep &step : allSteps(recipe)) {
        const StepKind *kind = stepKind(step.kind);
        const auto fault = caught([&] { kind->make(step)->prepare(context); });
        // An issuer that is shut is nothing of the recipe's: a person can still open it, and units that need it are
        // told when they run.
        if (fault && !fault->is("issuer.shut"))
            throw Fault("station.recipe-attention", {fault->text()}, fault->detail());
    }
}

} // namespace slipway
