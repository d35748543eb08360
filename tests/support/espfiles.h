#pragma once
// Files for the ESP32 family, made byte by byte from the documents: images, partition tables.

#include "core/codec/esppartitions.h"

#include <QByteArray>

namespace slipway::test {

struct EspImageRecipe {
    quint16 chipId = 0;
    QByteArray version = "1.0.0"; // of the application; empty: a boot loader
    QByteArray project = "sample";
    quint32 secureVersion = 0;
    bool digest = true;
    qsizetype payload = 3000; // bytes of the second segment
    int flashSizeCode = 2;    // 4 MiB
    quint16 minimumRevision = 0, maximumRevision = 0xffff;
};
QByteArray espImage(const EspImageRecipe &recipe);
// With a signature sector (secure boot version 2) behind it. The signature is none: nobody here checks it.
QByteArray espSigned(QByteArray image);
QByteArray espPartitions(const QList<EspPartition> &rows, bool md5 = true);

} // namespace slipway::test
