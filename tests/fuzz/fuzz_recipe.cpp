// Any bytes as a recipe: the checker ends, says something about what it does not take, and a recipe that it takes can
// be used: every step can be made.

#include "core/steps/recipechecker.h"
#include "core/steps/step.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray content(reinterpret_cast<const char *>(data), qsizetype(size));
    const CheckedRecipe checked = checkRecipe(content, QStringLiteral("/nowhere/fuzz.yaml"), {.files = false});
    for (const RecipeFinding &finding : checked.findings) {
        if (finding.at.line < 1 || finding.at.column < 1 || finding.sentence.isEmpty())
            std::abort();
    }
    if (!checked.usable())
        return 0;
    if (checked.recipe.steps.isEmpty() || checked.recipe.name.isEmpty())
        std::abort();
    for (const RecipeStep &step : checked.recipe.steps + checked.recipe.onFail + checked.recipe.always) {
        const StepKind *kind = stepKind(step.kind);
        if (!kind || !kind->make(step) || step.name.isEmpty())
            std::abort();
    }
    return 0;
}
