#pragma once
// The statements that ChainWriter and the look-ups of a transaction keep prepared.

#include "core/journal/chainwriter.h"
#include "core/journal/database.h"

namespace slipway {

struct ChainWriter::Statements {
    explicit Statements(const Database &d)
        : begin(d, "BEGIN IMMEDIATE"), commit(d, "COMMIT"), savepoint(d, "SAVEPOINT item"), release(d, "RELEASE item"),
          rollbackTo(d, "ROLLBACK TO item"), end(d, "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1"),
          head(d, "SELECT seq, hash, signature FROM head WHERE id = 1"),
          insert(d, "INSERT INTO entry(seq, at, kind, run, device, body, prev, hash) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
          setHead(d, "INSERT INTO head(id, seq, hash, signature) VALUES(1, ?1, ?2, ?3) ON CONFLICT(id) DO UPDATE SET "
                     "seq = ?1, hash = ?2, signature = ?3"),
          hashOf(d, "SELECT hash FROM entry WHERE seq = ?1"),
          lastCheckpoint(d, "SELECT coalesce(max(seq), 0) FROM checkpoint"),
          insertCheckpoint(d, "INSERT INTO checkpoint(seq, at, hash, signature) VALUES(?1, ?2, ?3, ?4)"),
          numberTaken(d, "SELECT 1 FROM number WHERE mode = ?1 AND pool = ?2 AND value = ?3"),
          numberDown(d, "SELECT value FROM number WHERE mode = ?1 AND pool = ?2 AND length(value) = ?3 AND "
                        "value >= ?4 AND value <= ?5 ORDER BY value DESC"),
          ofSerial(d,
                   "SELECT serial, certificate_serial, c.at, c.run, sha256, public_key_sha256, revoked_entry, e.body "
                   "FROM certificate c LEFT JOIN entry e ON e.seq = c.entry WHERE c.serial = ?1 AND c.mode = ?2 "
                   "ORDER BY revoked_entry IS NOT NULL, c.entry DESC"),
          ofKey(d, "SELECT serial, certificate_serial, c.at, c.run, sha256, public_key_sha256, revoked_entry, e.body "
                   "FROM certificate c LEFT JOIN entry e ON e.seq = c.entry WHERE c.public_key_sha256 = ?1 "
                   "ORDER BY revoked_entry IS NOT NULL, c.entry DESC"),
          serialUsed(d, "SELECT 1 FROM certificate WHERE certificate_serial = ?1")
    {}

    Statement begin, commit, savepoint, release, rollbackTo, end, head, insert, setHead, hashOf, lastCheckpoint,
        insertCheckpoint, numberTaken, numberDown, ofSerial, ofKey, serialUsed;
};

} // namespace slipway
