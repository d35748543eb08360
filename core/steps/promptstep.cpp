// prompt: asks the person at the station.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/recipe/variables.h"
#include "core/steps/kinds.h"

#include <QRegularExpression>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

class PromptStep : public Step
{
public:
    explicit PromptStep(const RecipeStep &step) : m_p(step.parameters) {}

    void prepare(StepContext &) override {}

    void run(StepContext &context, const Task &task) override
    {
        PromptRequest request;
        const QString answer = m_p.value(u"answer"_s).toString();
        request.kind = answer == u"yes-no"  ? PromptRequest::Kind::YesNo
                       : answer == u"value" ? PromptRequest::Kind::Value
                                            : PromptRequest::Kind::Message;
        request.word = context.expand(m_p.value(u"word"_s).toString()).toUpper();
        request.sentence = oneLine(context.expand(m_p.value(u"text"_s).toString()));
        request.picture = m_p.value(u"picture"_s).toString();
        request.pattern = m_p.value(u"pattern"_s).toString();
        const PromptAnswer given = ask(context, request, task);
        if (request.kind == PromptRequest::Kind::Value)
            takeValue(context, request, given.value);
        if (request.kind == PromptRequest::Kind::YesNo && !given.yes)
            throw Fault("prompt.no", {request.sentence});
        context.summary(request.kind == PromptRequest::Kind::Value   ? oneLine(given.value, 80)
                        : request.kind == PromptRequest::Kind::YesNo ? u"yes"_s
                                                                     : u"done"_s);
    }

private:
    static PromptAnswer ask(StepContext &context, const PromptRequest &request, const Task &task)
    {
        try {
            return context.ask(request, task);
        } catch (const Fault &fault) {
            if (fault.is(u"base.timeout")) // nobody is the unit's fault
                throw Fault("prompt.no-answer", {request.sentence});
            throw;
        }
    }

    void takeValue(StepContext &context, const PromptRequest &request, const QString &value)
    {
        const QRegularExpression pattern(
            QRegularExpression::anchoredPattern(request.pattern.isEmpty() ? u".{1,200}"_s : request.pattern));
        if (!pattern.match(value).hasMatch())
            throw Fault("prompt.value", {oneLine(value, 60), request.sentence});
        if (const QString variable = m_p.value(u"into"_s).toString(); !variable.isEmpty())
            context.setVariable(variable, value);
    }

    QVariantMap m_p;
};

} // namespace

StepKind promptKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"prompt"_s;
    kind.title = u"Prompt"_s;
    kind.summary = u"Asks the person at the station to do something, to judge, or to enter a value."_s;
    kind.manual =
        u"One sentence with one verb reads best: \"Close the lid\". With `answer: done` the person confirms; "
        "with `yes-no` a no fails the unit; with `value` a value is typed or scanned, must match `pattern` as "
        "a whole, and can be used in later steps under the name in `into`.\n\nQuestion and answer are "
        "recorded. When nobody answers in time the run ends as STOPPED, not as the unit's failure. A stop ends the "
        "question, and "
        "with it all later ones of the run, also under `on-fail` and `always`."_s;
    kind.example = u"- prompt: { text: \"Is the display lit evenly?\", picture: display.png, answer: yes-no }"_s;
    kind.parameters = {
        {.name = u"text"_s, .required = true, .doc = u"What to do or to answer; one sentence."_s},
        {.name = u"word"_s, .fallback = u"CHECK"_s, .doc = u"The large word on the place's tile."_s},
        {.name = u"picture"_s, .type = Type::File, .doc = u"A PNG, JPEG or SVG file shown beside the text."_s},
        {.name = u"answer"_s,
         .type = Type::Choice,
         .fallback = u"done"_s,
         .choices = {u"done"_s, u"yes-no"_s, u"value"_s},
         .doc = u"What is asked of the person."_s},
        {.name = u"pattern"_s, .type = Type::Pattern, .doc = u"With `value`: what the whole answer must match."_s},
        {.name = u"into"_s, .doc = u"With `value`: the variable that takes the answer."_s}};
    kind.weight = 5;
    kind.timeoutMs = 600'000;
    kind.setsVariable = u"into"_s;
    kind.check = [](const QVariantMap &parameters, const Recipe &) {
        QList<std::pair<QString, QString>> troubles;
        for (const QString &name : {u"pattern"_s, u"into"_s}) {
            if (parameters.contains(name) && parameters.value(u"answer"_s) != u"value"_s)
                troubles.append({name, u"\"%1\" needs \"answer: value\""_s.arg(name)});
        }
        const QString into = parameters.value(u"into"_s).toString();
        if (!into.isEmpty() && !isVariableName(into))
            troubles.append({u"into"_s, u"\"%1\" is no name for a variable"_s.arg(oneLine(into, 60))});
        if (into == u"serial")
            troubles.append({u"into"_s, u"the variable \"serial\" is the unit's and cannot be set by a step"_s});
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<PromptStep>(step); };
    return kind;
}

} // namespace slipway
