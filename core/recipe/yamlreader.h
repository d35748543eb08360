#pragma once
// YAML 1.2 as a tree that knows where everything stands, for files that people write and others may have meddled with.
// Narrower than YAML on purpose: one document, UTF-8, no anchors, aliases or tags, keys are plain texts given once, no
// tab in the indentation, and limits on size, depth and number of nodes. Reports the first error of syntax and every
// duplicate key and tab, and throws nothing.

#include "core/recipe/recipe.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <vector>

namespace slipway {

struct YamlEntry;

struct YamlNode {
    enum class Kind { Null, Scalar, Sequence, Mapping };
    Kind kind = Kind::Null;
    Position at;
    QString text;                   // Scalar
    bool quoted = false;            // Scalar: "text", 'text', or a | or > block
    std::vector<YamlNode> items;    // Sequence
    std::vector<YamlEntry> entries; // Mapping, in the order of the file

    bool isNull() const { return kind == Kind::Null; }
    bool isScalar() const { return kind == Kind::Scalar; }
    bool isSequence() const { return kind == Kind::Sequence; }
    bool isMapping() const { return kind == Kind::Mapping; }
    const YamlEntry *find(const QString &key) const; // Mapping
    QString described() const;                       // "a list", "a text", "nothing"
};

struct YamlEntry {
    QString key;
    Position at;
    YamlNode value;
};

struct YamlTrouble {
    Position at;
    QString sentence;
};

struct YamlLimits {
    qint64 bytes = recipeSizeLimit;
    int depth = 16;
    int nodes = 50'000;
};

struct YamlDocument {
    YamlNode root; // Null where a trouble kept it from being read
    QList<YamlTrouble> troubles;
};

YamlDocument readYaml(const QByteArray &content, const YamlLimits &limits = {});

} // namespace slipway
