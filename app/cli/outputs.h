#pragma once
// What a command may write to: anything but the files that make the station itself, and those that it reads.

#include <QString>

#include <CLI/CLI.hpp>

namespace slipway {

// Looks at every --out, --backup and --new-keys of the commands on the line that was parsed, so that no command with
// such an option can forget it. Throws cli.own-file for the journal, journal.head, station.yaml and other YAML files of
// this home and for what would lie in its keys/; cli.input-file for a file that the same command reads (but for
// --merge). Links are followed, and a second name of a file is that file.
void refuseOwnFiles(const CLI::App &app, const QString &homePath);

} // namespace slipway
