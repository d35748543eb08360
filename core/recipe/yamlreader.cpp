#include "core/recipe/yamlreader.h"

#include "core/base/text.h"

#include <QStringDecoder>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

struct Refused {
    YAML::Mark mark;
    QString sentence;
};

// Turns yaml-cpp's line and byte column (from 0) into line and character column (from 1).
class Lines
{
public:
    explicit Lines(const QByteArray &content) : m_content(content)
    {
        m_starts.push_back(0);
        for (qsizetype i = 0; (i = content.indexOf('\n', i)) >= 0;)
            m_starts.push_back(++i);
    }
    Position position(const YAML::Mark &mark) const
    {
        return mark.is_null() ? Position{1, 1} : position(mark.line, mark.column);
    }
    Position position(int line, qsizetype column) const
    {
        if (line < 0 || size_t(line) >= m_starts.size())
            return {line + 1, int(column) + 1};
        qsizetype characters = 0;
        const qsizetype start = m_starts[size_t(line)];
        for (qsizetype i = start; i < start + column && i < m_content.size(); ++i)
            characters += (uchar(m_content[i]) & 0xc0) != 0x80;
        return {line + 1, int(characters) + 1};
    }
    // Whether the quotes that open at the mark are closed; yaml-cpp lets the end of the file close them.
    bool quotesClosed(const YAML::Mark &mark) const
    {
        if (mark.line < 0 || size_t(mark.line) >= m_starts.size())
            return true;
        qsizetype at = m_starts[size_t(mark.line)] + mark.column;
        const char quote = at < m_content.size() ? m_content[at] : '\0';
        if (quote != '"' && quote != '\'') // a | or > block
            return true;
        for (++at; at < m_content.size(); ++at) {
            if (m_content[at] == '\\' && quote == '"')
                ++at;
            else if (m_content[at] == quote && (quote == '"' || m_content.mid(at + 1, 1) != "'"))
                return true;
            else if (m_content[at] == quote)
                ++at;
        }
        return false;
    }
    Position ofOffset(qsizetype offset) const
    {
        const auto next = std::upper_bound(m_starts.begin(), m_starts.end(), offset);
        const auto line = int(next - m_starts.begin()) - 1;
        return position(line, offset - m_starts[size_t(line)]);
    }

private:
    const QByteArray &m_content;
    std::vector<qsizetype> m_starts;
};

// Builds the tree from yaml-cpp's events.
class Builder : public YAML::EventHandler
{
public:
    Builder(const Lines &lines, const YamlLimits &limits, YamlDocument &document)
        : m_lines(lines), m_limits(limits), m_document(document)
    {}

    void OnDocumentStart(const YAML::Mark &) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override
    {
        start(mark, {}, anchor);
        YamlNode node;
        node.at = m_lines.position(mark);
        put(std::move(node), mark);
    }
    void OnAlias(const YAML::Mark &mark, YAML::anchor_t) override
    {
        throw Refused{mark, u"aliases (\"*name\") are not taken here; write the value out"_s};
    }
    void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                  const std::string &value) override
    {
        start(mark, tag, anchor);
        if (tag == "!" && !m_lines.quotesClosed(mark))
            throw Refused{mark, u"a text in quotes is not closed"_s};
        YamlNode node;
        node.kind = YamlNode::Kind::Scalar;
        node.at = m_lines.position(mark);
        node.text = QString::fromStdString(value);
        node.quoted = tag == "!";
        put(std::move(node), mark);
    }
    void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override
    {
        start(mark, tag, anchor);
        open(mark, YamlNode::Kind::Sequence);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override
    {
        start(mark, tag, anchor);
        open(mark, YamlNode::Kind::Mapping);
    }
    void OnMapEnd() override { close(); }

private:
    struct Level {
        YamlNode node;
        bool haveKey = false;
        QString key;
        Position keyAt;
    };

    void start(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor)
    {
        if (anchor != 0)
            throw Refused{mark, u"anchors (\"&name\") are not taken here; write the value out"_s};
        if (!tag.empty() && tag != "?" && tag != "!")
            throw Refused{mark, u"tags (\"!name\") are not taken here; leave it out"_s};
        if (++m_nodes > m_limits.nodes)
            throw Refused{mark, u"the file holds more than %1 values"_s.arg(m_limits.nodes)};
    }
    void open(const YAML::Mark &mark, YamlNode::Kind kind)
    {
        if (int(m_levels.size()) >= m_limits.depth)
            throw Refused{mark, u"values are nested more than %1 deep"_s.arg(m_limits.depth)};
        if (!m_levels.empty() && m_levels.back().node.isMapping() && !m_levels.back().haveKey)
            throw Refused{mark, u"a key must be a text, not a list or a map"_s};
        Level level;
        level.node.kind = kind;
        level.node.at = m_lines.position(mark);
        m_levels.push_back(std::move(level));
    }
    void close()
    {
        YamlNode node = std::move(m_levels.back().node);
        m_levels.pop_back();
        put(std::move(node), YAML::Mark::null_mark());
    }
    void put(YamlNode node, const YAML::Mark &mark)
    {
        if (m_levels.empty()) {
            m_document.root = std::move(node);
            return;
        }
        Level &level = m_levels.back();
        if (level.node.isSequence()) {
            level.node.items.push_back(std::move(node));
        } else if (!level.haveKey) {
            if (!node.isScalar())
                throw Refused{mark, u"a key is missing before the \":\""_s};
            level.haveKey = true;
            level.key = node.text;
            level.keyAt = node.at;
        } else {
            level.haveKey = false;
            if (const YamlEntry *first = level.node.find(level.key)) {
                m_document.troubles.append(
                    {level.keyAt, u"\"%1\" is given twice; the first is on line %2"_s.arg(oneLine(level.key, 60))
                                      .arg(first->at.line)});
            } else {
                level.node.entries.push_back({level.key, level.keyAt, std::move(node)});
            }
        }
    }

    const Lines &m_lines;
    const YamlLimits &m_limits;
    YamlDocument &m_document;
    std::vector<Level> m_levels;
    int m_nodes = 0;
};

