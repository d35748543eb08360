// A file to and from a Linux console through the line model, from the call to the file under its name with its hash
// compared. Prints rates and their share of the line (baud / 10 bytes a second); asserts nothing about time. Arguments:
// "bash", "ash", a rate, "raw", "base64", "text", all without.

#include "core/base/fault.h"
#include "drivers/linux/linuxdevice.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtuallinux.h"

#include <QCoreApplication>
#include <QRandomGenerator>
#include <QTemporaryDir>

#include <cstdio>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

double since(std::chrono::steady_clock::time_point begin)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void measure(const QString &shell, int baud, std::chrono::microseconds latency, const QString &encoding, double target)
{
    const QTemporaryDir folder;
    VirtualLinuxOptions options;
    options.shell = shell;
    options.loggedIn = true;
    options.countdown = options.bootTime = 20ms;
    VirtualLinux dut(options);
    dut.start();
    LineOptions wire;
    wire.baud = baud;
    wire.latency = latency;
    wire.devicePath = dut.path();
    wire.hostLink = folder.filePath(u"line"_s);
    LineModel line(wire);
    line.start();

    LinuxBoard board = LinuxBoards::load().find(u"virtual-gateway"_s);
    board.encoding = encoding == u"raw"      ? LinuxEncoding::Raw
                     : encoding == u"base64" ? LinuxEncoding::Base64
                                             : LinuxEncoding::Text;
    LinkOptions link;
    link.port = line.path();
    LinuxDevice device(openLink(link, {}), board);
    device.attach({}, {});
    // About ten seconds of the line; random, so that nothing gains from what is in it.
    QByteArray content(qsizetype(baud / 10) * (encoding == u"text" ? 2 : 10), '\0');
    QRandomGenerator random(11);
    random.fillRange(reinterpret_cast<quint32 *>(content.data()), content.size() / 4);

    auto begin = std::chrono::steady_clock::now();
    const auto sent = device.files().put(content, u"data/file"_s, false, {});
    const double up = double(content.size()) / since(begin);
    begin = std::chrono::steady_clock::now();
    const bool same = device.files().get(u"data/file"_s, content.size(), {}) == content;
    const double down = double(content.size()) / since(begin);
    const double limit = baud / 10.0;
    std::printf(
        "%-4s %7d baud, %2d ms, %-6s  to the device %5.1f kB/s: %5.1f %% of the line (wanted %2.0f %%), %d pieces "
        "again; from it %5.1f kB/s: %5.1f %%%s\n",
        qPrintable(shell), baud, int(latency.count() / 1000), qPrintable(sent.how), up / 1000, 100 * up / limit, target,
        sent.retries, down / 1000, 100 * down / limit, same ? "" : " (OTHER BYTES)");
    std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const QStringList wanted = application.arguments().mid(1);
    const auto runs = [&](const QStringList &words, const QString &word) {
        for (const QString &other : words) {
            if (wanted.contains(other))
                return wanted.contains(word);
        }
        return true;
    };
    const QStringList shells{u"bash"_s, u"ash"_s}, encodings{u"raw"_s, u"base64"_s, u"text"_s};
    const QStringList rates{u"115200"_s, u"921600"_s};
    try {
        for (const QString &shell : shells) {
            for (const QString &encoding : encodings) {
                for (const QString &rate : rates) {
                    if (!runs(shells, shell) || !runs(encodings, encoding) || !runs(rates, rate))
                        continue;
                    const double target = encoding == u"raw" ? 90 : encoding == u"base64" ? 70 : 0;
                    measure(shell, rate.toInt(), 1ms, encoding, target);
                    if (encoding == u"raw")
                        measure(shell, rate.toInt(), 16ms, encoding, target);
                }
            }
        }
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return 1;
    }
    return 0;
}
