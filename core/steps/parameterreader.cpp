#include "core/steps/parameterreader.h"

#include "core/recipe/variables.h"

#include <QDir>
#include <QFileInfo>
#include <QLocale>
#include <QRegularExpression>
#include <QUrl>

#include <cmath>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qsizetype textLimit = 4096;

std::optional<double> plainNumber(const YamlNode &node)
{
    if (!node.isScalar() || node.quoted)
        return {};
    bool ok = false;
    const double value = QLocale::c().toDouble(node.text, &ok);
    return ok && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

QString limitWords(const StepParameter &parameter)
{
    if (parameter.minimum && parameter.maximum)
        return u" from %1 to %2"_s.arg(*parameter.minimum).arg(*parameter.maximum);
    if (parameter.minimum)
        return u" of at least %1"_s.arg(*parameter.minimum);
    return parameter.maximum ? u" of at most %1"_s.arg(*parameter.maximum) : QString();
}

} // namespace

std::optional<QVariant> ParameterReader::value(const StepParameter &parameter, const YamlNode &node)
{
    using Type = StepParameter::Type;
    switch (parameter.type) {
    case Type::Text:
        if (const auto text = scalar(parameter, node, u"a text"_s)) {
            checkReferences(*text, node.at);
            return *text;
        }
        return {};
    case Type::Number:
    case Type::Integer:
        return number(parameter, node);
    case Type::Boolean:
        if (node.isScalar() && !node.quoted && (node.text == u"true" || node.text == u"false"))
            return node.text == u"true";
        m_findings.error(node.at, u"\"%1\" must be true or false, not %2"_s.arg(parameter.name, node.described()));
        return {};
    case Type::Choice:
        if (node.isScalar() && parameter.choices.contains(node.text))
            return node.text;
        m_findings.error(node.at, u"\"%1\" must be one of %2, not %3%4"_s.arg(
                                      parameter.name, parameter.choices.join(u", "_s), node.described(),
                                      node.isScalar() ? orDidYouMean(node.text, parameter.choices) : QString()));
        return {};
    case Type::Duration:
        if (const auto ms = node.isScalar() ? parseDurationMs(node.text) : std::nullopt; ms && *ms > 0)
            return *ms;
        m_findings.error(node.at, u"\"%1\" must be a time such as 500ms, 30s or 2min, not %2"_s.arg(parameter.name,
                                                                                                    node.described()));
        return {};
    case Type::File:
        return file(parameter.name, node);
    case Type::Url:
        return url(parameter, node);
    case Type::Pattern:
        return pattern(parameter, node);
    case Type::Range:
        return range(parameter, node);
    case Type::Map:
        return map(parameter, node);
    case Type::List:
        return list(parameter, node);
    case Type::Files:
        return files(parameter, node);
    case Type::Address:
        if (const auto at = node.isScalar() ? parseAddress(node.text) : std::nullopt)
            return QVariant::fromValue(qulonglong(*at));
        m_findings.error(
            node.at, u"\"%1\" must be an address such as 0x08000000, not %2"_s.arg(parameter.name, node.described()));
        return {};
    case Type::Digest:
        return digest(parameter.name, node);
    case Type::Images:
        return images(parameter, node);
    }
    return {};
}

void ParameterReader::checkReferences(const QString &text, Position at)
{
    qsizetype malformed = -1;
    for (const VariableReference &reference : variableReferences(text, &malformed)) {
        if (reference.name.startsWith(u"fact:"_s)) {
            if (!m_factsKnown)
                m_findings.warning(
                    at,
                    u"\"${%1}\" is used before an \"identify\" step has read the device's facts"_s.arg(reference.name));
        } else if (!m_variables.contains(reference.name)) {
            m_findings.error(
                at, u"unknown variable \"%1\"%2"_s.arg(reference.name, orDidYouMean(reference.name, m_variables)));
        }
    }
    if (malformed >= 0)
        m_findings.error(at, u"\"${\" does not start a variable such as ${serial}"_s);
}

std::optional<QString> ParameterReader::scalar(const StepParameter &parameter, const YamlNode &node,
                                               const QString &kind)
{
    if (!node.isScalar() || node.text.isEmpty()) {
        m_findings.error(node.at, u"\"%1\" must be %2, not %3"_s.arg(parameter.name, kind,
                                                                     node.isScalar() ? u"empty"_s : node.described()));
        return {};
    }
    if (node.text.size() > textLimit) {
        m_findings.error(node.at, u"\"%1\" is longer than %2 characters"_s.arg(parameter.name).arg(textLimit));
        return {};
    }
    return node.text;
}

std::optional<QVariant> ParameterReader::number(const StepParameter &parameter, const YamlNode &node)
{
    const bool whole = parameter.type == StepParameter::Type::Integer;
    const auto found = plainNumber(node);
    const bool good = found && (!whole || (std::floor(*found) == *found && std::abs(*found) < 1e15)) &&
                      (!parameter.minimum || *found >= *parameter.minimum) &&
                      (!parameter.maximum || *found <= *parameter.maximum);
    if (!good) {
        m_findings.error(node.at,
                         u"\"%1\" must be a %2%3, not %4"_s.arg(parameter.name, whole ? u"whole number"_s : u"number"_s,
                                                                limitWords(parameter), node.described()));
        return {};
    }
    return whole ? QVariant(qlonglong(*found)) : QVariant(*found);
}

