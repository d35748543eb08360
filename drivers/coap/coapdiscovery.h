#pragma once
// Who speaks CoAP nearby: GET /.well-known/core to All CoAP Nodes (RFC 7252 sections 8 and 12.8: ff02::fd and
// 224.0.1.187), once on each interface, and what comes back within a bounded time. Devices answer after a random time
// of up to 5 s (DEFAULT_LEISURE). One entry for each address. Interfaces that cannot do it are passed over; throws
// base.stopped and coap.failed only.

#include "core/base/task.h"
#include "drivers/coap/linkformat.h"

namespace slipway {

struct CoapNeighbour {
    QString port;      // "coap://[fe80::1%eth0]:5683"
    QString interface; // "eth0"
    LinkFormat links;  // of the first datagram; a long list may be cut
};

// groupPort: where the devices listen. interfaces empty: all of this station.
QList<CoapNeighbour> discoverCoap(const QStringList &interfaces, std::chrono::milliseconds span,
                                  const std::stop_token &stop, int groupPort = 5683);

} // namespace slipway
