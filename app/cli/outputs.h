#pragma once
// What a command may write to: anything but the files that make the station itself.

#include <QString>

#include <CLI/CLI.hpp>

namespace slipway {

// Looks at every --out and --backup of the commands on the line that was parsed, so that no command with such an option
// can forget it. Throws cli.own-file for the journal, journal.head and station.yaml of this home and for what would lie
// in its keys/, also by a link or under a second name of the file.
void refuseOwnFiles(const CLI::App &app, const QString &homePath);

} // namespace slipway
