#pragma once
// A running OpenOCD for one chip behind one probe: started when it is first needed, and anew after it died or fell
// silent. Where nobody names the board, the chip is asked first what it is. Throws probe.*, link.*, base.*.

#include "drivers/probe/openocdclient.h"
#include "drivers/probe/probeport.h"

#include <optional>

namespace slipway {

class ProbeSession
{
public:
    // board: empty name: to be found.
    ProbeSession(QString port, ProbeBoard board, std::shared_ptr<const ProbeQuirks> quirks);
    ~ProbeSession();

    OpenOcdClient &client(const Task &task);
    const ProbeBoard &board() const { return m_board; }
    const ProbePort &port() const { return m_port; }

    // Registers and memory in words; nothing where the bus has none there.
    std::optional<QList<quint32>> words(quint32 at, qsizetype count, const Task &task);
    // Stops the core: restarts the chip and holds it at its first instruction, or just holds it.
    void halt(bool restart, const Task &task);
    // Restarts the chip and lets it run.
    void run(const Task &task);
    void leaveHalted() { m_release = false; } // in the end

private:
    QList<QByteArray> arguments(const ProbeBoard *board) const;
    void recognise(const Task &task);
    void connect(const Task &task);

    QString m_text;
    ProbeBoard m_board;
    std::shared_ptr<const ProbeQuirks> m_quirks;
    ProbePort m_port;
    std::unique_ptr<OpenOcdClient> m_client;
    bool m_halted = false, m_release = true;
};

} // namespace slipway
