#pragma once
// What the chips are and how boards reach their boot loader: quirks.json, described in drivers/stm32/README.md.
// Addresses and sizes in bytes. Throws stm32.quirks with what is wrong where, stm32.board-unknown with the nearest
// name, stm32.unknown-product.

#include <QByteArray>
#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <array>
#include <chrono>
#include <optional>
#include <span>

namespace slipway {

struct Stm32Area {
    quint32 at = 0;
    quint32 size = 0; // 0: there is none
    quint64 end() const { return quint64(at) + size; }
    bool operator==(const Stm32Area &) const = default;
};

// Where the chip says what it is; the loader may not let it be read.
struct Stm32Signature {
    quint32 flashSize = 0; // 16 bits, KiB; 0: nowhere
    quint16 sizeMask = 0xffff;
    QMap<quint16, int> sizeCodes; // value -> KiB, where the value is a code
    quint32 uniqueId = 0;         // 96 bits; 0: nowhere
    std::array<quint32, 3> words{0, 4, 8};
    Stm32Area block; // some loaders give it only as part of this
};

// Option bytes that tell whether sectors are protected from writing.
struct Stm32WriteProtection {
    quint32 at = 0;
    QByteArray mask, open;   // empty: not described
    quint32 sectorBytes = 0; // what one number of Write Protect means; 0: an erase sector
    int most = 0;            // numbers at most; the last one means all the rest
};

struct Stm32Page {
    quint32 at = 0, size = 0;
    quint16 number = 0;
};

struct Stm32Product {
    quint16 id = 0;
    QString name, family, source;
    qint64 mostFlash = 0;                      // bytes, of the largest part with this id
    QList<std::pair<int, quint32>> pageLayout; // count and size; the last one's count 0: as many as there are
    Stm32Area ram;                             // that the loader leaves alone
    quint32 sram = 0;                          // bytes from 0x20000000 on that a stack may lie in
    Stm32Area system, optionBytes;
    quint32 writeUnit = 4;
    bool massErase = true; // the loader can erase all with one command
    Stm32Signature signature;
    Stm32WriteProtection writeProtection;

    static constexpr quint32 flashAt = 0x08000000;
    // The pages of a flash of that size; empty when the layout does not come to that size.
    QList<Stm32Page> pages(qint64 flashSize) const;
    // Bytes of every page, 0: they differ.
    quint32 uniformPage() const;
    // "0x410"
    static QString idText(quint16 id);
};

// Wires to reset and boot mode.
struct Stm32SignalStep {
    bool dtr = false, rts = false;
    std::chrono::milliseconds hold{0};
};

struct Stm32Board {
    QString name, description, source, date;
    QList<Stm32SignalStep> enter, leave; // of the loader; empty: by hand
    QList<quint16> products;             // ids it may carry; empty: any
    int baud = 0;                        // 0: the driver's
};

class Stm32Products
{
public:
    // The built-in file, and before it the one that SLIPWAY_STM32_QUIRKS names.
    static Stm32Products load();
    // file: for messages.
    static Stm32Products parse(const QByteArray &json, const QString &file);

    const QList<Stm32Product> &products() const { return m_products; }
    const Stm32Product &find(quint16 id) const;
    QStringList boardNames() const;
    const Stm32Board &board(const QString &name) const;

private:
    QList<Stm32Product> m_products;
    QList<Stm32Board> m_boards;
};

} // namespace slipway
