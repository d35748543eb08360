#pragma once
// Memory of a DfuSe device (ST AN3156): set address, erase, mass erase, read unprotect, blocks behind the address, and
// leaving. The memory maps of all alternate settings together are the regions. Throws dfu.*, memory.*, device.lacks,
// link.*, base.*.

#include "core/device/capabilities.h"
#include "drivers/dfu/dfuselayout.h"
#include "drivers/dfu/dfusession.h"

namespace slipway {

class DfuseMemory final : public Memory, public Eraser, public Lock
{
public:
    explicit DfuseMemory(DfuSession &session) : m_session(session) {}

    QList<MemoryRegion> regions(const Task &task) override;
    void check(const QList<MemorySegment> &segments, const Task &task) override;
    WriteResult write(const QList<MemorySegment> &segments, const WriteOptions &options, const Task &task) override;
    QByteArray read(quint64 at, qint64 size, const Task &task) override;
    void erase(quint64 at, quint64 size, const Task &task) override;
    void eraseAll(const Task &task) override;
    void start(std::optional<quint64> at, const Task &task) override;

    // Names of the memories that can be erased, and "read protection": taking it off erases everything.
    QStringList areas(const Task &task) override;
    void erase(const QString &area, const Task &task) override;
    bool isBlank(const QString &area, const Task &task) override;

    // "read protection"; setting it is not in the protocol.
    QStringList locks(const Task &task) override;
    bool isLocked(const QString &name, const Task &task) override;
    void lock(const QString &name, const Task &task) override;

private:
    struct Bank {
        int alternate = 0;
        DfuseLayout layout;
    };
    // A stretch in one memory, as it is written or read.
    struct Piece {
        const Bank *bank = nullptr;
        quint64 at = 0;
        QByteArray bytes;
    };
    // What of a piece is in one sector, and what the sector was found to hold there.
    struct Part {
        Piece piece;
        bool same = false, blank = false;
    };
    const QList<Bank> &banks(const Task &task);
    const Bank &bankAt(quint64 address, const Task &task);
    QList<Piece> cut(const QList<MemorySegment> &segments, const Task &task);
    void setAddress(quint64 at, const Task &task);
    void eraseSectors(const QList<Piece> &pieces, const Task &task);
    void look(const Piece &piece, QList<Part> &parts, const Task &task);
    // erases: called before a sector is erased.
    QList<Piece> prepare(const QList<Piece> &pieces, const std::function<void()> &erases, const Task &task);
    void writePieces(const QList<Piece> &pieces, qint64 done, qint64 &wire, const Task &task);
    void writePiece(const Piece &piece, qint64 &done, qint64 &wire, const Task &task);
    QByteArray readPiece(const Bank &bank, quint64 at, qint64 size, qint64 before, const Task &task);
    void removeProtection(const Task &task);

    DfuSession &m_session;
    QList<Bank> m_banks;
    bool m_spared = false; // something blank was not erased by the last prepare()
};

} // namespace slipway
