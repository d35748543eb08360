#pragma once
// One file from a web server, whole or not at all. https, or http where the caller can tell the content by a digest or
// a signature; other schemes are refused. Redirects stay on the same host, scheme and port, at most five; silence ends
// it after 30 seconds, and it ends with the task's deadline or stop. Runs an event loop of its own until it is done:
// not for threads that a device waits on.
// Throws fetch.url, fetch.plain, fetch.failed, fetch.digest, file.too-large, base.stopped, base.timeout.

#include "core/base/task.h"

#include <QByteArray>
#include <QUrl>

namespace slipway {

struct FetchOrder {
    QUrl url;                   // a fragment "sha256=..." states the digest
    qint64 limit = 0;           // bytes
    QString what;               // "a firmware file"
    bool authenticated = false; // the caller checks a signature on what comes: http will do
    QByteArray anchorsPem;      // trust anchors for https; empty: the system's
};

QByteArray fetch(const FetchOrder &order, const Task &task);
// Throws fetch.url or fetch.plain where fetch() would, without fetching.
void checkFetch(const FetchOrder &order);

} // namespace slipway
