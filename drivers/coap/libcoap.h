#pragma once
// libcoap, started once, quiet: what it would print goes to lastLibcoapWarning() of the thread, for a fault's detail.

#include <QString>
#include <QStringList>

#include <coap3/coap.h>

#include <memory>
#include <optional>

namespace slipway {

struct CoapRequest;
struct CoapReply;

template <auto Free> struct CoapFree {
    template <typename T> void operator()(T *object) const { Free(object); }
};
using CoapContextPtr = std::unique_ptr<coap_context_t, CoapFree<coap_free_context>>;
using CoapSessionPtr = std::unique_ptr<coap_session_t, CoapFree<coap_session_release>>;

// Throws coap.failed.
CoapContextPtr newCoapContext();
QString lastLibcoapWarning();
// Takes the last warning away.
void forgetLibcoapWarning();

// "/a/b%20c" to "a", "b c". Throws coap.path.
QStringList pathSegments(const QString &path);
// A PDU of that type for the session with token and options; nothing when it does not fit. uriHost may be empty.
coap_pdu_t *makePdu(coap_session_t *session, coap_pdu_type_t type, const CoapRequest &request, const QByteArray &token,
                    const QByteArray &uriHost);
CoapReply readPdu(const coap_pdu_t *pdu);

} // namespace slipway
