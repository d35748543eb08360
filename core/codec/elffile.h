#pragma once
// An executable in ELF (System V ABI, chapter "Object Files"; 32 and 64 bit, either byte order): what its program
// headers want loaded, at the physical addresses. Read as programmers of flash read it:
//   - only PT_LOAD with bytes in the file counts;
//   - where all physical addresses are 0 and there is more than one such header, the linker did not set them, and the
//     virtual ones are taken;
//   - where a header takes the ELF header itself along (it lies in the same page), only the sections in it count.
// Throws codec.elf.

#include "core/codec/segment.h"

#include <QByteArrayView>
#include <QList>
#include <QString>

namespace slipway {

struct ElfFile {
    static constexpr int MaximumHeaders = 4096;

    int bits = 32; // or 64
    bool bigEndian = false;
    quint16 machine = 0;
    quint64 entry = 0;
    bool virtualAddresses = false; // were taken, as said above
    QList<AddressedBytes> pieces;

    static bool looksLike(QByteArrayView bytes);
    static ElfFile parse(QByteArrayView bytes);
    // "ARM", "RISC-V", "Xtensa", or "machine 0x1234".
    QString machineName() const;
};

} // namespace slipway
