#pragma once
// A serial port at 8N1 (or 8E1): real ports through libserialport, locked against other programs (TIOCEXCL and flock),
// with the adapter's latency timer turned down where its driver allows; pseudo-terminals, which libserialport refuses,
// through their file descriptor. A pseudo-terminal has no rate of its own: the one its other end has set is taken for
// the line's when it is not the kernel's 38 400, so that a line model can tell. Throws link.no-port, link.permission,
// link.busy, link.not-a-port, link.settings, link.gone.

#include "drivers/link/fdlink.h"

struct sp_port;

namespace slipway {

class SerialLink final : public FdLink
{
public:
    static constexpr int usualBaud = 115200;

    SerialLink(const LinkOptions &options, const Task &task);
    ~SerialLink() override;

    // The device went away and comes back, perhaps as another node: looked for by its place in the topology first,
    // then under its name.
    void reopen(const Task &task) override;
    void setBaud(int baud) override;
    bool setSignals(bool dtr, bool rts) override;
    bool isPseudoTerminal() const { return !m_serial; }

private:
    void open(const QString &node);
    void openReal(const QString &node);
    void openPseudo(const QString &node);
    void shut();
    void lock(const QString &node, int fd) const;
    void describeLine();

    LinkOptions m_options;
    sp_port *m_serial = nullptr; // owns the descriptor where there is one
};

} // namespace slipway
