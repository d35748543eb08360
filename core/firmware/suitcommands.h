#pragma once
// The commands of a SUIT manifest as a tree, checked before any of it is followed (draft-ietf-suit-manifest-37 sections
// 6.2, 8.4.5 to 8.4.9): every command, parameter and component must be known, also in branches that will not be taken.
// Room-internal. Throws firmware.suit-manifest and firmware.suit-unsupported.

#include "core/firmware/suitformat.h"

#include <QMap>
#include <QStringList>

#include <vector>

namespace slipway::suit {

struct Command;
using Sequence = std::vector<Command>;
using Parameters = QMap<int, QCborValue>; // by ParameterKey, of the right types

struct Command {
    int code = 0;
    std::vector<int> components;        // SetComponentIndex
    Parameters parameters;              // OverrideParameters
    std::vector<Sequence> alternatives; // TryEach; the one of RunSequence
    bool orNothing = false;             // TryEach ends in nil
};

class CommandReader
{
public:
    static constexpr int MaximumDepth = 4;
    static constexpr int MaximumCommands = 1024; // of a whole manifest

    explicit CommandReader(int components) : m_components(components) {}
    // name is for sentences: "install". shared: no directive that acts and nothing private.
    Sequence read(const QByteArray &bytes, const QString &name, bool shared);
    // Every URI that a parameter anywhere in what was read names.
    const QStringList &uris() const { return m_uris; }

private:
    Sequence sequence(const QCborValue &wrapped, const QString &name, bool shared, int depth);
    Sequence items(const QCborValue &list, const QString &name, bool shared, int depth);
    Command command(qint64 code, const QCborValue &argument, const QString &name, bool shared, int depth);
    std::vector<int> indices(const QCborValue &argument, const QString &name) const;
    Parameters parameters(const QCborValue &argument, const QString &name, int depth);

    int m_components;
    int m_commands = 0;
    QStringList m_uris;
};

} // namespace slipway::suit
