#include "core/steps/recipechecker.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/identity/cms.h"
#include "core/recipe/findings.h"
#include "core/recipe/variables.h"
#include "core/recipe/yamlreader.h"
#include "core/steps/commonparameters.h"
#include "core/steps/parameterreader.h"
#include "core/steps/recipeorder.h"
#include "core/steps/recipesignature.h"
#include "core/steps/variablereader.h"

#include <QCryptographicHash>
#include <QFileInfo>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr int formVersion = 1;
constexpr size_t stepLimit = 200;
constexpr qint64 signatureLimit = 64 * 1024;

QStringList kindNames()
{
    QStringList names;
    for (const StepKind &kind : stepKinds())
        names << kind.name;
    return names;
}

class Checker
{
public:
    Checker(const QString &file, const RecipeChecks &checks)
        : m_checks(checks), m_findings(file), m_reader(m_findings, QFileInfo(file).absolutePath(), checks.files)
    {
        m_recipe.file = file;
    }

    CheckedRecipe check(const QByteArray &content)
    {
        m_recipe.sha256 = QCryptographicHash::hash(content, QCryptographicHash::Sha256);
        const YamlDocument document = readYaml(content);
        for (const YamlTrouble &trouble : document.troubles)
            m_findings.error(trouble.at, trouble.sentence);
        if (document.root.isMapping())
            top(document.root);
        else if (document.troubles.isEmpty())
            m_findings.error(
                document.root.at.line > 0 ? document.root.at : Position{1, 1},
                u"a recipe is a map that starts with \"slipway: 1\", not %1"_s.arg(document.root.described()));
        checkSignature(content);
        return {m_recipe, m_findings.inOrder()};
    }

private:
    void top(const YamlNode &root)
    {
        static const QStringList known{u"slipway"_s,   u"name"_s,  u"version"_s, u"device"_s,
                                       u"variables"_s, u"steps"_s, u"on-fail"_s, u"always"_s};
        for (const YamlEntry &entry : root.entries) {
            if (!known.contains(entry.key))
                m_findings.error(entry.at,
                                 u"unknown key \"%1\"%2"_s.arg(oneLine(entry.key, 60), orDidYouMean(entry.key, known)));
        }
        const YamlEntry *form = root.find(u"slipway"_s);
        if (!form)
            m_findings.error(root.at, u"\"slipway: 1\" is missing: it says that this is a recipe and of which form"_s);
        else if (!form->value.isScalar() || form->value.text != QString::number(formVersion))
            m_findings.error(
                form->value.at,
                u"this program reads recipes of form %1, not %2"_s.arg(formVersion).arg(form->value.described()));
        m_recipe.name = shortText(m_findings, root, u"name"_s, true);
        m_recipe.version = shortText(m_findings, root, u"version"_s, false);
        if (m_recipe.version.isEmpty())
            m_recipe.version = u"1"_s;
        device(root);
        if (const YamlEntry *variables = root.find(u"variables"_s))
            m_recipe.variables = VariableReader(m_findings, m_reader).read(variables->value);
        if (const YamlEntry *steps = root.find(u"steps"_s))
            m_recipe.steps = readSteps(*steps);
        else
            m_findings.error(root.at, u"\"steps\" is missing"_s);
        if (const YamlEntry *steps = root.find(u"on-fail"_s))
            m_recipe.onFail = readSteps(*steps);
        if (const YamlEntry *steps = root.find(u"always"_s))
            m_recipe.always = readSteps(*steps);
        checkOrder(m_recipe, m_findings);
    }

    void device(const YamlNode &root)
    {
        const YamlEntry *entry = root.find(u"device"_s);
        if (!entry || !entry->value.isMapping()) {
            m_findings.error(entry ? entry->at : root.at, u"\"device\" is missing: a map with at least a driver"_s);
            return;
        }
        static const QStringList known{u"driver"_s, u"board"_s, u"baud"_s, u"class"_s};
        for (const YamlEntry &inner : entry->value.entries) {
            if (!known.contains(inner.key))
                m_findings.error(inner.at, u"\"device\" has no key \"%1\"%2"_s.arg(oneLine(inner.key, 60),
                                                                                   orDidYouMean(inner.key, known)));
        }
        m_recipe.driver = shortText(m_findings, entry->value, u"driver"_s, true);
        m_recipe.board = shortText(m_findings, entry->value, u"board"_s, false);
        if (const YamlEntry *baud = entry->value.find(u"baud"_s)) {
            StepParameter declared;
            declared.name = u"baud"_s;
            declared.type = StepParameter::Type::Integer;
            declared.minimum = 300;
            declared.maximum = 12'000'000;
            m_recipe.baud = m_reader.value(declared, baud->value).value_or(0).toInt();
        }
        if (const YamlEntry *tokens = entry->value.find(u"class"_s))
            readClass(tokens->value);
        checkDriver(*entry);
    }