std::optional<QVariant> ParameterReader::range(const StepParameter &parameter, const YamlNode &node)
{
    QVariantList ends;
    if (node.isSequence() && node.items.size() == 2) {
        for (const YamlNode &item : node.items) {
            if (item.isNull())
                ends << QVariant();
            else if (const auto number = plainNumber(item))
                ends << *number;
        }
    }
    if (ends.size() != 2 || (!ends[0].isValid() && !ends[1].isValid())) {
        m_findings.error(node.at,
                         u"\"%1\" must be two numbers, [low, high]; ~ leaves one end open"_s.arg(parameter.name));
        return {};
    }
    if (ends[0].isValid() && ends[1].isValid() && ends[0].toDouble() > ends[1].toDouble()) {
        m_findings.error(node.at, u"\"%1\" is the wrong way round: %2 is above %3"_s.arg(parameter.name)
                                      .arg(ends[0].toDouble())
                                      .arg(ends[1].toDouble()));
        return {};
    }
    return ends;
}

std::optional<QVariant> ParameterReader::map(const StepParameter &parameter, const YamlNode &node)
{
    if (!node.isMapping() || node.entries.empty()) {
        m_findings.error(node.at, u"\"%1\" must be a map such as { %2: ... }"_s.arg(
                                      parameter.name, parameter.keys.isEmpty() ? u"name"_s : parameter.keys[0].name));
        return {};
    }
    QStringList names;
    for (const StepParameter &key : parameter.keys)
        names << key.name;
    QVariantMap result;
    bool good = true;
    for (const YamlEntry &entry : node.entries) {
        StepParameter declared;
        declared.name = entry.key;
        if (!names.isEmpty()) {
            const auto index = names.indexOf(entry.key);
            if (index < 0) {
                m_findings.error(entry.at, u"\"%1\" has no key \"%2\"%3"_s.arg(parameter.name, oneLine(entry.key, 60),
                                                                               orDidYouMean(entry.key, names)));
                good = false;
                continue;
            }
            declared = parameter.keys[index];
        } else if (entry.key.isEmpty() || entry.key.size() > 255) {
            m_findings.error(entry.at, u"a name in \"%1\" must have 1 to 255 characters"_s.arg(parameter.name));
            good = false;
            continue;
        }
        if (const auto read = value(declared, entry.value))
            result.insert(entry.key, *read);
        else
            good = false;
    }
    return good ? std::optional<QVariant>(result) : std::nullopt;
}

std::optional<QVariant> ParameterReader::list(const StepParameter &parameter, const YamlNode &node)
{
    if (!node.isSequence() || node.items.empty()) {
        m_findings.error(node.at, u"\"%1\" must be a list such as [a, b]"_s.arg(parameter.name));
        return {};
    }
    QVariantList result;
    StepParameter item;
    item.name = parameter.name;
    for (const YamlNode &child : node.items) {
        const auto read = value(item, child);
        if (!read)
            return {};
        result << *read;
    }
    return result;
}

std::optional<QVariant> ParameterReader::files(const StepParameter &parameter, const YamlNode &node)
{
    if (!node.isMapping() || node.entries.empty()) {
        m_findings.error(node.at, u"\"%1\" must be a map of names on the device to files here"_s.arg(parameter.name));
        return {};
    }
    QVariantMap result;
    bool good = true;
    for (const YamlEntry &entry : node.entries) {
        if (entry.key.isEmpty() || entry.key.size() > 255) {
            m_findings.error(entry.at, u"a name on the device must have 1 to 255 characters"_s);
            good = false;
            continue;
        }
        std::optional<QVariant> content;
        QString source = u"file"_s;
        if (entry.value.isScalar()) {
            content = file(entry.key, entry.value);
        } else if (entry.value.isMapping() && entry.value.entries.size() == 1 &&
                   (entry.value.entries[0].key == u"file" || entry.value.entries[0].key == u"text")) {
            const YamlEntry &inner = entry.value.entries[0];
            source = inner.key;
            StepParameter text;
            text.name = inner.key;
            content = source == u"file" ? file(entry.key, inner.value) : value(text, inner.value);
        } else {
            m_findings.error(entry.value.at, u"\"%1\" must be a file name, { file: NAME } or { text: \"...\" }"_s.arg(
                                                 oneLine(entry.key, 60)));
        }
        if (content)
            result.insert(entry.key, QVariantMap{{source, *content}});
        else
            good = false;
    }
    return good ? std::optional<QVariant>(result) : std::nullopt;
}

std::optional<QVariant> ParameterReader::digest(const QString &name, const YamlNode &node)
{
    const auto bytes = node.isScalar() && node.text.size() == 64 ? fromHex(node.text) : std::nullopt;
    if (bytes && bytes->size() == 32)
        return *bytes;
    m_findings.error(node.at,
                     u"\"%1\" must be the 64 hex digits that sha256sum prints, not %2"_s.arg(name, node.described()));
    return {};
}

