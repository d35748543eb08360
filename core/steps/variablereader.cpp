#include "core/steps/variablereader.h"

#include "core/base/fault.h"
#include "core/recipe/variables.h"

using namespace Qt::StringLiterals;

namespace slipway {

QString shortText(Findings &findings, const YamlNode &map, const QString &key, bool required)
{
    const YamlEntry *entry = map.find(key);
    if (!entry) {
        if (required)
            findings.error(map.at, u"\"%1\" is missing"_s.arg(key));
        return {};
    }
    if (!entry->value.isScalar() || entry->value.text.trimmed().isEmpty() || entry->value.text.size() > 200) {
        findings.error(entry->value.isNull() ? entry->at : entry->value.at,
                       u"\"%1\" must be a text of 1 to 200 characters"_s.arg(key));
        return {};
    }
    return entry->value.text;
}

QList<RecipeVariable> VariableReader::read(const YamlNode &node)
{
    QList<RecipeVariable> variables;
    if (!node.isMapping()) {
        m_findings.error(node.at, u"\"variables\" must be a map of names"_s);
        return variables;
    }
    for (const YamlEntry &entry : node.entries) {
        if (!isVariableName(entry.key)) {
            m_findings.error(entry.at,
                             u"a variable's name is a letter, then letters, digits, - and _; not \"%1\""_s.arg(
                                 oneLine(entry.key, 60)));
            continue;
        }
        RecipeVariable variable;
        variable.name = entry.key;
        variable.at = entry.at;
        if (entry.value.isScalar())
            variable.value = entry.value.text;
        else if (!entry.value.isMapping())
            m_findings.error(entry.at, u"\"%1\" must be a value or a map with \"from\""_s.arg(entry.key));
        else
            readOne(entry, variable);
        variables << variable;
        m_reader.knowVariable(variable.name);
    }
    return variables;
}

void VariableReader::readOne(const YamlEntry &entry, RecipeVariable &variable)
{
    using From = RecipeVariable::From;
    static const QStringList sources{u"scan"_s, u"allocator"_s, u"device"_s, u"fixed"_s, u"lot"_s};
    static const QList<QStringList> keys{
        {u"pattern"_s}, {u"pool"_s, u"format"_s, u"first"_s}, {u"fact"_s, u"pattern"_s}, {u"value"_s}, {u"lot"_s}};
    const QString source = shortText(m_findings, entry.value, u"from"_s, true);
    if (source.isEmpty())
        return;
    const auto index = sources.indexOf(source);
    if (index < 0) {
        m_findings.error(entry.value.find(u"from"_s)->value.at,
                         u"\"from\" must be one of %1, not \"%2\"%3"_s.arg(sources.join(u", "_s), oneLine(source, 60),
                                                                           orDidYouMean(source, sources)));
        return;
    }
    variable.from = From(index);
    for (const YamlEntry &inner : entry.value.entries) {
        if (inner.key != u"from" && !keys[index].contains(inner.key))
            m_findings.error(inner.at, u"a variable from %1 has no key \"%2\"%3"_s.arg(
                                           source, oneLine(inner.key, 60), orDidYouMean(inner.key, keys[index])));
    }
    if (const YamlEntry *pattern = entry.value.find(u"pattern"_s)) {
        StepParameter declared;
        declared.name = u"pattern"_s;
        declared.type = StepParameter::Type::Pattern;
        if (const auto value = m_reader.value(declared, pattern->value))
            variable.pattern = value->toString();
    }
    if (variable.from == From::Fixed)
        variable.value = shortText(m_findings, entry.value, u"value"_s, true);
    if (variable.from == From::Lot) {
        variable.lot = shortText(m_findings, entry.value, u"lot"_s, true);
        if (variable.name != u"serial")
            m_findings.error(entry.at, u"only \"serial\" can come from a lot"_s);
    }
    if (variable.from == From::Device)
        variable.fact = shortText(m_findings, entry.value, u"fact"_s, true);
    if (variable.from == From::Allocator)
        readAllocator(entry, variable);
}

void VariableReader::readAllocator(const YamlEntry &entry, RecipeVariable &variable)
{
    variable.pool = shortText(m_findings, entry.value, u"pool"_s, true);
    variable.format = shortText(m_findings, entry.value, u"format"_s, true);
    if (const YamlEntry *first = entry.value.find(u"first"_s)) {
        StepParameter declared;
        declared.name = u"first"_s;
        declared.type = StepParameter::Type::Integer;
        declared.minimum = 0;
        variable.first = m_reader.value(declared, first->value).value_or(1).toLongLong();
    }
    if (variable.format.isEmpty())
        return;
    const Position at = entry.value.find(u"format"_s)->value.at;
    try {
        const NumberFormat format = NumberFormat::parse(variable.format);
        if (variable.first > format.highest())
            m_findings.error(at, u"\"format\" has too few digits for %1"_s.arg(variable.first));
    } catch (const Fault &fault) {
        m_findings.error(at, u"\"format\" is unusable: "_s + fault.detail());
    }
}

} // namespace slipway
