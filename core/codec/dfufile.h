#pragma once
// A .dfu file: an image with the suffix of USB DFU 1.1 (appendix B), which says for which device it is, and in ST's
// DfuSe form (UM0391, section 2) a prefix that divides the image into targets, one an alternate setting, and these into
// pieces at addresses. Every length in it is held against the file's size. Throws codec.dfu.

#include "core/codec/segment.h"

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

namespace slipway {

struct DfuFile {
    static constexpr quint16 anyId = 0xffff;
    struct Target {
        int alternate = 0;
        QString name; // "Internal Flash", empty: none
        QList<AddressedBytes> elements;
    };

    quint16 vendorId = anyId, productId = anyId, device = anyId; // device: release number, BCD; anyId: not told
    quint16 dfuVersion = 0x0100;                                 // 0x011a: DfuSe
    QByteArray image;                                            // without suffix; in the DfuSe form with its prefix
    QList<Target> targets;                                       // DfuSe only

    bool isDfuSe() const { return !targets.isEmpty(); }
    // Whether a device of these ids is meant; ids that the file does not tell fit all.
    bool fits(quint16 vendor, quint16 product) const
    {
        return (vendorId == anyId || vendorId == vendor) && (productId == anyId || productId == product);
    }
    // The pieces of all targets, in the file's order.
    QList<AddressedBytes> elements() const;

    // Whether it ends in a suffix or begins with the DfuSe prefix, damaged or not.
    static bool recognises(QByteArrayView bytes);
    static DfuFile parse(const QByteArray &bytes);
};

} // namespace slipway