std::optional<QVariant> ParameterReader::images(const StepParameter &parameter, const YamlNode &node)
{
    if (!node.isMapping() || node.entries.empty()) {
        m_findings.error(node.at, u"\"%1\" must be a map of addresses to files"_s.arg(parameter.name));
        return {};
    }
    QMap<quint64, QVariantMap> result;
    bool good = true;
    for (const YamlEntry &entry : node.entries) {
        const auto at = parseAddress(entry.key);
        if (!at || result.contains(*at)) {
            m_findings.error(entry.at, at ? u"the address %1 is there twice"_s.arg(oneLine(entry.key, 60))
                                          : u"\"%1\" is no address such as 0x10000"_s.arg(oneLine(entry.key, 60)));
            good = false;
            continue;
        }
        QVariantMap image{{u"at"_s, QVariant::fromValue(qulonglong(*at))}};
        const YamlNode *name = entry.value.isScalar() ? &entry.value : nullptr;
        const YamlNode *pin = nullptr;
        bool known = true;
        if (entry.value.isMapping()) {
            for (const YamlEntry &inner : entry.value.entries) {
                known = known && (inner.key == u"file" || inner.key == u"sha256");
                (inner.key == u"file" ? name : pin) = &inner.value;
            }
        }
        if (!name || !known) {
            m_findings.error(entry.value.at, u"\"%1\" must be a file name or { file: NAME, sha256: ... }"_s.arg(
                                                 oneLine(entry.key, 60)));
            good = false;
            continue;
        }
        const auto path = file(entry.key, *name);
        const auto sha256 = pin ? digest(u"sha256"_s, *pin) : std::optional<QVariant>();
        good = good && path && (!pin || sha256);
        image.insert(u"file"_s, path.value_or(QVariant()));
        if (sha256)
            image.insert(u"sha256"_s, *sha256);
        result.insert(*at, image);
    }
    QVariantList list;
    for (const QVariantMap &image : std::as_const(result))
        list << image;
    return good ? std::optional<QVariant>(list) : std::nullopt;
}

std::optional<QVariant> ParameterReader::pattern(const StepParameter &parameter, const YamlNode &node)
{
    const auto text = scalar(parameter, node, u"a pattern"_s);
    if (!text)
        return {};
    const QRegularExpression expression(*text);
    if (!expression.isValid()) {
        m_findings.error(node.at, u"\"%1\" is no regular expression: %2 at character %3"_s.arg(
                                      parameter.name, oneLine(expression.errorString(), 80),
                                      QString::number(expression.patternErrorOffset() + 1)));
        return {};
    }
    if (parameter.groups >= 0 && expression.captureCount() != parameter.groups) {
        m_findings.error(node.at, u"\"%1\" must have exactly %2 group in parentheses, but has %3"_s.arg(parameter.name)
                                      .arg(parameter.groups)
                                      .arg(expression.captureCount()));
        return {};
    }
    return *text;
}

std::optional<QVariant> ParameterReader::url(const StepParameter &parameter, const YamlNode &node)
{
    const auto text = scalar(parameter, node, u"a URL"_s);
    if (!text)
        return {};
    checkReferences(*text, node.at);
    QString sample = *text; // as it could look once its variables are known
    const auto references = variableReferences(*text);
    for (auto reference = references.crbegin(); reference != references.crend(); ++reference)
        sample.replace(reference->offset, reference->length, u"x"_s);
    const QUrl url(sample, QUrl::StrictMode);
    if (!url.isValid() || url.scheme().isEmpty() || url.host().isEmpty()) {
        m_findings.error(node.at, u"\"%1\" must be a URL such as https://example.com/x, not %2"_s.arg(
                                      parameter.name, node.described()));
        return {};
    }
    return *text;
}

std::optional<QVariant> ParameterReader::file(const QString &parameterName, const YamlNode &node)
{
    StepParameter parameter;
    parameter.name = oneLine(parameterName, 60);
    const auto name = scalar(parameter, node, u"a file name"_s);
    if (!name)
        return {};
    if (name->contains(u"${"_s)) {
        m_findings.error(node.at, u"a file name takes no variables"_s);
        return {};
    }
    const QString path = QDir::cleanPath(QDir(m_folder).absoluteFilePath(*name));
    if (m_filesMustExist) {
        const QFileInfo info(path);
        if (!info.exists()) {
            const QStringList beside = info.dir().entryList(QDir::Files).mid(0, 200);
            m_findings.error(node.at, u"there is no file \"%1\"%2"_s.arg(oneLine(*name, 200),
                                                                         orDidYouMean(info.fileName(), beside)));
            return {};
        }
        if (!info.isFile() || !info.isReadable()) {
            m_findings.error(node.at, u"\"%1\" is not a file that can be read"_s.arg(oneLine(*name, 200)));
            return {};
        }
    }
    return path;
}

} // namespace slipway