// What yaml-cpp says, in words for people.
QString plainWords(const std::string &message)
{
    static constexpr std::array<std::pair<const char *, const char *>, 10> known{{
        {"illegal map value", "a \":\" stands where no key can be; put texts with \": \" in quotes"},
        {"end of map flow not found", "a \"{\" is not closed"},
        {"end of sequence flow not found", "a \"[\" is not closed"},
        {"illegal flow end", "a closing bracket closes nothing"},
        {"illegal EOF in scalar", "a text in quotes is not closed"},
        {"unknown token", "a value cannot start with this character; put the text in quotes"},
        {"illegal tab when looking for indentation", "a tab stands in the indentation; use spaces"},
        {"illegal block entry", "a \"-\" stands where no list item can be"},
        {"end of map not found", "this line fits neither the map above nor a list; check its indentation"},
        {"end of sequence not found", "this line does not fit the list above; check its indentation"},
    }};
    for (const auto &[theirs, ours] : known) {
        if (message == theirs)
            return QString::fromLatin1(ours);
    }
    return u"this is not YAML: "_s + oneLine(QString::fromStdString(message), 120);
}

// Text of UTF-8 without control characters. False when the parser must not see it.
bool checkText(const QByteArray &content, const Lines &lines, YamlDocument &document)
{
    QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    const QString text = decoder(content);
    if (decoder.hasError()) {
        qsizetype good = 0;
        while (good < content.size()) {
            const auto lead = uchar(content[good]);
            const qsizetype length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
            QStringDecoder one(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
            const QString character = one(content.mid(good, length));
            if (lead >= 0x80 && (one.hasError() || character.contains(QChar::ReplacementCharacter)))
                break;
            good += length;
        }
        document.troubles.append({lines.ofOffset(good), u"the file is not UTF-8 text"_s});
        return false;
    }
    for (qsizetype i = 0; i < content.size(); ++i) {
        const auto c = uchar(content[i]);
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            document.troubles.append({lines.ofOffset(i), u"a control character stands here; is this a text file?"_s});
            return false;
        }
    }
    return true;
}

void checkTabs(const QByteArray &content, const Lines &lines, YamlDocument &document)
{
    bool leading = true;
    for (qsizetype i = 0; i < content.size(); ++i) {
        const char c = content[i];
        if (c == '\t' && leading) {
            document.troubles.append({lines.ofOffset(i), u"a tab stands in the indentation; use spaces"_s});
            leading = false; // once a line
        } else if (c == '\n') {
            leading = true;
        } else if (c != ' ') {
            leading = false;
        }
        if (document.troubles.size() >= 20)
            return;
    }
}

} // namespace

const YamlEntry *YamlNode::find(const QString &key) const
{
    for (const YamlEntry &entry : entries) {
        if (entry.key == key)
            return &entry;
    }
    return nullptr;
}

QString YamlNode::described() const
{
    switch (kind) {
    case Kind::Null:
        return u"nothing"_s;
    case Kind::Scalar:
        return quoted ? u"a text in quotes"_s : u"\"%1\""_s.arg(oneLine(text, 40));
    case Kind::Sequence:
        return u"a list"_s;
    case Kind::Mapping:
        return u"a map"_s;
    }
    return {};
}

YamlDocument readYaml(const QByteArray &given, const YamlLimits &limits)
{
    YamlDocument document;
    if (given.size() > limits.bytes) {
        document.troubles.append({{1, 1}, u"the file is larger than %1"_s.arg(humanSize(limits.bytes))});
        return document;
    }
    const QByteArray content = given.startsWith("\xef\xbb\xbf") ? given.mid(3) : given;
    const Lines lines(content);
    if (!checkText(content, lines, document))
        return document;
    checkTabs(content, lines, document);
    if (!document.troubles.isEmpty())
        return document;

    std::istringstream stream(content.toStdString());
    try {
        YAML::Parser parser(stream);
        Builder builder(lines, limits, document);
        if (!parser.HandleNextDocument(builder)) {
            document.troubles.append({{1, 1}, u"the file is empty"_s});
            return document;
        }
        YamlDocument second;
        Builder rest(lines, limits, second);
        if (parser.HandleNextDocument(rest)) {
            document.troubles.append({second.root.at.line > 0 ? second.root.at : Position{1, 1},
                                      u"a second document (\"---\") starts here; a file holds one"_s});
        }
    } catch (const Refused &refused) {
        document.root = {};
        document.troubles.append({lines.position(refused.mark), refused.sentence});
    } catch (const YAML::Exception &exception) {
        document.root = {};
        document.troubles.append({lines.position(exception.mark), plainWords(exception.msg)});
    }
    return document;
}

} // namespace slipway
