#pragma once
// What the declarations of the steps tell people and editors: the manual (Markdown) and the JSON Schema.

#include "core/steps/step.h"

#include <QJsonObject>
#include <QString>

namespace slipway {

// The page of one kind of step: what it does, every parameter with type and default, an example.
QString stepManual(const StepKind &kind);
// The form of a recipe, and the pages of all kinds.
QString recipeManual();
// JSON Schema, draft 2020-12, of a recipe file.
QJsonObject recipeSchema();

} // namespace slipway
