#include "core/steps/recipeorder.h"

#include "core/steps/step.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

bool isIrreversible(const RecipeStep &step)
{
    const StepKind *kind = stepKind(step.kind);
    return kind && kind->irreversible && kind->irreversible(step.parameters);
}

bool writes(const RecipeStep &step)
{
    const StepKind *kind = stepKind(step.kind);
    return kind && kind->writes && !isIrreversible(step);
}

} // namespace

void checkOrder(const Recipe &recipe, Findings &findings)
{
    const RecipeStep *last = nullptr; // the latest irreversible one so far
    const RecipeStep *flagged = nullptr;
    for (const RecipeStep &step : recipe.steps) {
        if (isIrreversible(step)) {
            last = &step;
        } else if (last && writes(step)) {
            findings.error(step.at, u"\"%1\" writes to the device after the irreversible step \"%2\" on line %3; "
                                    "put it before that"_s.arg(step.kind, last->kind)
                                        .arg(last->at.line));
            flagged = last;
        } else if (last && flagged != last) {
            findings.warning(last->at, u"irreversible step \"%1\" is not last; \"%2\" on line %3 can still fail after "
                                       "it"_s.arg(last->kind, step.kind)
                                           .arg(step.at.line));
            flagged = last;
        }
    }
    for (const RecipeStep &step : recipe.always) {
        if (isIrreversible(step))
            findings.error(step.at, u"irreversible step \"%1\" stands in \"always\" and would be done to a unit that "
                                    "failed"_s.arg(step.kind));
    }
    for (const RecipeStep &step : recipe.onFail) {
        if (isIrreversible(step))
            findings.warning(step.at, u"irreversible step \"%1\" is done to a unit that failed"_s.arg(step.kind));
    }

    // Certificates are judged by the device's clock; one that forgets the time has to be told (RFC 7228bis, 6).
    bool timeSet = false;
    for (const RecipeStep &step : recipe.steps) {
        timeSet = timeSet || step.kind == u"time";
        if (step.kind == u"idevid" && !timeSet && recipe.deviceClass.needsTimeSet()) {
            findings.warning(step.at, u"a device of class %1 does not know the time by itself; put a \"time\" step "
                                      "before \"idevid\""_s.arg(recipe.deviceClass.token(u"T"_s)));
        }
    }
}

} // namespace slipway
