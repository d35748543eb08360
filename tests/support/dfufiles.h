#pragma once
// Writes .dfu files for tests: suffix (USB DFU 1.1, appendix B) and DfuSe prefix (UM0391). Its CRC is computed bit by
// bit, not with the code under test.

#include <QByteArray>
#include <QList>
#include <QString>
#include <QtEndian>

namespace slipway::test {

struct DfuseElement {
    quint32 at;
    QByteArray bytes;
};
struct DfuseTarget {
    int alternate;
    QString name; // empty: none
    QList<DfuseElement> elements;
};

template <typename T> QByteArray littleEndian(T value)
{
    QByteArray out(sizeof(T), Qt::Uninitialized);
    qToLittleEndian(value, out.data());
    return out;
}

// Over all but the last four bytes, into these.
inline void fixDfuCrc(QByteArray &file)
{
    quint32 crc = 0xffffffff;
    for (qsizetype i = 0; i < file.size() - 4; ++i) {
        crc ^= static_cast<quint8>(file[i]);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
    }
    qToLittleEndian(crc, file.data() + file.size() - 4);
}

inline QByteArray withDfuSuffix(const QByteArray &image, quint16 vendor, quint16 product, quint16 dfu = 0x0100,
                                quint16 device = 0xffff)
{
    QByteArray file = image + littleEndian(device) + littleEndian(product) + littleEndian(vendor) + littleEndian(dfu) +
                      "UFD" + '\x10' + QByteArray(4, '\0');
    fixDfuCrc(file);
    return file;
}

inline QByteArray dfuseFile(const QList<DfuseTarget> &targets, quint16 vendor = 0x0483, quint16 product = 0xdf11)
{
    QByteArray body;
    for (const DfuseTarget &target : targets) {
        QByteArray elements;
        for (const DfuseElement &element : target.elements)
            elements += littleEndian(element.at) + littleEndian(quint32(element.bytes.size())) + element.bytes;
        body += "Target" + QByteArray(1, char(target.alternate)) + littleEndian(quint32(!target.name.isEmpty())) +
                target.name.toUtf8().leftJustified(255, '\0', true) + littleEndian(quint32(elements.size())) +
                littleEndian(quint32(target.elements.size())) + elements;
    }
    const QByteArray image =
        QByteArray("DfuSe\x01") + littleEndian(quint32(11 + body.size())) + QByteArray(1, char(targets.size())) + body;
    return withDfuSuffix(image, vendor, product, 0x011a);
}

} // namespace slipway::test
