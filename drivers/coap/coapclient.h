#pragma once
// A CoAP client over libcoap (RFC 7252) with blocking calls: one session over UDP or DTLS 1.2, one request at a time.
// libcoap retransmits, matches acknowledgements and runs DTLS; blocks (RFC 7959) are put together above, in
// coaptransfer, where sizes are checked and progress is told. A stop ends every wait at once. Used by one thread;
// several clients may work in several threads.
// Throws base.stopped, base.timeout, coap.no-answer, coap.port-closed, coap.rejected, coap.handshake, coap.psk-refused,
// coap.untrusted, coap.other-name, coap.client-refused, coap.session-lost, coap.request-size, coap.failed.

#include "core/base/task.h"
#include "drivers/coap/coapaddress.h"
#include "drivers/coap/coapmessage.h"
#include "drivers/coap/coapsecurity.h"

#include <memory>

namespace slipway {

class CoapClient
{
public:
    struct Options {
        CoapAddress address;
        CoapSecurity security;
        std::chrono::milliseconds handshake{15'000}; // OpenSSL never says that a pre-shared key is wrong
        std::chrono::milliseconds answer{45'000};    // for a device that acknowledged and thinks
        int retransmits = 4;                         // of a request that is not acknowledged, after 2, 4, 8 ... s
        int block = 1024;                            // bytes; 16 to 1024, a power of two
    };

    explicit CoapClient(Options options);
    ~CoapClient();
    CoapClient(const CoapClient &) = delete;
    CoapClient &operator=(const CoapClient &) = delete;

    const Options &options() const;
    // Opens the session; with DTLS, waits for the handshake. exchange() does it itself when there is none.
    void connect(const Task &task);
    // Gives the session up: the device has restarted, or may have.
    void disconnect();

    // One request, one response, whatever its code. A DTLS session that the device has forgotten is made anew once,
    // and the request repeated unless it is POST or iPATCH.
    CoapReply exchange(const CoapRequest &request, const Task &task);
    // The same with little patience and in the session that there is: an error says that the device was silent.
    CoapReply probe(const CoapRequest &request, const Task &task, std::chrono::milliseconds answer);

    // Observation (RFC 7641): the first reply; without an Observe option in it, the device does not observe.
    CoapReply observe(const CoapRequest &request, const Task &task);
    // The next newer notification, or nothing at the deadline.
    std::optional<CoapReply> notification(Deadline deadline, const std::stop_token &stop);
    void stopObserving(const Task &task);
    // Nothing happens until the deadline but what the session has to do.
    void idle(Deadline deadline, const std::stop_token &stop);

    // Of the shortest exchange so far, 0: none yet.
    std::chrono::microseconds bestRoundTrip() const;
    // Of the certificate with which the device came, "" without one.
    QString peerSerial() const;
    QString line() const; // "CoAP over UDP", "CoAP over DTLS 1.2, ECDHE-ECDSA-AES128-CCM8"

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
