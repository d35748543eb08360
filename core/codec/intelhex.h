#pragma once
// Intel HEX (Intel, "Hexadecimal Object File Format Specification", revision A, 1988): text lines that begin with a
// colon. All six record types; every checksum, length and the end record are insisted on, and nothing may follow it.
// Lines may end in LF, CR LF or CR. Throws codec.intel-hex with the number of the line.

#include "core/codec/segment.h"

#include <QByteArrayView>
#include <QList>

#include <optional>

namespace slipway {

struct IntelHexFile {
    static constexpr int MaximumPieces = 0x40000;

    QList<AddressedBytes> pieces; // in the order of the file; a record that goes on where the last ended is joined
    std::optional<quint32> start; // EIP of record 05; CS:IP of record 03 as linear address
    int records = 0;

    // Cheap: does it begin as such a file does?
    static bool looksLike(QByteArrayView bytes);
    static IntelHexFile parse(QByteArrayView bytes);
};

} // namespace slipway
