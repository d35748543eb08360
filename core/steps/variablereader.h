#pragma once
// Reads the variables of a recipe. What is wrong goes to the findings, with the place in the file.

#include "core/recipe/findings.h"
#include "core/recipe/yamlreader.h"
#include "core/steps/parameterreader.h"

namespace slipway {

class VariableReader
{
public:
    VariableReader(Findings &findings, ParameterReader &reader) : m_findings(findings), m_reader(reader) {}

    // Also those that are wrong, so that their uses are not reported as well; the reader knows them all afterwards.
    QList<RecipeVariable> read(const YamlNode &node);

private:
    void readOne(const YamlEntry &entry, RecipeVariable &variable);
    void readAllocator(const YamlEntry &entry, RecipeVariable &variable);

    Findings &m_findings;
    ParameterReader &m_reader;
};

// A text of 1 to 200 characters under that key of the map; "" when it is absent or wrong.
QString shortText(Findings &findings, const YamlNode &map, const QString &key, bool required);

} // namespace slipway
