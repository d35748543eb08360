#pragma once
// Reads the value of one declared parameter out of the recipe: type, limits, choices, files that must be there,
// variables that must be known. What is wrong goes to the findings, with the place in the file.

#include "core/recipe/findings.h"
#include "core/recipe/yamlreader.h"
#include "core/steps/step.h"

#include <QVariant>

#include <optional>

namespace slipway {

class ParameterReader
{
public:
    // folder: what file names are relative to; filesMustExist as in RecipeChecks.
    ParameterReader(Findings &findings, QString folder, bool filesMustExist)
        : m_findings(findings), m_folder(std::move(folder)), m_filesMustExist(filesMustExist)
    {}

    void knowVariable(const QString &name) { m_variables << name; }
    void knowFacts() { m_factsKnown = true; } // a step before this one reads the device's facts
    // Nothing when it is wrong; why is in the findings then.
    std::optional<QVariant> value(const StepParameter &parameter, const YamlNode &node);
    // Complains of references to variables that are not known.
    void checkReferences(const QString &text, Position at);

private:
    std::optional<QString> scalar(const StepParameter &parameter, const YamlNode &node, const QString &kind);
    std::optional<QVariant> number(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> range(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> map(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> list(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> files(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> digest(const QString &name, const YamlNode &node);
    std::optional<QVariant> images(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> pattern(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> url(const StepParameter &parameter, const YamlNode &node);
    std::optional<QVariant> file(const QString &parameterName, const YamlNode &node);

    Findings &m_findings;
    QString m_folder;
    bool m_filesMustExist;
    QStringList m_variables{QStringLiteral("serial")};
    bool m_factsKnown = false;
};

} // namespace slipway
