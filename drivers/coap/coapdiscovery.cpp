#include "drivers/coap/coapdiscovery.h"

#include "drivers/coap/coapaddress.h"
#include "drivers/coap/coapmessage.h"
#include "drivers/coap/libcoap.h"
#include "drivers/link/waiter.h"

#include <QRandomGenerator>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostNeighbours = 256;

struct Search {
    QByteArray token;
    QList<CoapNeighbour> found;
    std::vector<std::pair<coap_session_t *, QString>> asked; // session, interface
};

coap_response_t onResponse(coap_session_t *session, const coap_pdu_t *, const coap_pdu_t *received, coap_mid_t)
{
    auto *search = static_cast<Search *>(coap_get_app_data(coap_session_get_context(session)));
    const coap_bin_const_t token = coap_pdu_get_token(received);
    if (QByteArrayView(reinterpret_cast<const char *>(token.s), qsizetype(token.length)) != search->token)
        return COAP_RESPONSE_FAIL;
    const coap_address_t *from = coap_session_get_addr_remote(session);
    const CoapReply reply = readPdu(received);
    if (!reply.ok() || search->found.size() >= mostNeighbours)
        return COAP_RESPONSE_OK;
    CoapNeighbour neighbour;
    for (const auto &[asked, interface] : search->asked) {
        if (asked == session)
            neighbour.interface = interface;
    }
    CoapAddress address;
    address.host = hostText(&from->addr.sa, from->size);
    address.port = coap_address_get_port(from);
    neighbour.port = address.toString();
    for (const CoapNeighbour &known : std::as_const(search->found)) {
        if (known.port == neighbour.port)
            return COAP_RESPONSE_OK;
    }
    neighbour.links = LinkFormat::parse(reply.payload);
    search->found << neighbour;
    return COAP_RESPONSE_OK;
}

coap_address_t toLibcoap(const sockaddr *address, socklen_t size)
{
    coap_address_t out;
    coap_address_init(&out);
    out.size = size;
    std::memcpy(&out.addr, address, std::min<size_t>(size, sizeof out.addr));
    return out;
}

} // namespace

QList<CoapNeighbour> discoverCoap(const QStringList &interfaces, std::chrono::milliseconds span,
                                  const std::stop_token &stop, int groupPort)
{
    Search search;
    const quint64 random = QRandomGenerator::global()->generate64();
    search.token = QByteArray(reinterpret_cast<const char *>(&random), sizeof random);
    const CoapContextPtr context = newCoapContext();
    coap_set_app_data(context.get(), &search);
    coap_register_response_handler(context.get(), onResponse);
    std::vector<CoapSessionPtr> sessions;

    ifaddrs *list = nullptr;
    if (::getifaddrs(&list) != 0)
        return {};
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs *)> owner(list, ::freeifaddrs);
    QStringList askedOver6;
    for (const ifaddrs *at = list; at; at = at->ifa_next) {
        const QString name = QString::fromLocal8Bit(at->ifa_name);
        if (!at->ifa_addr || !(at->ifa_flags & IFF_UP) || (!interfaces.isEmpty() && !interfaces.contains(name)))
            continue;
        if (interfaces.isEmpty() && (at->ifa_flags & IFF_LOOPBACK))
            continue;
        coap_address_t to;
        std::optional<coap_address_t> from;
        if (at->ifa_addr->sa_family == AF_INET6) {
            if (askedOver6.contains(name))
                continue;
            askedOver6 << name;
            sockaddr_in6 group{};
            group.sin6_family = AF_INET6;
            group.sin6_port = htons(quint16(groupPort));
            group.sin6_addr.s6_addr[0] = 0xff; // ff02::fd
            group.sin6_addr.s6_addr[1] = 0x02;
            group.sin6_addr.s6_addr[15] = 0xfd;
            group.sin6_scope_id = ::if_nametoindex(at->ifa_name);
            to = toLibcoap(reinterpret_cast<sockaddr *>(&group), sizeof group);
        } else if (at->ifa_addr->sa_family == AF_INET) {
            sockaddr_in group{};
            group.sin_family = AF_INET;
            group.sin_port = htons(quint16(groupPort));
            group.sin_addr.s_addr = htonl(0xe00001bb); // 224.0.1.187
            to = toLibcoap(reinterpret_cast<sockaddr *>(&group), sizeof group);
            from = toLibcoap(at->ifa_addr, sizeof(sockaddr_in)); // chooses the interface
            from->addr.sin.sin_port = 0;
        } else {
            continue;
        }
        CoapSessionPtr session(coap_new_client_session(context.get(), from ? &*from : nullptr, &to, COAP_PROTO_UDP));
        if (!session)
            continue;
        CoapRequest request;
        request.path = u"/.well-known/core"_s;
        coap_pdu_t *pdu = makePdu(session.get(), COAP_MESSAGE_NON, request, search.token, {});
        if (!pdu)
            continue;
        search.asked.emplace_back(session.get(), name);
        coap_send(session.get(), pdu); // an interface without multicast fails here, and is silent
        sessions.push_back(std::move(session));
    }
    Waiter waiter;
    const Deadline deadline = Deadline::in(span);
    while (!deadline.expired() && !sessions.empty()) {
        coap_tick_t now = 0;
        coap_ticks(&now);
        const unsigned next = coap_io_prepare_epoll(context.get(), now);
        waiter.wait(coap_context_get_coap_fd(context.get()), POLLIN,
                    next > 0 ? deadline.sooner(std::chrono::milliseconds(next)) : deadline, stop);
        coap_io_process(context.get(), COAP_IO_NO_WAIT);
    }
    sessions.clear();
    return search.found;
}

} // namespace slipway
