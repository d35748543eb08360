#pragma once
// Virtual drives for tests of the driver uf2.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "drivers/uf2/uf2driver.h"
#include "drivers/virtual/virtualuf2.h"

#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtTest>

#include <functional>

namespace slipway::test {

inline QByteArray noise(qsizetype size, quint32 seed = 7)
{
    QRandomGenerator random(seed);
    QByteArray out(size, '\0');
    for (char &byte : out)
        byte = char(random.bounded(256));
    return out;
}

inline Task withinSeconds(int seconds)
{
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(seconds));
    return task;
}

inline QString faultOf(const std::function<void()> &work)
{
    try {
        work();
    } catch (const Fault &fault) {
        return QLatin1String(fault.code());
    }
    return {};
}

struct Uf2Bench {
    explicit Uf2Bench(const QString &board = QStringLiteral("rp2040"),
                      const std::function<void(VirtualUf2Options &)> &change = {})
    {
        VirtualUf2Options options = virtualUf2Board(board);
        options.root = folder.path();
        options.restartTime = std::chrono::milliseconds(20);
        if (change)
            change(options);
        drive = std::make_unique<VirtualUf2>(options);
        drive->start();
    }
    std::unique_ptr<Device> open(const QString &board = {}) const
    {
        return Uf2Driver().open({folder.path(), 0, board}, withinSeconds(20));
    }
    Memory::WriteResult write(quint64 at, const QByteArray &bytes) const
    {
        return open()->memory()->write({{at, bytes}}, {}, withinSeconds(60));
    }

    QTemporaryDir folder;
    std::unique_ptr<VirtualUf2> drive;
};

// Boards that are quick to give up.
class Uf2Quick
{
public:
    explicit Uf2Quick(const QByteArray &more = {})
    {
        m_file.setFileName(m_folder.filePath(QStringLiteral("quirks.json")));
        if (m_file.open(QIODevice::WriteOnly))
            m_file.write(R"({ "slipway-quirks": 1, "driver": "uf2", "boards": {
                "rp2040": { "description": "d", "source": "s", "date": "2026-11-21", "board-id": "^RPI-RP2$",
                            "usb": [ "2e8a:0003" ], "families": [ "0xe48bff56" ], "unit": 4096,
                            "memory": [ { "name": "flash", "at": "0x10000000", "size": "0x1000000" } ],
                            "return-seconds": 1, "leave-seconds": 1)" +
                         more + " } } }");
        m_file.close();
        qputenv("SLIPWAY_UF2_QUIRKS", m_file.fileName().toLocal8Bit());
    }
    ~Uf2Quick() { qunsetenv("SLIPWAY_UF2_QUIRKS"); }
    Uf2Quick(const Uf2Quick &) = delete;
    Uf2Quick &operator=(const Uf2Quick &) = delete;

private:
    QTemporaryDir m_folder;
    QFile m_file;
};

#define SLIPWAY_NEEDS_FUSE()                                                                                           \
    if (!VirtualUf2::canMount())                                                                                       \
    QSKIP("this computer lets nobody mount a file system of its own (FUSE)")

} // namespace slipway::test
