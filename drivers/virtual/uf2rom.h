#pragma once
// A UF2 boot loader as its drive's sectors show it (microsoft/uf2, README; "File system" of the FAT specification): a
// FAT16 volume that exists nowhere, made up sector by sector as it is read, and whatever is written anywhere in it is
// looked at for UF2 blocks and otherwise forgotten. Strict: blocks for other chips, of another size, outside the flash
// or not on a 256-byte boundary are passed over, so that a file with such blocks never gets complete; flash is erased
// once a sector and transfer, and programming only clears bits. No threads, no time.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QSet>
#include <QString>

#include <optional>

namespace slipway {

struct Uf2RomOptions {
    QString loader = QStringLiteral("UF2 Bootloader v3.0");
    QString model = QStringLiteral("Raspberry Pi RP2");
    QString boardId = QStringLiteral("RPI-RP2");
    QString label = QStringLiteral("RPI-RP2");
    QList<quint32> families{0xe48bff56};
    quint32 flashAt = 0x10000000;
    qint64 flashBytes = 2 * 1024 * 1024;
    quint32 eraseUnit = 4096;
    bool current = false; // has a CURRENT.UF2
};

class Uf2Rom
{
public:
    static constexpr qsizetype sectorSize = 512;

    explicit Uf2Rom(Uf2RomOptions options = {});

    // The files that it shows, "INFO_UF2.TXT".
    struct File {
        QString name;
        qint64 size = 0;
        qint64 sector = 0; // the first one
    };
    const QList<File> &files() const { return m_files; }
    QByteArray content(const File &file, qint64 at, qint64 size) const;

    qint64 sectors() const;
    qint64 freeSector() const; // the first one of no file
    qint64 freeBytes() const;
    QByteArray readSector(qint64 number) const;
    enum class Effect { Nothing, Programmed, Complete };
    Effect writeSector(qint64 number, QByteArrayView bytes);
    // RAM is empty: what was begun is forgotten. Flash stays.
    void restart();

    struct Counts {
        qint64 taken = 0;     // blocks
        qint64 foreign = 0;   // for other chips
        qint64 refused = 0;   // of the wrong size, place or number
        qint64 other = 0;     // sectors that were no blocks
        qint64 erased = 0;    // flash sectors
        qint64 completed = 0; // files
    };
    const Counts &counts() const { return m_counts; }
    const QByteArray &flash() const { return m_flash; }
    void setFlash(qint64 at, const QByteArray &bytes);
    void stick(qint64 at) { m_stuck = at; } // the byte of flash there keeps no ones
    void loseEvery(int n) { m_lose = n; }   // every n-th block is lost on its way; 0: none
    void damageInfo(bool damaged);

private:
    QByteArray currentBlock(qint64 number) const;

    Uf2RomOptions m_options;
    QByteArray m_info, m_index, m_flash;
    QList<File> m_files;
    QSet<quint32> m_seen;   // block numbers of this transfer
    QSet<quint32> m_erased; // flash sectors of this transfer
    quint32 m_count = 0;
    Counts m_counts;
    std::optional<qint64> m_stuck;
    int m_lose = 0;
    qint64 m_passed = 0;
};

} // namespace slipway
