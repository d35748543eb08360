#pragma once
// The chips that a virtual STM32 can be, one for each way in which their boot loaders differ: page erase by 8 or 16
// bits, sectors of unequal size, write units, no mass erase. From AN2606 and the reference manuals, without a look at
// the driver's own table.

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <vector>

namespace slipway {

struct VirtualStm32Chip {
    const char *name;
    quint16 id;
    quint8 loader;      // version, 0x22: 2.2
    bool extendedErase; // 0x44 in place of 0x43
    bool massErase;
    int flashKib;                      // of the part that this is
    std::vector<int> sectors;          // bytes, the last one goes on
    int writeUnit;                     // bytes that are programmed together
    quint32 ramAt, ramSize, ramLoader; // the loader's own part comes first
    quint32 systemAt, systemSize;
    quint32 optionsAt, optionsSize;
    quint32 flashSizeAt, uniqueIdAt;
    quint32 lastUniqueWord; // offset of the third word
    bool signatureInBlock;  // is given out only with all of the 256 (L0: 128) bytes around it
    int protectBytes;       // what one number of Write Protect means; 0: a sector
};

// Throws virtual.chip with the nearest name.
const VirtualStm32Chip &virtualStm32Chip(const QString &name);
QStringList virtualStm32Chips();

} // namespace slipway
