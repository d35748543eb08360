#include "core/recipe/recipe.h"

using namespace Qt::StringLiterals;

namespace slipway {

QString RecipeFinding::text() const
{
    return u"%1:%2:%3: "_s.arg(file).arg(at.line).arg(at.column) +
           (severity == Severity::Warning ? u"warning: "_s : QString()) + sentence;
}

} // namespace slipway
