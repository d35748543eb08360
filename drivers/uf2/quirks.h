#pragma once
// What UF2 boot loaders do their own way, and which chips' firmware they take: quirks.json, described in
// drivers/uf2/README.md. Throws uf2.quirks with what is wrong where, uf2.board-unknown with the nearest name.

#include "core/device/memorymap.h"

#include <QByteArray>
#include <QList>
#include <QRegularExpression>
#include <QString>
#include <QStringList>

#include <chrono>
#include <optional>

namespace slipway {

struct Uf2Quirks {
    QString name, description, source, date;
    QRegularExpression boardId;          // what INFO_UF2.TXT says
    QStringList ids;                     // USB ids of the boot loader alone, "2e8a:0003"
    QList<quint32> families;             // that it takes, the best first
    QList<MemoryRegion> memory;          // empty: not known
    quint32 unit = 256;                  // what is filled up and written whole, bytes
    std::optional<quint32> absoluteAt;   // where the block goes that RP2350 files begin with
    bool serialUnique = false;           // its USB serial number is the chip's own
    bool silentApplication = false;      // firmware that does not come back on USB
    std::chrono::seconds returnTime{15}; // at most, until it is back on the bus
    std::chrono::seconds leaveTime{10};  // at most, until it restarts with the last block written
};

class Uf2Boards
{
public:
    // The built-in file, and before it the one that SLIPWAY_UF2_QUIRKS names.
    static Uf2Boards load();
    static Uf2Boards parse(const QByteArray &json, const QString &file);

    QStringList names() const;
    const Uf2Quirks &find(const QString &name) const;
    const Uf2Quirks *forBoardId(const QString &boardId) const; // null: not known
    const Uf2Quirks *forUsbId(const QString &id) const;        // null: not known
    const Uf2Quirks *forFamily(quint32 family) const;          // null: not known

private:
    QList<Uf2Quirks> m_boards;
};

} // namespace slipway
