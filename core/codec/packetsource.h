#pragma once
// Where packets come from: a capture file (capturefile.h) or an interface that is listened on (drivers/link). One
// packet at a time, without a copy; used by one thread.

#include "core/base/task.h"

#include <QByteArrayView>

namespace slipway {

// https://www.tcpdump.org/linktypes.html, those that Slipway reads.
enum class LinkType : quint32 {
    Ethernet = 1,
    RawAix = 12, // what some systems write for raw IP
    RawBsd = 14,
    Raw = 101, // IPv4 or IPv6, told apart by the version
    LinuxSll = 113,
    Ipv4 = 228,
    Ipv6 = 229,
    LinuxSll2 = 276,
};

struct CapturedPacket {
    qint64 atNs = 0; // since 1970, UTC
    LinkType link = LinkType::Ethernet;
    QByteArrayView bytes;   // valid until the next call
    quint32 wireLength = 0; // what was on the wire; more than bytes.size() where the capture cut it
};

class PacketSource
{
public:
    virtual ~PacketSource() = default;
    // False at the end: of the file, or of the time that the task gives an interface. Throws capture.*, base.stopped.
    virtual bool next(CapturedPacket &packet, const Task &task) = 0;
    // Packets that the source knows it lost.
    virtual quint64 lost() const { return 0; }
    // A sentence about what is wrong with what was delivered so far, or "": a file that ends within a packet.
    virtual QString remark() const { return {}; }
};

} // namespace slipway
