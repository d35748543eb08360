#pragma once
// How a manufacturer lays out MUD URLs on a web server: what is odd about one URL, and where the files of a product go
// in a folder that a server serves (draft-ietf-iotops-mud-acceptable-urls: one folder for each product, relative
// signatures, old URLs kept).

#include "core/mud/mudfinding.h"

#include <QString>

namespace slipway {

// What is odd about a MUD URL that is one: warnings where managers and devices may disagree about it, notes where the
// layout is not as it should be. Without line and path.
QList<MudFinding> mudUrlOddities(const QString &url);

// The path of a MUD URL as a path below a site's root, "t1/1.4.json": percent encoding undone, no "..", no
// empty parts. Throws mud.layout where a URL has no such path.
QString sitePath(const QString &url);

} // namespace slipway
