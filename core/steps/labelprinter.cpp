#include "core/steps/labelprinter.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QFile>
#include <QProcess>
#include <QRegularExpression>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr int sliceMs = 100; // how often a stop is looked for

class Descriptor
{
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    int get() const { return m_fd; }

private:
    int m_fd;
};

Fault trouble(const QString &printer, const QString &why)
{
    return Fault("label.printer", {oneLine(printer, 80), why});
}

// A printer that takes nothing is the station's trouble, not the unit's.
void checkPrinting(const QString &printer, const Task &task)
{
    try {
        task.check(u"Printing the label"_s);
    } catch (const Fault &fault) {
        if (fault.is(u"base.timeout"))
            throw trouble(printer, u"it took nothing in time"_s);
        throw;
    }
}

void printToDevice(const QString &path, const QByteArray &zpl, const Task &task)
{
    const Descriptor out(::open(QFile::encodeName(path).constData(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (out.get() < 0)
        throw trouble(path, QString::fromLocal8Bit(std::strerror(errno)));
    struct stat info {};
    if (::fstat(out.get(), &info) != 0 || !(S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)))
        throw trouble(path, u"it is no printer"_s);
    qsizetype done = 0;
    while (done < zpl.size()) {
        checkPrinting(path, task);
        pollfd wait{out.get(), POLLOUT, 0};
        if (::poll(&wait, 1, sliceMs) <= 0)
            continue;
        const ssize_t written = ::write(out.get(), zpl.constData() + done, size_t(zpl.size() - done));
        if (written > 0)
            done += written;
        else if (errno != EAGAIN && errno != EINTR)
            throw trouble(path, QString::fromLocal8Bit(std::strerror(errno)));
    }
}

void printToQueue(const QString &queue, const QByteArray &zpl, const Task &task)
{
    QProcess lp;
    lp.start(u"lp"_s, {u"-d"_s, queue, u"-o"_s, u"raw"_s, u"-s"_s, u"-"_s});
    if (!lp.waitForStarted(5000))
        throw trouble(queue, u"the program lp cannot be started"_s);
    lp.write(zpl);
    lp.closeWriteChannel();
    try {
        while (!lp.waitForFinished(sliceMs) && lp.state() != QProcess::NotRunning)
            checkPrinting(queue, task);
    } catch (const Fault &) {
        lp.kill();
        lp.waitForFinished(1000);
        throw;
    }
    if (lp.exitStatus() != QProcess::NormalExit || lp.exitCode() != 0)
        throw trouble(queue, oneLine(QString::fromLocal8Bit(lp.readAllStandardError()).trimmed(), 120));
}

} // namespace

bool isPrinterName(const QString &printer)
{
    static const QRegularExpression form(u"\\A(?:lp:[A-Za-z0-9][A-Za-z0-9_.@-]{0,126}|/[^\\0]{1,255})\\z"_s);
    return form.match(printer).hasMatch();
}

void printLabel(const QString &printer, const QByteArray &zpl, const Task &task)
{
    if (printer.startsWith(u"lp:"_s))
        printToQueue(printer.mid(3), zpl, task);
    else
        printToDevice(printer, zpl, task);
    task.say(u"label sent to %1, %2"_s.arg(printer, humanSize(zpl.size())));
}

} // namespace slipway
