#pragma once
// The partition table of the ESP32 family (ESP-IDF, "Partition Tables"): rows of 32 bytes that begin with AA 50, then a
// row that begins with EB EB and ends with the MD5 of the rows before it (left out where the build says so), then FF to
// the end of 0xC00 bytes. It lies at 0x8000 unless the project moved it. Offsets and sizes in bytes of flash.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

namespace slipway {

struct EspPartition {
    enum Type : quint8 { App = 0, Data = 1 };
    QString label;
    quint8 type = 0;
    quint8 subtype = 0;
    quint32 offset = 0;
    quint32 size = 0;
    bool encrypted = false;
    bool readOnly = false;
    quint64 end() const { return quint64(offset) + size; }
    bool isApp() const { return type == App; }
    // "app/factory", "app/ota_0", "data/nvs", "0x40/0x01".
    QString kind() const;
};

struct EspPartitions {
    static constexpr quint32 UsualOffset = 0x8000;
    static constexpr qsizetype TableSize = 0xc00;

    QList<EspPartition> partitions; // in the order of the table
    bool hasMd5 = false;            // and it holds; a wrong one is thrown

    // Could these bytes be a partition table?
    static bool looksLike(QByteArrayView bytes);
    // Reads at most TableSize bytes. Throws codec.esp-partitions: no table, wrong MD5, a row out of order of its own
    // (app not on 64 KiB, others not on 4 KiB, empty, past 4 GiB), two partitions that overlap, two of one name.
    static EspPartitions parse(QByteArrayView bytes);
    const EspPartition *find(const QString &label) const; // or null
};

} // namespace slipway
