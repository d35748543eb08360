#pragma once
// journal.head: the last checkpoint once more, outside the database, so that cutting off the database's end is noticed
// even where its head and checkpoints were cut with it. Five lines: the four of the signed checkpoint message and the
// signature in hex (core/journal/README.md). Replaced atomically. Throws file.* and journal.tampered for unreadable
// text.

#include <QByteArray>
#include <QString>

#include <optional>

namespace slipway {

struct Checkpoint {
    qint64 seq = 0;
    QByteArray at;        // RFC 3339
    QByteArray hash;      // of the entry seq; 32 zero bytes for seq 0
    QByteArray signature; // over checkpointMessage(), DER
    QByteArray message() const;
};

// "DIR/journal.db" -> "DIR/journal.head"
QString headFilePath(const QString &journalPath);
// Nothing when there is no such file.
std::optional<Checkpoint> readHeadFile(const QString &journalPath);
void writeHeadFile(const QString &journalPath, const Checkpoint &checkpoint);

} // namespace slipway
