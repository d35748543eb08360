#pragma once
// Listens on a network interface: every frame that passes it, both directions, with its VLAN tag and the kernel's time
// (packet(7): AF_PACKET, SOCK_RAW, promiscuous). 32 MiB of kernel buffer; what did not fit is counted and told by
// lost(). next() returns false at the task's deadline. Interfaces with Ethernet frames only.
// Throws capture.interface, capture.permission, capture.down, capture.failed, base.stopped.

#include "core/codec/packetsource.h"
#include "drivers/link/waiter.h"

#include <QString>

#include <vector>

namespace slipway {

class PacketTap final : public PacketSource
{
public:
    explicit PacketTap(const QString &interface);
    ~PacketTap() override;
    PacketTap(const PacketTap &) = delete;
    PacketTap &operator=(const PacketTap &) = delete;

    bool next(CapturedPacket &packet, const Task &task) override;
    quint64 lost() const override;

private:
    bool receive(CapturedPacket &packet); // false: nothing there now
    void countLost() const;
    [[noreturn]] void failed(const char *what) const;

    QString m_interface;
    int m_fd = -1;
    int m_index = 0;
    Waiter m_waiter;
    std::vector<char> m_buffer;
    mutable quint64 m_lost = 0;
};

} // namespace slipway
