#pragma once
// Comma-separated values (RFC 4180): fields may be quoted, a quoted one may hold commas, line ends and doubled quotes.
// Lines that begin with # and empty lines are skipped. Throws codec.csv with the line.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>

namespace slipway {

struct CsvRow {
    int line = 0; // from 1, where it begins
    QList<QByteArray> fields;
};

// At most 10 000 rows of at most 64 fields.
QList<CsvRow> readCsv(QByteArrayView text);

} // namespace slipway
