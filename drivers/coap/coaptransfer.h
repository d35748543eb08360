#pragma once
// A whole body there and back, in blocks where it must be (RFC 7959). What the device says of sizes is checked and
// never trusted: a body ends at the limit, blocks come in order and full, an ETag that changes begins it anew a few
// times. Sending: the largest block first, smaller ones when the device asks; all over when it forgot the beginning
// (4.08: it has restarted). 5.03 with Max-Age is waited for. Progress: bytes of the body on task.progress.
// Throws as CoapClient, and device.refused, coap.no-blocks, coap.bad-blocks, coap.endless, coap.changing,
// coap.forgetful, coap.too-large, coap.format.

#include "drivers/coap/coapclient.h"

namespace slipway {

struct CoapTransfer {
    qsizetype limit = 64 * 1024; // of the body that comes back
    bool tellSize = true;        // Size1 with the first block
    bool tag = true;             // Request-Tag with every block
    QString what;                // "write the setting x", for a refusal
};

// The reply has the whole body; its code may be anything.
CoapReply carry(CoapClient &client, const CoapRequest &request, const CoapTransfer &how, const Task &task);
// The same; other replies than 2.xx are thrown as device.refused, and device.lacks for what is not there or not
// implemented (4.04, 4.05, 5.01).
CoapReply demand(CoapClient &client, const CoapRequest &request, const CoapTransfer &how, const Task &task);
[[noreturn]] void throwRefusal(const CoapReply &reply, const QString &what);
// A reply's content format must be this one, where it tells one. Throws coap.format.
void requireFormat(const CoapReply &reply, int format, const QString &path);

// Waits until an answer to GET fulfils the condition: by observation where the device observes, else by asking
// again. The condition may throw. Throws base.timeout with what.
CoapReply waitFor(CoapClient &client, const CoapRequest &request, const std::function<bool(const CoapReply &)> &holds,
                  const QString &what, const Task &task);

} // namespace slipway