    void readClass(const YamlNode &node)
    {
        if (!node.isSequence()) {
            m_findings.error(node.at, u"\"class\" must be a list of RFC 7228bis tokens such as [C3, F1, T1]"_s);
            return;
        }
        QStringList good;
        for (const YamlNode &item : node.items) {
            try {
                m_recipe.deviceClass = DeviceClass::parse(good + QStringList{item.text});
                good << item.text;
            } catch (const Fault &fault) {
                QString sentence = fault.sentence();
                if (sentence.endsWith(u'.'))
                    sentence.chop(1);
                m_findings.error(item.at, sentence);
            }
        }
    }

    void checkDriver(const YamlEntry &device)
    {
        if (!m_checks.drivers || m_recipe.driver.isEmpty())
            return;
        const QStringList names = m_checks.drivers->names();
        if (!names.contains(m_recipe.driver)) {
            m_findings.error(
                device.value.find(u"driver"_s)->value.at,
                u"unknown driver \"%1\"%2"_s.arg(oneLine(m_recipe.driver, 60), orDidYouMean(m_recipe.driver, names)));
            return;
        }
        const Driver &driver = m_checks.drivers->find(m_recipe.driver);
        if (!m_recipe.board.isEmpty() && !driver.boards().contains(m_recipe.board)) {
            m_findings.error(
                device.value.find(u"board"_s)->value.at,
                u"driver \"%1\" knows no board \"%2\"%3"_s.arg(m_recipe.driver, oneLine(m_recipe.board, 60),
                                                               orDidYouMean(m_recipe.board, driver.boards())));
            return;
        }
        m_capabilities = driver.capabilities(m_recipe.board);
    }

    QList<RecipeStep> readSteps(const YamlEntry &section)
    {
        QList<RecipeStep> steps;
        if (!section.value.isSequence() || section.value.items.empty()) {
            m_findings.error(section.value.isNull() ? section.at : section.value.at,
                             u"\"%1\" must be a list of steps, each starting with \"- \""_s.arg(section.key));
            return steps;
        }
        if (section.value.items.size() > stepLimit) {
            m_findings.error(section.at, u"\"%1\" has more than %2 steps"_s.arg(section.key).arg(stepLimit));
            return steps;
        }
        for (const YamlNode &item : section.value.items) {
            // "- reset" is the same as "- reset: {}".
            if (item.isScalar())
                readStep({item.text, item.at, {}}, steps);
            else if (item.isMapping() && item.entries.size() == 1)
                readStep(item.entries[0], steps);
            else if (item.isMapping() && item.entries.size() > 1)
                m_findings.error(item.entries[1].at,
                                 u"a list item holds one step; indent \"%1\" to make it a parameter, or start a new "
                                 "item with \"- \""_s.arg(oneLine(item.entries[1].key, 60)));
            else
                m_findings.error(item.at, u"a step is missing here"_s);
        }
        return steps;
    }

    void readStep(const YamlEntry &entry, QList<RecipeStep> &steps)
    {
        const StepKind *kind = stepKind(entry.key);
        if (!kind) {
            m_findings.error(
                entry.at, u"unknown step \"%1\"%2"_s.arg(oneLine(entry.key, 60), orDidYouMean(entry.key, kindNames())));
            return;
        }
        if (!entry.value.isMapping() && !entry.value.isNull()) {
            m_findings.error(entry.value.at, u"the parameters of \"%1\" must be a map, not %2"_s.arg(
                                                 kind->name, entry.value.described()));
            return;
        }
        RecipeStep step;
        step.kind = kind->name;
        step.at = entry.at;
        const auto before = m_findings.errors();
        readParameters(*kind, entry, step);
        nameStep(*kind, step);
        if (kind->check && m_findings.errors() == before) {
            const auto troubles = kind->check(step.parameters, m_recipe);
            for (const auto &[parameter, sentence] : troubles)
                m_findings.error(step.parameterAt.value(parameter, step.at), sentence);
        }
        checkNeeds(*kind, step, m_findings.errors() == before);
        if (kind->readsFacts)
            m_reader.knowFacts();
        if (const QString name = step.parameters.value(kind->setsVariable).toString(); isVariableName(name))
            m_reader.knowVariable(name);
        steps << step;
    }

