#pragma once
// What is said about a command line that was not understood: one sentence, and what to type instead.

#include <QStringList>

#include <CLI/CLI.hpp>

namespace slipway {

// {sentence, remedy}: the arguments of fault base.usage.
QStringList usageError(const CLI::App &app, const QStringList &words, const CLI::ParseError &error);

// For options that are a whole number from least up: says that in words where CLI11's own would print the bounds of its
// type, hundreds of digits long.
CLI::Validator wholeNumber(qint64 least);

// The deepest subcommand that the words lead to.
const CLI::App &deepest(const CLI::App &app, const QStringList &words);

} // namespace slipway
