#pragma once
// A virtual probe, the driver that opens it through the real OpenOCD, and programs in place of OpenOCD.

#include "core/base/fault.h"
#include "drivers/probe/probedevice.h"
#include "drivers/probe/probedriver.h"
#include "drivers/virtual/virtualprobe.h"

#include <QFile>
#include <QTemporaryDir>

#include <functional>

namespace slipway::test {

constexpr quint32 probeFlash = 0x08000000;

inline Task withinSeconds(int seconds)
{
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(seconds));
    return task;
}

// The fault's code, "none" where there is none.
inline QString faultOf(const std::function<void()> &call, QString *text = nullptr)
{
    try {
        call();
    } catch (const Fault &fault) {
        if (text)
            *text = fault.text() + QStringLiteral(" [") + fault.detail() + u']';
        return QString::fromLatin1(fault.code());
    }
    return QStringLiteral("none");
}

inline QByteArray someBytes(qsizetype size, int seed = 1)
{
    QByteArray out(size, Qt::Uninitialized);
    quint32 x = quint32(seed) * 2654435761U;
    for (char &c : out) {
        x = x * 1664525U + 1013904223U;
        c = char(x >> 24);
    }
    return out;
}

// With a vector table that a Cortex-M can start from.
inline QByteArray someProgram(qsizetype size, int seed = 1)
{
    QByteArray out = someBytes(size, seed);
    out.replace(0, 8, QByteArray("\x00\x10\x00\x20\x09\x00\x00\x08", 8));
    return out;
}

struct ProbeBench {
    explicit ProbeBench(VirtualProbeOptions options = {}) : probe(options) { probe.start(); }
    std::unique_ptr<Device> open(const QString &board = QStringLiteral("virtual-f103")) const
    {
        return ProbeDriver().open({probe.path(), 0, board}, withinSeconds(60));
    }
    VirtualProbe probe;
};

// Until it goes, a shell script is the openocd that is found.
class FakeOpenOcd
{
public:
    explicit FakeOpenOcd(const QByteArray &script) : m_path(qgetenv("PATH"))
    {
        QFile file(m_folder.filePath(QStringLiteral("openocd")));
        if (file.open(QIODevice::WriteOnly)) {
            file.write("#!/bin/bash\nask() { IFS= read -r -d $'\\x1a' asked; }\nsay() { printf \"$1\\x1a\"; }\n" +
                       script);
            file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        }
        qputenv("PATH", m_folder.path().toLocal8Bit() + ':' + m_path);
    }
    ~FakeOpenOcd() { qputenv("PATH", m_path); }

private:
    QTemporaryDir m_folder;
    QByteArray m_path;
};

} // namespace slipway::test
