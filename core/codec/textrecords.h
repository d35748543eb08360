#pragma once
// What the line-by-line hex formats have in common: lines with any line end, and pairs of hex digits.

#include "core/codec/segment.h"

#include <QByteArrayView>
#include <QList>
#include <QVarLengthArray>

#include <optional>

namespace slipway::textrecords {

using Record = QVarLengthArray<quint8, 260>;

// Goes through the lines of a text; blanks around them are cut off, empty ones are passed over.
class Lines
{
public:
    explicit Lines(QByteArrayView text) : m_text(text) {}
    // The next line that is not empty, or nothing at the end.
    std::optional<QByteArrayView> next();
    int number() const { return m_number; } // of the line that next() gave, from 1

private:
    QByteArrayView m_text;
    qsizetype m_at = 0;
    int m_number = 0;
};

// Pairs of hex digits; false where there is anything else, an odd digit, or more than a record can have.
bool decode(QByteArrayView digits, Record &out);
// Adds data, joined to the last piece where it goes on there. False when there would be more than limit pieces.
bool add(QList<AddressedBytes> &pieces, quint64 at, const quint8 *data, qsizetype size, qsizetype limit);

} // namespace slipway::textrecords
