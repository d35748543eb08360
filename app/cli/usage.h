#pragma once
// One sentence, and what to type instead, for a command line that was not understood.

#include <QStringList>

#include <CLI/CLI.hpp>

namespace slipway {

// {sentence, remedy}: the arguments of fault base.usage.
QStringList usageError(const CLI::App &app, const QStringList &words, const CLI::ParseError &error);

// The deepest subcommand that the words lead to.
const CLI::App &deepest(const CLI::App &app, const QStringList &words);

} // namespace slipway
