#pragma once
// Motorola S-records (M68000 Family Programmer's Reference Manual, appendix C): text lines S0 to S9. Checksums,
// lengths, the counts of S5 and S6 and the end record are insisted on. Throws codec.s-record with the number of the
// line.

#include "core/codec/segment.h"

#include <QByteArrayView>
#include <QList>

#include <optional>

namespace slipway {

struct SRecordFile {
    static constexpr int MaximumPieces = 0x40000;

    QByteArray header;            // of S0, as it stands there
    QList<AddressedBytes> pieces; // in the order of the file; a record that goes on where the last ended is joined
    std::optional<quint32> start; // of S7, S8 or S9
    int records = 0;              // with data

    // Cheap: does it begin as such a file does?
    static bool looksLike(QByteArrayView bytes);
    static SRecordFile parse(QByteArrayView bytes);
};

} // namespace slipway
