#pragma once
// A UF2 file: blocks of 512 bytes, each with up to 476 bytes and the address where they belong (microsoft/uf2,
// README). Blocks name the family of chips they are for; files for several families are joined end to end, and a boot
// loader takes those of its own. uf2families.json lists families. Throws codec.uf2.

#include "core/codec/segment.h"

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct Uf2File {
    static constexpr qsizetype blockSize = 512;
    // The blocks of one family.
    struct Part {
        std::optional<quint32> family;  // nothing: not told, any boot loader takes it
        int blocks = 0;                 // those that are not for the main flash included
        QList<AddressedBytes> segments; // by address, neighbours joined
    };
    QList<Part> parts; // in the file's order

    // What a chip of that family takes: its own part, else the one that tells none; null: nothing.
    const Part *partFor(quint32 family) const;

    static bool recognises(QByteArrayView bytes);
    // Refuses what no boot loader would finish with: damaged blocks, ones that are missing, twice or overlap.
    static Uf2File parse(const QByteArray &bytes);
};

// The other way round: blocks of 256 bytes for pieces in the order of their addresses. What a boot loader erases at
// once is filled up, so that it is written whole. Throws codec.uf2 for pieces that overlap, lie past the last address
// or would fill more than largestUf2.
struct Uf2Form {
    quint32 family = 0;
    quint32 unit = 256; // bytes that are filled up, a multiple of 256
    char fill = '\xff';
    // Where a block of the family "absolute" goes that RP2350 files begin with (erratum E10); nothing: no such block.
    std::optional<quint32> absoluteAt{};
};
inline constexpr qint64 largestUf2 = qint64(512) << 20; // of the file
QByteArray writeUf2(const QList<AddressedBytes> &pieces, const Uf2Form &form);

// "RP2040", or "0x12345678" for one that is not listed.
QString uf2FamilyName(quint32 family);

} // namespace slipway
