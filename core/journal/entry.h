#pragma once
// The kinds of entries a station writes, with the keys of their bodies. The journal stores any kind; its projections
// (tables device, run, step, measurement, certificate, number, artifact, intent) are filled from these.
//
// `run` and `device` are columns of every entry: run is the run's id (UUID without braces, lower case) or "", device
// the serial number or "".
//
// clang-format off
//   kind             body keys (CBOR map, text keys)
//   station.created  name
//   station.opened   name, version, mode, interrupted(int: runs found without an end)
//   run.begun        slot, recipe, recipe-version, recipe-sha256, signed(bool), driver, port, mode, attempt(int), operator
//   run.ended        verdict, sentence, remedy, fault, seconds, step (index where it ended), irreversible(bool: any done),
//                    interrupted(bool: written afterwards, for a run that a crash ended)
//   run.dismissed    reason, operator                  an interrupted run needs no more attention
//   step.begun       index, step (kind), name
//   step.ended       index, step, name, verdict, seconds, sentence, remedy, fault, summary ("1.4.2+7, 65 KiB at 64.1 kB/s")
//   measurement      index, name, value, unit, low, high, marginal(bool), verdict, text (for pattern/equality), expected
//   fact             name, value (what the device said of itself)
//   log              index, lines [text]
//   prompt           index, question, answer
//   number           pool, value, mode                 taken for ever, unique by (mode, pool, value)
//   artifact         sha256, name, size, product, version, signer, admitted-by, use ("flashed", "admitted"), format,
//                    source (where it came from)
//   intent           intent (UUID), act ("identity.issue", "identity.write", "lock", "erase", "flash"), index,
//                    detail{...}
//   outcome          intent (UUID), state ("done", "not-done", "unknown", "partial": begun, can be done again), sentence, detail{...},
//                    reconciled(bool: found out afterwards)
//   flash.reached    intent, stage ("check", "erase", "write", "verify", "restart"), done, total (bytes), at (address)
//   certificate      serial (subject serialNumber), certificate-serial (hex), sha256 (of DER), public-key-sha256 (of SPKI
//                    DER), issuer, not-after, profile, mud-url, masa-url, der(bytes), method ("avocado"), transfer
//                    kind ("ldevid", "tpm-idevid", "tpm-iak"; absent: IDevID)
//   certificate.elsewhere   the same without der: one that another station issued, from its list; mode is "elsewhere",
//                    station (whose list), revoked-at
//   certificates.imported   station, sha256 (of the list), rows, new, conflicts [..]
//   revocation       certificate-serial, reason; one of reason certificateHold may be followed by another or by
//   release          certificate-serial, held-entry (of the hold), mode      the hold is over
//   issuer.rotated   issuer, old-key-id, new-key-id, new-sha256, mode
//   identity.listed  format, sha256, certificates(int)       a list of what was issued went out
//   number pools "crl:..." (with base, sha256, this-update, next-update, entries), "quota", "quota-signed",
//   "quota-closed", "quota:ID", "batch", "batch:NAME", "bound" stand for what must happen once: core/identity/README.md
//   label            template, sha256, scanned-back(text)
//   mud.accepted     product, mode, url (as offered), canonical (the mud-url in its file), source ("idevid", "typed" ...),
//                    reason, file-sha256, operator, signer (subject), signer-cas [{subject, key-identifier, key-sha256}];
//                    device: for that unit alone, "" for the product
//   device.seen      interface, address, port, outcome, sentence, serial, mud-url, masa-url, not-after, sha256, der: a
//                    device met on the network; device: its serial number where its certificate is trusted
//   journal.loss     sentence, expected-seq, expected-hash, found-seq, checkpoints [..]   written by the journal itself
//                    when a person accepts that entries are gone (core/journal/README.md)
//   checkpoint       (none: checkpoints live in their own table)
// clang-format on
//
// mode is "production" or "training" and stands in run.begun; entries outside a run that need it carry it themselves
// (number, certificate). Times are RFC 3339 UTC with milliseconds. Secrets never enter a body.

#include <QByteArray>
#include <QCborMap>
#include <QString>

#include <optional>

namespace slipway {

enum class Mode { Production, Training };
QString toString(Mode mode); // "production", "training"
std::optional<Mode> modeFromString(QStringView text);

// What a caller hands in.
struct NewEntry {
    QString kind;
    QString run;
    QString device;
    QCborMap body;
    QByteArray encoded{}; // the body as deterministic CBOR, made ahead (CborForm): then `body` is not looked at
};

// What stands in the journal.
struct Entry {
    qint64 seq = 0;
    QString at;
    QString kind;
    QString run;
    QString device;
    QCborMap body;
    QByteArray cbor;          // the body as it is stored
    QByteArray prev;          // 32 bytes
    QByteArray hash;          // 32 bytes
    std::optional<Mode> mode; // of its run or its body, where known; not part of the chain
};

} // namespace slipway
