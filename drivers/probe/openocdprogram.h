#pragma once
// OpenOCD as a child of this process. Its Tcl server is on its standard input and output, one end of a socket pair, and
// not on a TCP port: whoever reaches that server can run programs as this user, and every user of this computer reaches
// a port on the loopback. The child has its own process group (Ctrl-C in a terminal does not reach it), dies with the
// thread that started it (PR_SET_PDEATHSIG) and ends by itself when the socket closes. Its log, on standard error, is
// kept, the last 64 KiB of it. Used by the thread that made it. Throws probe.no-openocd, probe.start, base.stopped.

#include "core/base/task.h"
#include "drivers/link/waiter.h"

#include <QByteArray>
#include <QList>

#include <sys/types.h>

namespace slipway {

class OpenOcdProgram
{
public:
    explicit OpenOcdProgram(const QList<QByteArray> &arguments);
    OpenOcdProgram(const OpenOcdProgram &) = delete;
    OpenOcdProgram &operator=(const OpenOcdProgram &) = delete;
    ~OpenOcdProgram(); // closes the socket, gives it a second, then kills its group

    enum class Heard { Something, Nothing, End };
    // Appends what it said to `in`; nothing by the deadline.
    Heard hear(QByteArray &in, Deadline deadline, const std::stop_token &stop);
    bool send(const QByteArray &bytes, Deadline deadline, const std::stop_token &stop); // false: nobody takes it
    QByteArray takeLog();                                                               // since the last time
    void kill();

    // A file in memory that both sides have open: bytes to be written and bytes that were read, never on a disk.
    static const char *sharedPath(); // the child's name for it
    void share(const QByteArray &bytes);
    QByteArray shared(qsizetype most) const;

    pid_t pid() const { return m_pid; }
    // "killed by signal 9", "exit status 1"; after End.
    QString ending();

private:
    void readLog();
    bool waitForEnd(std::chrono::milliseconds span);

    pid_t m_pid = -1;
    int m_pidFd = -1, m_socket = -1, m_errors = -1, m_poll = -1, m_shared = -1;
    bool m_ended = false;
    int m_status = 0;
    QByteArray m_log;
    Waiter m_waiter;
};

} // namespace slipway
