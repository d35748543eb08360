#pragma once
// Small ELF executables, made by hand: headers as the test wants them, also ones no linker would write.

#include <QByteArray>
#include <QList>

namespace slipway::test {

struct ElfPiece {
    quint64 virtualAt = 0, physicalAt = 0;
    QByteArray bytes;
    quint64 memorySize = 0; // 0: as long as the bytes
    quint32 type = 1;       // PT_LOAD
};

struct ElfMaker {
    bool wide = false, big = false;
    quint16 type = 2, machine = 40;
    QList<ElfPiece> pieces;

    QByteArray number(quint64 value, int size) const
    {
        QByteArray out;
        for (int i = 0; i < size; ++i)
            out += char(value >> (8 * (big ? size - 1 - i : i)) & 0xff);
        return out;
    }
    QByteArray word(quint64 value) const { return number(value, wide ? 8 : 4); }
    int headerSize() const { return wide ? 64 : 52; }
    int programHeaderSize() const { return wide ? 56 : 32; }

    QByteArray make() const
    {
        QByteArray out("\x7f"
                       "ELF");
        out += char(wide ? 2 : 1);
        out += char(big ? 2 : 1);
        out += QByteArray("\x01\0\0\0\0\0\0\0\0\0", 10);
        out += number(type, 2) + number(machine, 2) + number(1, 4) + word(0x08000101) + word(headerSize()) + word(0) +
               number(0, 4) + number(headerSize(), 2) + number(programHeaderSize(), 2) + number(pieces.size(), 2) +
               number(0, 6);
        quint64 at = quint64(headerSize() + programHeaderSize() * pieces.size());
        QByteArray content;
        for (const ElfPiece &piece : pieces) {
            const quint64 size = quint64(piece.bytes.size());
            const quint64 memory = piece.memorySize ? piece.memorySize : size;
            out += number(piece.type, 4);
            if (wide)
                out += number(5, 4);
            out += word(at) + word(piece.virtualAt) + word(piece.physicalAt) + word(size) + word(memory);
            if (!wide)
                out += number(5, 4);
            out += word(4);
            content += piece.bytes;
            at += size;
        }
        return out + content;
    }
};

} // namespace slipway::test
