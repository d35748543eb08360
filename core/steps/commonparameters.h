#pragma once
// What every step takes besides its own parameters.

#include "core/steps/step.h"

namespace slipway {

// name, retries, timeout. A kind's own parameter of the same name replaces one of these.
QList<StepParameter> commonParameters(const StepKind &kind);
// Own ones first, then the common ones.
QList<StepParameter> allParameters(const StepKind &kind);

} // namespace slipway
