#pragma once
// A real shell behind a console, and a board that describes it, for tests of the Linux driver.

#include "core/base/fault.h"
#include "drivers/linux/linuxdevice.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtuallinux.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QStandardPaths>
#include <QTemporaryDir>

namespace slipway::test {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

inline Task task(std::chrono::milliseconds span = 60s)
{
    Task t;
    t.deadline = Deadline::in(span);
    return t;
}

inline QString faultOf(const std::function<void()> &call)
{
    try {
        call();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"none"_s;
}

inline void writeTo(const QString &path, const QByteArray &content, bool program = false)
{
    QFile file(path);
    QVERIFY2(file.open(QIODevice::WriteOnly), qPrintable(path));
    QCOMPARE(file.write(content), content.size());
    file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | (program ? QFile::ExeOwner : QFile::Permissions()));
}

inline QByteArray contentOf(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("(none)");
}

// Members of a board's object, beside those that every board has to have.
inline LinuxBoard board(const QByteArray &members = {}, const QString &file = u"test"_s)
{
    QByteArray json = R"({"slipway-quirks": 1, "driver": "linux", "boards": {"test": {
        "description": "a test", "source": "a test", "date": "2026-11-21", "scratch": "tmp",
        "restart": {"command": "./bin/reboot", "proof": "cat gateway/boot-id", "seconds": 20})";
    if (!members.isEmpty())
        json += ", " + members;
    return LinuxBoards::parse(json + "}}}", file).find(u"test"_s);
}

inline bool shellIsHere(const QString &shell)
{
    return !QStandardPaths::findExecutable(shell == u"ash" ? u"busybox"_s : u"bash"_s).isEmpty();
}

// A gateway and the driver's view of it, with the line between them where a rate is given.
struct Gateway {
    explicit Gateway(VirtualLinuxOptions options = {}, LinuxBoard with = board(), int baud = 0, double flip = 0)
        : quirks(std::move(with))
    {
        dut = std::make_unique<VirtualLinux>(std::move(options));
        dut->start();
        if (baud > 0) {
            LineOptions wire;
            wire.baud = baud;
            wire.flip = flip;
            wire.seed = 5;
            wire.devicePath = dut->path();
            wire.hostLink = links.filePath(u"line"_s);
            line = std::make_unique<LineModel>(wire);
            line->start();
        }
    }
    QString path() const { return line ? line->path() : dut->path(); }
    std::unique_ptr<LinuxDevice> open(const Task &with = task()) const
    {
        LinkOptions link;
        link.port = path();
        auto device = std::make_unique<LinuxDevice>(openLink(link, with), quirks);
        device->attach({}, with);
        return device;
    }
    QString file(const QString &name) const { return dut->folder() + u'/' + name; }

    QTemporaryDir links;
    LinuxBoard quirks;
    std::unique_ptr<VirtualLinux> dut;
    std::unique_ptr<LineModel> line;
};

} // namespace slipway::test
