#pragma once
// INFO_UF2.TXT of a boot loader's drive (microsoft/uf2, README, "Files exposed by bootloaders"): a first line with name
// and version, then "Model: ...", "Board-ID: ..." and others in any order. Throws uf2.info with %1 = where.

#include <QByteArray>
#include <QMap>
#include <QString>

namespace slipway {

struct Uf2Info {
    static constexpr qint64 longest = 4096;
    QString loader;              // "UF2 Bootloader v3.0"
    QString model, boardId;      // "Raspberry Pi RP2", "RPI-RP2"
    QMap<QString, QString> more; // "SoftDevice": "S140 version 6.1.1"; at most 16

    static Uf2Info parse(const QByteArray &text, const QString &where);
};

} // namespace slipway
