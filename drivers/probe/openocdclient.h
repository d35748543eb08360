#pragma once
// Commands to a running OpenOCD, one after the other: what was asked, what it said, what it logged meanwhile. What
// OpenOCD refuses is an outcome, not a fault; an OpenOCD that dies, falls silent or talks nonsense is one, and is over
// then: probe.died, probe.silent, probe.bad-answer and what its log gives away (probe.no-target, link.gone ...),
// besides base.*.

#include "drivers/probe/openocdanswer.h"
#include "drivers/probe/openocdprogram.h"

#include <memory>

namespace slipway {

class OpenOcdClient
{
public:
    // port and board: for messages.
    OpenOcdClient(const QList<QByteArray> &arguments, QString port, QString board, const Task &task);

    struct Reply {
        bool ok = false;
        QByteArray text;
        QByteArray log;
        QString why() const; // for people
    };
    // what: "write at 0x08000000". patience: how long that may take.
    Reply ask(const QByteArray &command, const QString &what, std::chrono::milliseconds patience, const Task &task);
    // The same, with a fault where it is refused: what the log gives away, else probe.refused.
    QByteArray demand(const QByteArray &command, const QString &what, std::chrono::milliseconds patience,
                      const Task &task);

    bool isOver() const { return !m_program; }
    OpenOcdProgram &program() { return *m_program; }
    const QByteArray &startLog() const { return m_startLog; }

private:
    openocd::Answer exchange(const QByteArray &command, const QString &what, std::chrono::milliseconds patience,
                             const Task &task, bool starting);
    [[noreturn]] void ended(const QString &what, bool starting);
    [[noreturn]] void tell(const openocd::Trouble &trouble, const QByteArray &log) const;

    QString m_port, m_board;
    std::unique_ptr<OpenOcdProgram> m_program;
    QByteArray m_startLog, m_log;
    int m_number = 0;
};

} // namespace slipway
