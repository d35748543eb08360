#include "app/cli/recipecommand.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/cms.h"
#include "core/station/recipefit.h"
#include "core/steps/manual.h"
#include "core/steps/mudrecord.h"
#include "core/steps/recipechecker.h"
#include "core/steps/recipesignature.h"

#include <QJsonDocument>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

QJsonObject toJson(const RecipeFinding &finding)
{
    return {{u"file"_s, finding.file},
            {u"line"_s, finding.at.line},
            {u"column"_s, finding.at.column},
            {u"severity"_s, finding.severity == RecipeFinding::Severity::Error ? u"error"_s : u"warning"_s},
            {u"sentence"_s, finding.sentence}};
}

QString counted(qsizetype number, const QString &thing)
{
    return number == 1 ? u"1 "_s + thing : u"%1 %2s"_s.arg(number).arg(thing);
}

// False when the recipe cannot be used.
bool checkOne(CliContext &context, const QString &file, const RecipeChecks &checks)
{
    const CheckedRecipe checked = checkRecipeFile(file, checks);
    qsizetype errors = 0;
    for (const RecipeFinding &finding : checked.findings) {
        context.say(finding.text());
        context.object(toJson(finding));
        errors += finding.severity == RecipeFinding::Severity::Error;
    }
    const Recipe &recipe = checked.recipe;
    const qsizetype warnings = checked.findings.size() - errors;
    context.object({{u"file"_s, file},
                    {u"usable"_s, checked.usable()},
                    {u"errors"_s, errors},
                    {u"warnings"_s, warnings},
                    {u"name"_s, recipe.name},
                    {u"version"_s, recipe.version},
                    {u"steps"_s, recipe.steps.size()},
                    {u"sha256"_s, hex(recipe.sha256)},
                    {u"signed"_s, recipe.isSigned}});
    if (checked.usable()) {
        context.result(u"%1: good: %2, version %3, %4, %5%6"_s.arg(
            file, recipe.name, recipe.version, counted(recipe.steps.size(), u"step"_s),
            recipe.isSigned ? u"signed"_s : u"not signed"_s,
            warnings > 0 ? u", %1"_s.arg(counted(warnings, u"warning"_s)) : QString()));
    }
    return checked.usable();
}

int check(CliContext &context, const std::vector<std::string> &files)
{
    const RecipeChecks checks = stationChecks(context.homePath(), context.drivers());
    int status = 0;
    for (const std::string &name : files) {
        try {
            if (!checkOne(context, QString::fromStdString(name), checks))
                status = 2;
        } catch (const Fault &fault) { // this file; the others are checked all the same
            context.say(fault);
            status = fault.exitStatus();
        }
    }
    return status;
}

// Before a recipe is released: each MUD URL that its units will carry against what the field already has. Those with
// variables in them are judged when the run begins.
bool mudUrlsFollow(CliContext &context, const Home &home, const Recipe &recipe)
{
    bool all = true;
    for (const RecipeStep &step : recipe.steps) {
        const bool issues = step.kind == u"idevid";
        const QString key = issues ? u"mud-url"_s : u"expect"_s;
        const QString url = step.parameters.value(key).toString();
        const QString product = step.parameters.value(issues ? u"profile"_s : u"product"_s).toString();
        if ((!issues && step.kind != u"mud-url") || product.isEmpty() || url.isEmpty() || url.contains(u"${"_s))
            continue;
        try {
            checkMudUrlFollows(home.file(u"journal.db"_s), {Mode::Production, product, {}}, url);
        } catch (const Fault &fault) {
            const RecipeFinding finding{RecipeFinding::Severity::Error, recipe.file,
                                        step.parameterAt.value(key, step.at), fault.text()};
            context.say(finding.text());
            context.object(toJson(finding));
            all = false;
        }
    }
    return all;
}

int sign(CliContext &context, const std::string &name)
{
    const Home home = context.openHome();
    const QString file = QString::fromStdString(name);
    RecipeChecks checks;
    checks.drivers = &context.drivers();
    const QByteArray content = readFile(file, recipeSizeLimit, u"a recipe"_s);
    const CheckedRecipe checked = checkRecipe(content, file, checks);
    for (const RecipeFinding &finding : checked.findings)
        context.say(finding.text());
    if (!checked.usable() || !mudUrlsFollow(context, home, checked.recipe))
        return 2; // what cannot be used is not released
    const QString signature = file + u".p7s"_s;
    writeFile(signature, cmsSign(*home.openStationKey(), releaseList(checked.recipe, content)));
    context.object({{u"file"_s, file}, {u"signature"_s, signature}, {u"sha256"_s, hex(checked.recipe.sha256)}});
    context.result(u"Signed %1, version %2: %3"_s.arg(checked.recipe.name, checked.recipe.version, signature));
    return 0;
}

int manual(CliContext &context, const std::string &name)
{
    const QString wanted = QString::fromStdString(name);
    QString text = recipeManual();
    if (!wanted.isEmpty()) {
        const StepKind *kind = stepKind(wanted);
        if (!kind) {
            QStringList names;
            for (const StepKind &known : stepKinds())
                names << known.name;
            throw Fault("recipe.no-step", {oneLine(wanted, 60), didYouMean(wanted, names), names.join(u", "_s)});
        }
        text = stepManual(*kind);
    }
    context.object({{u"step"_s, wanted}, {u"manual"_s, text}});
    text.chop(1); // result() ends the line
    context.result(text);
    return 0;
}

} // namespace

void addRecipeCommand(CLI::App &app, CliContext &context)
{
    CLI::App *recipe = app.add_subcommand("recipe", "Check, describe and sign recipes");
    recipe->require_subcommand(1);

    CLI::App *checking = recipe->add_subcommand("check", "Find everything that is wrong with recipes");
    const auto files = std::make_shared<std::vector<std::string>>();
    checking->add_option("files", *files, "Recipes")->type_name("FILE")->required();
    CliContext::examples(checking,
                         {u"slipway recipe check recipes/t1.yaml"_s, u"slipway recipe check --json recipes/*.yaml"_s});
    context.action(checking, [&context, files] { return check(context, *files); });

    CLI::App *schema = recipe->add_subcommand("schema", "Print a JSON Schema of recipes, for editors");
    CliContext::examples(schema, {u"slipway recipe schema > recipe.schema.json"_s});
    context.action(schema, [&context] {
        context.object(recipeSchema());
        context.result(QString::fromUtf8(QJsonDocument(recipeSchema()).toJson()).trimmed());
        return 0;
    });

    CLI::App *signing = recipe->add_subcommand("sign", "Sign a recipe with the station's key");
    const auto file = std::make_shared<std::string>();
    signing->add_option("file", *file, "The recipe; the signature goes to FILE.p7s")->type_name("FILE")->required();
    CliContext::examples(signing, {u"slipway recipe sign recipes/t1.yaml --home ~/line1"_s});
    context.action(signing, [&context, file] { return sign(context, *file); });

    CLI::App *page = recipe->add_subcommand("manual", "Print the manual of recipes, or of one step");
    const auto step = std::make_shared<std::string>();
    page->add_option("step", *step, "A step's name, such as flash")->type_name("STEP");
    CliContext::examples(page, {u"slipway recipe manual"_s, u"slipway recipe manual measure"_s});
    context.action(page, [&context, step] { return manual(context, *step); });
}

} // namespace slipway
