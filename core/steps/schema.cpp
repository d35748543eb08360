// The JSON Schema of a recipe, from what the steps declare.

#include "core/device/deviceclass.h"
#include "core/steps/commonparameters.h"
#include "core/steps/manual.h"

#include <QJsonArray>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QJsonObject reference(const QString &name)
{
    return {{u"$ref"_s, u"#/$defs/"_s + name}};
}

// Markdown's code marks are noise in an editor's tooltip.
QString plain(QString text)
{
    return text.remove(u'`');
}

QJsonObject closedObject(const QJsonObject &properties, const QStringList &required)
{
    QJsonObject object{{u"type"_s, u"object"_s}, {u"additionalProperties"_s, false}, {u"properties"_s, properties}};
    if (!required.isEmpty())
        object.insert(u"required"_s, QJsonArray::fromStringList(required));
    return object;
}

QJsonObject typeOf(const StepParameter &parameter)
{
    using Type = StepParameter::Type;
    switch (parameter.type) {
    case Type::Text:
        return reference(u"text"_s);
    case Type::File:
        return {{u"type"_s, u"string"_s}, {u"minLength"_s, 1}};
    case Type::Pattern:
        return {{u"type"_s, u"string"_s}, {u"minLength"_s, 1}};
    case Type::Url:
        return {{u"type"_s, u"string"_s}, {u"pattern"_s, u"^[A-Za-z][A-Za-z0-9+.-]*://."_s}};
    case Type::Number:
    case Type::Integer: {
        QJsonObject object{{u"type"_s, parameter.type == Type::Integer ? u"integer"_s : u"number"_s}};
        if (parameter.minimum)
            object.insert(u"minimum"_s, *parameter.minimum);
        if (parameter.maximum)
            object.insert(u"maximum"_s, *parameter.maximum);
        return object;
    }
    case Type::Boolean:
        return {{u"type"_s, u"boolean"_s}};
    case Type::Choice:
        return {{u"enum"_s, QJsonArray::fromStringList(parameter.choices)}};
    case Type::Duration:
        return reference(u"time"_s);
    case Type::Range:
        return reference(u"range"_s);
    case Type::Map: {
        if (parameter.keys.isEmpty())
            return {
                {u"type"_s, u"object"_s}, {u"minProperties"_s, 1}, {u"additionalProperties"_s, reference(u"text"_s)}};
        QJsonObject properties;
        for (const StepParameter &key : parameter.keys) {
            QJsonObject object = typeOf(key);
            object.insert(u"description"_s, plain(key.doc));
            properties.insert(key.name, object);
        }
        return closedObject(properties, {});
    }
    case Type::List:
        return {{u"type"_s, u"array"_s}, {u"minItems"_s, 1}, {u"items"_s, reference(u"text"_s)}};
    case Type::Files:
        return {
            {u"type"_s, u"object"_s},
            {u"minProperties"_s, 1},
            {u"additionalProperties"_s,
             QJsonObject{{u"oneOf"_s,
                          QJsonArray{QJsonObject{{u"type"_s, u"string"_s}, {u"minLength"_s, 1}},
                                     closedObject({{u"file"_s, QJsonObject{{u"type"_s, u"string"_s}}}}, {u"file"_s}),
                                     closedObject({{u"text"_s, reference(u"text"_s)}}, {u"text"_s})}}}}};
    case Type::Address:
        return {{u"type"_s, QJsonArray{u"integer"_s, u"string"_s}},
                {u"minimum"_s, 0},
                {u"pattern"_s, u"^(0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20})$"_s}};
    case Type::Digest:
        return {{u"type"_s, u"string"_s}, {u"pattern"_s, u"^[0-9A-Fa-f]{64}$"_s}};
    case Type::Images: {
        StepParameter digest;
        digest.type = Type::Digest;
        return {{u"type"_s, u"object"_s},
                {u"minProperties"_s, 1},
                {u"propertyNames"_s, QJsonObject{{u"pattern"_s, u"^(0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20})$"_s}}},
                {u"additionalProperties"_s,
                 QJsonObject{{u"oneOf"_s, QJsonArray{QJsonObject{{u"type"_s, u"string"_s}, {u"minLength"_s, 1}},
                                                     closedObject({{u"file"_s, QJsonObject{{u"type"_s, u"string"_s}}},
                                                                   {u"sha256"_s, typeOf(digest)}},
                                                                  {u"file"_s})}}}}};
    }
    }
    return {};
}

QJsonObject parameters(const StepKind &kind)
{
    QJsonObject properties;
    QStringList required;
    for (const StepParameter &parameter : allParameters(kind)) {
        QJsonObject object = typeOf(parameter);
        object.insert(u"description"_s, plain(parameter.doc));
        if (parameter.fallback.isValid() && parameter.type != StepParameter::Type::Duration)
            object.insert(u"default"_s, QJsonValue::fromVariant(parameter.fallback));
        properties.insert(parameter.name, object);
        if (parameter.required)
            required << parameter.name;
    }
    QJsonObject object = closedObject(properties, required);
    object.insert(u"description"_s, plain(kind.summary));
    // "- reset:" and "- reset" stand for a step without parameters.
    if (required.isEmpty())
        object.insert(u"type"_s, QJsonArray{u"object"_s, u"null"_s});
    return object;
}

