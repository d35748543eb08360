#pragma once
// UDP to one address: "udp:192.0.2.7:1337", "udp:board.local:1337", "udp:[fe80::1%eth0]:1337" (a link-local address
// needs its zone, RFC 4007 section 11). A datagram is at most 1472 bytes (1500 less IPv4 and UDP heads), or 1452 over
// IPv6: devices seldom put fragments together. "Connection refused", which a restarting device causes, is silence.
// Throws link.address, link.unknown-host, link.unreachable.

#include "drivers/link/fdlink.h"

namespace slipway {

class DatagramLink final : public FdLink
{
public:
    // defaultPort: used when the address names none; 0: it must.
    explicit DatagramLink(const QString &address, int defaultPort = 0);

    qsizetype readSome(char *to, qsizetype size) override;
    qsizetype writeSome(QByteArrayView bytes) override;
    void reopen(const Task &task) override; // a new socket

    struct Address {
        QString host; // without brackets, zone included
        int port = 0;
    };
    static Address parse(const QString &address, int defaultPort);

private:
    void open();
    Address m_address;
};

} // namespace slipway
