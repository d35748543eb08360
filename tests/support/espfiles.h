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
// With a signature sector (secure boot version 2, RSA) behind it, whose key is made of that byte. The signature itself
// is none: nobody but the chip checks it.
QByteArray espSigned(QByteArray image, char key = '\x11');
// As the chip's eFuses have that key.
QByteArray espKeyDigest(char key = '\x11');
QByteArray espPartitions(const QList<EspPartition> &rows, bool md5 = true);

} // namespace slipway::test