QJsonObject stepSchema()
{
    QJsonArray alternatives;
    QJsonArray bare;
    for (const StepKind &kind : stepKinds()) {
        alternatives.append(closedObject({{kind.name, reference(u"step-"_s + kind.name)}}, {kind.name}));
        const auto declared = allParameters(kind);
        if (std::none_of(declared.begin(), declared.end(), [](const StepParameter &p) { return p.required; }))
            bare.append(kind.name);
    }
    alternatives.append(QJsonObject{{u"enum"_s, bare}});
    return {{u"oneOf"_s, alternatives}};
}

QJsonObject variableSchema()
{
    const auto source = [](const QString &from, QJsonObject properties, QStringList required) {
        properties.insert(u"from"_s, QJsonObject{{u"const"_s, from}});
        required.prepend(u"from"_s);
        return closedObject(properties, required);
    };
    const QJsonObject text = reference(u"text"_s);
    return {{u"oneOf"_s, QJsonArray{QJsonObject{{u"type"_s, QJsonArray{u"string"_s, u"number"_s, u"boolean"_s}}},
                                    source(u"scan"_s, {{u"pattern"_s, text}}, {}),
                                    source(u"allocator"_s,
                                           {{u"pool"_s, text},
                                            {u"format"_s, text},
                                            {u"first"_s, QJsonObject{{u"type"_s, u"integer"_s}, {u"minimum"_s, 0}}}},
                                           {u"pool"_s, u"format"_s}),
                                    source(u"device"_s, {{u"fact"_s, text}, {u"pattern"_s, text}}, {u"fact"_s}),
                                    source(u"fixed"_s, {{u"value"_s, text}}, {u"value"_s}),
                                    source(u"lot"_s, {{u"lot"_s, text}}, {u"lot"_s})}}};
}

QJsonObject deviceSchema()
{
    const QJsonObject text = reference(u"text"_s);
    return closedObject(
        {{u"driver"_s, text},
         {u"board"_s, text},
         {u"baud"_s, QJsonObject{{u"type"_s, u"integer"_s}, {u"minimum"_s, 300}, {u"maximum"_s, 12'000'000}}},
         {u"class"_s,
          QJsonObject{{u"type"_s, u"array"_s},
                      {u"items"_s, QJsonObject{{u"enum"_s, QJsonArray::fromStringList(DeviceClass::allTokens())}}}}}},
        {u"driver"_s});
}

} // namespace

QJsonObject recipeSchema()
{
    const QJsonObject end{{u"type"_s, QJsonArray{u"number"_s, u"null"_s}}};
    QJsonObject definitions{
        {u"text"_s, QJsonObject{{u"type"_s, QJsonArray{u"string"_s, u"number"_s, u"boolean"_s}}, {u"minLength"_s, 1}}},
        {u"time"_s, QJsonObject{{u"type"_s, QJsonArray{u"string"_s, u"number"_s}},
                                {u"pattern"_s, u"^\\s*[0-9]{1,9}(\\.[0-9]{1,3})?\\s*(ms|s|min|h)?\\s*$"_s},
                                {u"exclusiveMinimum"_s, 0}}},
        {u"range"_s, QJsonObject{{u"type"_s, u"array"_s},
                                 {u"prefixItems"_s, QJsonArray{end, end}},
                                 {u"items"_s, false},
                                 {u"minItems"_s, 2}}},
        {u"variable"_s, variableSchema()},
        {u"step"_s, stepSchema()},
        {u"steps"_s,
         QJsonObject{
             {u"type"_s, u"array"_s}, {u"minItems"_s, 1}, {u"maxItems"_s, 200}, {u"items"_s, reference(u"step"_s)}}}};
    for (const StepKind &kind : stepKinds())
        definitions.insert(u"step-"_s + kind.name, parameters(kind));

    QJsonObject schema = closedObject(
        {{u"slipway"_s, QJsonObject{{u"const"_s, 1}}},
         {u"name"_s, QJsonObject{{u"type"_s, u"string"_s}, {u"minLength"_s, 1}, {u"maxLength"_s, 200}}},
         {u"version"_s, QJsonObject{{u"type"_s, QJsonArray{u"string"_s, u"number"_s}}}},
         {u"device"_s, deviceSchema()},
         {u"variables"_s, QJsonObject{{u"type"_s, u"object"_s}, {u"additionalProperties"_s, reference(u"variable"_s)}}},
         {u"steps"_s, reference(u"steps"_s)},
         {u"on-fail"_s, reference(u"steps"_s)},
         {u"always"_s, reference(u"steps"_s)}},
        {u"slipway"_s, u"name"_s, u"device"_s, u"steps"_s});
    schema.insert(u"$schema"_s, u"https://json-schema.org/draft/2020-12/schema"_s);
    schema.insert(u"title"_s, u"Slipway recipe, form 1"_s);
    schema.insert(u"$defs"_s, definitions);
    return schema;
}

} // namespace slipway