    void readParameters(const StepKind &kind, const YamlEntry &entry, RecipeStep &step)
    {
        const QList<StepParameter> declared = allParameters(kind);
        QStringList names;
        for (const StepParameter &parameter : declared)
            names << parameter.name;
        for (const YamlEntry &given : entry.value.entries) {
            const auto index = names.indexOf(given.key);
            if (index < 0) {
                m_findings.error(given.at, u"\"%1\" has no parameter \"%2\"%3"_s.arg(kind.name, oneLine(given.key, 60),
                                                                                     orDidYouMean(given.key, names)));
                continue;
            }
            step.parameterAt.insert(given.key, given.value.isNull() ? given.at : given.value.at);
            if (const auto value = m_reader.value(declared[index], given.value))
                step.parameters.insert(given.key, *value);
        }
        for (const StepParameter &parameter : declared) {
            if (step.parameterAt.contains(parameter.name))
                continue;
            if (parameter.required)
                m_findings.error(step.at, u"\"%1\" needs the parameter \"%2\""_s.arg(kind.name, parameter.name));
            else if (parameter.fallback.isValid())
                step.parameters.insert(parameter.name, parameter.fallback);
        }
        step.retries = step.parameters.take(u"retries"_s).toInt();
        step.timeoutMs = step.parameters.take(u"timeout"_s).toLongLong();
    }

    // Two steps of one name could not be told apart in the record.
    void nameStep(const StepKind &kind, RecipeStep &step)
    {
        step.name = step.parameters.value(u"name"_s).toString();
        if (step.name.isEmpty()) {
            step.name = kind.title;
            for (int n = 2; m_names.contains(step.name); ++n)
                step.name = u"%1 %2"_s.arg(kind.title).arg(n);
        } else if (m_names.contains(step.name)) {
            m_findings.error(step.parameterAt.value(u"name"_s, step.at),
                             u"the name \"%1\" is taken by the step on line %2"_s.arg(oneLine(step.name, 60))
                                 .arg(m_names.value(step.name)));
            return;
        }
        m_names.insert(step.name, step.at.line);
    }

    void checkNeeds(const StepKind &kind, const RecipeStep &step, bool parametersGood)
    {
        if (!m_capabilities || !parametersGood)
            return;
        const QStringList lacking = kind.lacking(step.parameters, *m_capabilities);
        if (!lacking.isEmpty())
            m_findings.error(step.at, u"driver \"%1\" cannot do what \"%2\" needs: %3"_s.arg(m_recipe.driver, kind.name,
                                                                                             lacking.join(u", "_s)));
    }

    void checkSignature(const QByteArray &content)
    {
        const QString signature = m_recipe.file + u".p7s"_s;
        if (m_checks.signatureAnchors.isEmpty() || !QFileInfo::exists(signature))
            return;
        try {
            acceptRelease(m_recipe, content,
                          cmsVerify(readFile(signature, signatureLimit, u"a signature"_s), m_checks.signatureAnchors));
        } catch (const Fault &fault) {
            m_findings.warning({1, 1}, u"counts as not signed: "_s + fault.sentence());
        }
    }

    const RecipeChecks &m_checks;
    Findings m_findings;
    ParameterReader m_reader;
    Recipe m_recipe;
    std::optional<QSet<Capability>> m_capabilities;
    QMap<QString, int> m_names; // to line
};

} // namespace

bool CheckedRecipe::usable() const
{
    return std::none_of(findings.begin(), findings.end(), [](const RecipeFinding &finding) {
        return finding.severity == RecipeFinding::Severity::Error;
    });
}

CheckedRecipe checkRecipe(const QByteArray &content, const QString &file, const RecipeChecks &checks)
{
    return Checker(file, checks).check(content);
}

CheckedRecipe checkRecipeFile(const QString &file, const RecipeChecks &checks)
{
    return checkRecipe(readFile(file, recipeSizeLimit, u"a recipe"_s), file, checks);
}

Recipe loadRecipe(const QString &file, const RecipeChecks &checks)
{
    CheckedRecipe checked = checkRecipeFile(file, checks);
    for (const RecipeFinding &finding : checked.findings) {
        if (finding.severity == RecipeFinding::Severity::Error)
            throw Fault("recipe.invalid", {finding.text()});
    }
    return std::move(checked.recipe);
}

} // namespace slipway
