#pragma once
// Lists of issued certificates: out to the manufacturer as JSON or CSV (core/steps/identities-schema.json), and in from
// other stations, so that nothing that one of them used is used here again. A CSV field that a spreadsheet would take
// for a formula gets an apostrophe in front; reading takes one away. Throws identity.list, journal.*.

#include "core/journal/journal.h"

#include <QJsonArray>
#include <QJsonObject>

#include <functional>

namespace slipway {

struct ListOrder {
    Mode mode = Mode::Production;
    QString since;             // RFC 3339 or "2026-11-21": issued or revoked then or later; empty: all
    QString state;             // "", "good", "revoked"
    bool certificates = false; // with the certificates themselves
};

// One object of "certificates" in the schema for each, in the order of issue.
QJsonArray issuedCertificates(Journal &journal, const ListOrder &order);
// Those of certain units and a profile, within a transaction.
QJsonArray certificatesOfUnits(Journal::Transaction &transaction, Mode mode, const QString &profile,
                               const QStringList &serials);
// The document around them. JSON of the form "slipway-identities-1".
QByteArray listDocument(const QJsonArray &certificates, const QString &station);
QByteArray listCsv(const QJsonArray &certificates);
QByteArray identitiesSchema(); // JSON Schema, 2020-12

// JSON or CSV as above, at most 64 MiB and a million rows. station: of the document, "" for CSV.
QJsonArray readList(const QByteArray &bytes, QString *station);

// The same rows out of another station's journal. Its chain and tables must agree with themselves, else identity.list.
QJsonArray certificatesOfJournal(const QString &path, QString *station);

struct ImportConflict {
    QString serial, certificateSerial; // of the list
    QString what;                      // "key", "serial", "certificate-serial"
    QString with;                      // sentence: whose it is here
};
struct ImportResult {
    int rows = 0, added = 0, known = 0;
    QList<ImportConflict> conflicts;
};
// Puts on record what the list has and the journal has not. A row that contradicts what is known is flagged, and on
// record as well: what is double must never be used a third time. Twice the same list changes nothing.
ImportResult importList(Journal &journal, const QJsonArray &rows, const QString &station, const QByteArray &sha256);

} // namespace slipway
