#include "drivers/coap/coapclient.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/coap/libcoap.h"
#include "drivers/link/waiter.h"

#include <QRandomGenerator>

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <deque>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr unsigned datagram = 1232;               // an IPv6 packet of 1280 bytes less its heads: never fragmented
constexpr size_t mostNotifications = 32;          // that wait to be read; the oldest go first
constexpr std::chrono::seconds closedPatience{3}; // for a port that is closed and was never seen open
constexpr std::chrono::milliseconds quick{400};   // round trips below this allow the shortest timeout there is
constexpr int handshakeFailure = 40, unknownPskIdentity = 115, decryptError = 51, badRecordMac = 20;

bool repeatable(coap::Method method)
{
    return method != coap::Post && method != coap::IPatch && method != coap::Patch;
}

// RFC 7641 section 3.4.
bool isNewer(quint32 before, quint32 now)
{
    constexpr quint32 half = 1U << 23;
    return (before < now && now - before < half) || (before > now && before - now > half);
}

} // namespace

struct CoapClient::Private {
    explicit Private(Options chosen) : options(std::move(chosen)) {}
    Private(const Private &) = delete;
    Private &operator=(const Private &) = delete;
    ~Private() { drop(); } // while what its callbacks touch is still there

    enum class Outcome { Waiting, Answered, Silent, Rejected, Lost };

    Options options;
    Waiter waiter;
    CoapContextPtr context;
    CoapSessionPtr session; // after the context: goes first
    QByteArray token;       // of the request that waits
    coap_mid_t mid = COAP_INVALID_MID;
    Outcome outcome = Outcome::Waiting;
    CoapReply reply;
    bool portClosed = false; // an ICMP message said so since the last answer
    bool connected = false, lost = false;
    bool heardEver = false; // some answer, in any session
    quint32 counter = QRandomGenerator::global()->generate();
    std::chrono::microseconds best{0};

    QByteArray observed; // token, empty: none
    CoapRequest observedRequest;
    std::optional<quint32> lastObserve;
    std::chrono::steady_clock::time_point lastObserveAt;
    std::deque<CoapReply> notifications;

    // Of the handshake.
    int alert = -1;
    bool alertFromDevice = false;
    bool heardHello = false, heardDone = false;
    QString certificateTrouble, otherName;
    QString serial, cipher;

    static Private *of(coap_session_t *session)
    {
        return static_cast<Private *>(coap_get_app_data(coap_session_get_context(session)));
    }
    static int sslIndex()
    {
        static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return index;
    }
    static coap_response_t onResponse(coap_session_t *session, const coap_pdu_t *, const coap_pdu_t *received,
                                      coap_mid_t)
    {
        return of(session)->take(received) ? COAP_RESPONSE_OK : COAP_RESPONSE_FAIL;
    }
    static void onNack(coap_session_t *session, const coap_pdu_t *, coap_nack_reason_t reason, coap_mid_t mid)
    {
        of(session)->refuse(reason, mid);
    }
    static int onEvent(coap_session_t *session, coap_event_t event)
    {
        Private *self = of(session);
        if (event == COAP_EVENT_DTLS_CONNECTED)
            self->connected = true;
        else if (event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR)
            self->lost = true;
        return 0;
    }
    static void onMessage(int sent, int, int type, const void *bytes, size_t size, SSL *ssl, void *)
    {
        auto *self = static_cast<Private *>(SSL_get_ex_data(ssl, sslIndex()));
        const auto *data = static_cast<const unsigned char *>(bytes);
        if (!self || size < 1)
            return;
        if (type == SSL3_RT_ALERT && size == 2 && data[1] != SSL3_AD_CLOSE_NOTIFY && self->alert < 0) {
            self->alert = data[1];
            self->alertFromDevice = sent == 0;
        }
        if (type == SSL3_RT_HANDSHAKE && sent == 0) {
            self->heardHello = true;
            self->heardDone |= data[0] == SSL3_MT_SERVER_DONE;
        }
    }
    static int onVerify(int ok, X509_STORE_CTX *store)
    {
        auto *ssl = static_cast<SSL *>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto *self = static_cast<Private *>(SSL_get_ex_data(ssl, sslIndex()));
        return self && self->verify(ok != 0, store) ? 1 : 0;
    }

    bool take(const coap_pdu_t *received)
    {
        const coap_bin_const_t its = coap_pdu_get_token(received);
        const QByteArrayView name(reinterpret_cast<const char *>(its.s), qsizetype(its.length));
        portClosed = false;
        if (outcome == Outcome::Waiting && !token.isEmpty() && name == token) {
            reply = readPdu(received);
            outcome = Outcome::Answered;
            return true;
        }
        if (observed.isEmpty() || name != observed)
            return coap_pdu_get_type(received) != COAP_MESSAGE_CON; // reset what nobody asked for
        CoapReply news = readPdu(received);
        const auto now = std::chrono::steady_clock::now();
        if (news.observe && lastObserve && !isNewer(*lastObserve, *news.observe) &&
            now - lastObserveAt < std::chrono::seconds(128))
            return true; // overtaken on the way
        lastObserve = news.observe ? news.observe : lastObserve;
        lastObserveAt = now;
        if (notifications.size() == mostNotifications)
            notifications.pop_front();
        notifications.push_back(std::move(news));
        return true;
    }

    void refuse(coap_nack_reason_t reason, coap_mid_t which)
    {
        if (reason == COAP_NACK_ICMP_ISSUE) {
            portClosed = true; // libcoap goes on trying: the device may be on its way up
            return;
        }
        if (which != mid || outcome != Outcome::Waiting)
            return;
        outcome = reason == COAP_NACK_RST          ? Outcome::Rejected
                  : reason == COAP_NACK_TLS_FAILED ? Outcome::Lost
                                                   : Outcome::Silent;
    }

    bool verify(bool ok, X509_STORE_CTX *store)
    {
        X509 *certificate = X509_STORE_CTX_get_current_cert(store);
        const int depth = X509_STORE_CTX_get_error_depth(store);
        if (!ok) {
            const QString words = QString::fromLatin1(X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
            if (certificateTrouble.isEmpty())
                certificateTrouble = certificate ? words + u" (%1)"_s.arg(subjectText(certificate)) : words;
            return false;
        }
        if (depth > 0)
            return true;
        serial = subjectSerial(certificate);
        if (options.security.name == CoapSecurity::Name::Serial) {
            if (!serial.isEmpty())
                return true;
        } else {
            const QByteArray host = options.address.host.section(u'%', 0, 0).toUtf8();
            const int fits = options.address.isName()
                                 ? X509_check_host(certificate, host.constData(), size_t(host.size()), 0, nullptr)
                                 : X509_check_ip_asc(certificate, host.constData(), 0);
            if (fits == 1)
                return true;
        }
        otherName = subjectText(certificate);
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return false;
    }

    // What libcoap 4.3.1 cannot be told: the whole chain, anchors for this session alone, and who is asked about a
    // certificate. Nothing of the handshake has come in yet when this is called.
    void equip()
    {
        coap_tls_library_t library = COAP_TLS_LIBRARY_NOTLS;
        auto *ssl = static_cast<SSL *>(coap_session_get_tls(session.get(), &library));
        if (!ssl || library != COAP_TLS_LIBRARY_OPENSSL)
            throw Fault("coap.failed", {u"no DTLS by OpenSSL"_s}, lastLibcoapWarning());
        SSL_set_ex_data(ssl, sslIndex(), this);
        SSL_set_msg_callback(ssl, onMessage);
        const CoapSecurity &security = options.security;
        if (security.kind != CoapSecurity::Kind::Certificate)
            return;
        SSL_set_verify(ssl, SSL_VERIFY_PEER, onVerify);
        SSL_set1_verify_cert_store(ssl, security.anchors.get());
        if (security.name == CoapSecurity::Name::Serial)
            SSL_set_purpose(ssl, X509_PURPOSE_ANY); // an IDevID need not say that it serves
        if (!security.certificate)
            return;
        bool took = SSL_use_certificate(ssl, security.certificate.get()) == 1 &&
                    SSL_use_PrivateKey(ssl, security.key.get()) == 1;
        for (const auto &above : security.chain)
            took = took && SSL_add1_chain_cert(ssl, above.get()) == 1;
        if (!took) {
            ERR_clear_error();
            throw Fault("coap.credentials", {u"the certificate or its key cannot be used with DTLS"_s});
        }
    }

    void open()
    {
        const SocketAddress where = resolve(options.address);
        coap_address_t to;
        coap_address_init(&to);
        to.size = where.size;
        std::memcpy(&to.addr, &where.address, where.size);
        session.reset();
        context = newCoapContext();
        coap_set_app_data(context.get(), this);
        coap_register_response_handler(context.get(), onResponse);
        coap_register_nack_handler(context.get(), onNack);
        coap_register_event_handler(context.get(), onEvent);
        connected = lost = portClosed = heardHello = heardDone = alertFromDevice = false;
        alert = -1;
        certificateTrouble.clear();
        otherName.clear();
        forgetLibcoapWarning();
        const QByteArray host = options.address.host.section(u'%', 0, 0).toUtf8();
        QByteArray sni = options.address.isName() ? host : QByteArray();
        char *name = sni.isEmpty() ? nullptr : sni.data();
        const CoapSecurity &security = options.security;
        switch (security.kind) {
        case CoapSecurity::Kind::None:
            session.reset(coap_new_client_session(context.get(), nullptr, &to, COAP_PROTO_UDP));
            break;
        case CoapSecurity::Kind::Psk: {
            coap_dtls_cpsk_t setup{};
            setup.version = COAP_DTLS_CPSK_SETUP_VERSION;
            setup.client_sni = name;
            setup.psk_info.identity = {size_t(security.identity.size()),
                                       reinterpret_cast<const uint8_t *>(security.identity.constData())};
            setup.psk_info.key = {size_t(security.psk->size()),
                                  reinterpret_cast<const uint8_t *>(security.psk->constData())};
            session.reset(coap_new_client_session_psk2(context.get(), nullptr, &to, COAP_PROTO_DTLS, &setup));
            break;
        }
        case CoapSecurity::Kind::Certificate: {
            coap_dtls_pki_t setup{};
            setup.version = COAP_DTLS_PKI_SETUP_VERSION;
            setup.verify_peer_cert = 1;
            setup.client_sni = name;
            setup.pki_key.key_type = COAP_PKI_KEY_PEM; // and no files: see equip()
            session.reset(coap_new_client_session_pki(context.get(), nullptr, &to, COAP_PROTO_DTLS, &setup));
            break;
        }
        }
        if (!session)
            throw Fault("coap.unreachable", {options.address.toString()}, lastLibcoapWarning());
        coap_session_set_mtu(session.get(), datagram);
        if (security.kind != CoapSecurity::Kind::None)
            equip();
    }

    // Lets libcoap work once; returns at the deadline or when something has happened.
    template <typename Done> void pump(Deadline deadline, const std::stop_token &stop, Done done)
    {
        coap_tick_t now = 0;
        coap_ticks(&now);
        const unsigned next = coap_io_prepare_epoll(context.get(), now);
        if (done())
            return;
        if (next > 0)
            deadline = deadline.sooner(std::chrono::milliseconds(next));
        waiter.wait(coap_context_get_coap_fd(context.get()), POLLIN, deadline, stop);
        coap_io_process(context.get(), COAP_IO_NO_WAIT);
    }

    [[noreturn]] void handshakeFailed(bool timedOut) const
    {
        const QString port = options.address.toString();
        const QString detail = alert >= 0 ? u"alert %1, "_s.arg(alert) + lastLibcoapWarning() : lastLibcoapWarning();
        if (!otherName.isEmpty()) {
            throw Fault("coap.other-name",
                        {otherName, options.security.name == CoapSecurity::Name::Serial
                                        ? u"states no serial number"_s
                                        : u"is not for %1"_s.arg(options.address.host)},
                        detail);
        }
        if (!certificateTrouble.isEmpty())
            throw Fault("coap.untrusted", {port, certificateTrouble}, detail);
        const QString words = alert < 0 ? QString() : QString::fromLatin1(SSL_alert_desc_string_long(alert));
        const bool psk = options.security.kind == CoapSecurity::Kind::Psk;
        if (psk &&
            ((alertFromDevice && (alert == unknownPskIdentity || alert == decryptError || alert == badRecordMac)) ||
             (timedOut && heardDone)))
            throw Fault("coap.psk-refused", {port, oneLine(QString::fromUtf8(options.security.identity), 64)}, detail);
        if (alertFromDevice && alert == handshakeFailure)
            throw Fault("coap.handshake", {port, u"it offers no security that this station's credentials fit"_s},
                        detail);
        if (alertFromDevice && !psk)
            throw Fault("coap.client-refused", {port, words}, detail);
        if (!heardHello && portClosed)
            throw Fault("coap.port-closed", {port}, detail);
        if (!heardHello && alert < 0)
            throw Fault("coap.no-answer", {port}, detail);
        throw Fault("coap.handshake", {port, words.isEmpty() ? u"it stopped in the middle"_s : words}, detail);
    }

    void handshake(const Task &task)
    {
        const Deadline deadline = task.deadline.sooner(options.handshake);
        bool closed = false;
        for (int attempt = 1;; ++attempt) {
            const auto done = [this] { return connected || lost; };
            while (!done() && !deadline.expired())
                pump(deadline, task.stop, done);
            if (connected && !lost)
                break;
            if (lost && alert < 0 && !heardHello) { // ICMP said so
                closed = true;
                // Nobody at that port, perhaps for now: a device that was there may be restarting.
                if (!deadline.expired() && (heardEver || attempt < 4)) {
                    idleFor(deadline.sooner(std::chrono::milliseconds(500)), task.stop);
                    open();
                    continue;
                }
            }
            portClosed = closed;
            if (!lost && task.deadline.expired() && !heardHello)
                task.check(u"The handshake with %1"_s.arg(options.address.toString()));
            const bool timedOut = !lost;
            drop();
            handshakeFailed(timedOut);
        }
        heardEver = true;
        auto *ssl = static_cast<SSL *>(coap_session_get_tls(session.get(), nullptr));
        if (ssl)
            cipher = QString::fromLatin1(SSL_get_cipher_name(ssl));
    }

    void idleFor(Deadline deadline, const std::stop_token &stop)
    {
        while (!deadline.expired())
            waiter.wait(-1, 0, deadline, stop);
    }

    void tune()
    {
        // RFC 7252 section 4.8.1: below a second would need what this library does not measure.
        const bool fast = best.count() > 0 && best < quick;
        coap_session_set_ack_timeout(session.get(), fast ? coap_fixed_point_t{1, 0} : coap_fixed_point_t{2, 0});
    }

    QByteArray newToken()
    {
        ++counter;
        return QByteArray(reinterpret_cast<const char *>(&counter), sizeof counter);
    }

    void send(const CoapRequest &request)
    {
        // Again when the system hands an earlier datagram's ICMP error to this one: libcoap gives it up then.
        for (int attempt = 1; attempt <= 3 && !lost; ++attempt) {
            coap_pdu_t *pdu = makePdu(session.get(), COAP_MESSAGE_CON, request, token,
                                      options.address.isName() ? options.address.host.toUtf8() : QByteArray());
            if (!pdu)
                throw Fault("coap.request-size", {oneLine(request.path, 80)});
            mid = coap_pdu_get_mid(pdu);
            if (coap_send(session.get(), pdu) != COAP_INVALID_MID)
                return;
        }
        portClosed = true;
    }

    Outcome ask(const CoapRequest &request, const QByteArray &name, const Task &task, std::chrono::milliseconds answer,
                int retransmits)
    {
        tune();
        coap_session_set_max_retransmit(session.get(), uint16_t(std::max(1, retransmits)));
        token = name;
        outcome = Outcome::Waiting;
        portClosed = false;
        const auto begin = std::chrono::steady_clock::now();
        const Deadline deadline = task.deadline.sooner(answer), hope = Deadline::in(closedPatience);
        send(request);
        const auto done = [this] { return outcome != Outcome::Waiting || lost; };
        try {
            while (!done() && !deadline.expired() && (heardEver || !portClosed || !hope.expired()))
                pump(deadline, task.stop, done);
        } catch (...) {
            abandon();
            throw;
        }
        if (outcome == Outcome::Answered) {
            heardEver = true;
            const auto took =
                std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
            if (best.count() == 0 || took < best)
                best = took;
        } else if (lost) {
            outcome = Outcome::Lost;
        }
        const Outcome result = outcome == Outcome::Waiting ? Outcome::Silent : outcome;
        if (result != Outcome::Answered)
            abandon();
        token.clear();
        return result;
    }

    [[noreturn]] void unanswered(Outcome how, const Task &task) const
    {
        const QString port = options.address.toString();
        task.check(u"The exchange with %1"_s.arg(port));
        throw Fault(how == Outcome::Rejected ? "coap.rejected"
                    : how == Outcome::Lost   ? "coap.session-lost"
                    : portClosed             ? "coap.port-closed"
                                             : "coap.no-answer",
                    {port}, lastLibcoapWarning());
    }

    // libcoap has no call that takes one request back: a new session forgets it, and with it an answer that comes late.
    void abandon()
    {
        token.clear();
        drop();
    }

    void drop()
    {
        session.reset();
        context.reset();
        observed.clear();
        notifications.clear();
    }
};

CoapClient::CoapClient(Options options) : d(std::make_unique<Private>(std::move(options))) {}

CoapClient::~CoapClient() = default;

const CoapClient::Options &CoapClient::options() const
{
    return d->options;
}

void CoapClient::connect(const Task &task)
{
    if (d->session && !d->lost)
        return;
    try {
        d->open();
        if (d->options.security.kind != CoapSecurity::Kind::None)
            d->handshake(task);
    } catch (...) {
        d->drop(); // half a session must not pass for one
        throw;
    }
}

void CoapClient::disconnect()
{
    d->drop();
}

CoapReply CoapClient::exchange(const CoapRequest &request, const Task &task)
{
    const bool secure = d->options.security.kind != CoapSecurity::Kind::None;
    using Outcome = Private::Outcome;
    for (int attempt = 1;; ++attempt) {
        task.check(u"The exchange with %1"_s.arg(d->options.address.toString()));
        const bool fresh = !d->session || d->lost;
        connect(task);
        const Outcome outcome = d->ask(request, d->newToken(), task, d->options.answer, d->options.retransmits);
        if (outcome == Outcome::Answered)
            return d->reply;
        // A device that has restarted knows nothing of the DTLS session: a new one, once.
        const bool again = secure && !fresh && attempt == 1 && repeatable(request.method);
        if (!again || outcome == Outcome::Rejected)
            d->unanswered(outcome, task);
    }
}

CoapReply CoapClient::probe(const CoapRequest &request, const Task &task, std::chrono::milliseconds answer)
{
    task.check(u"The exchange with %1"_s.arg(d->options.address.toString()));
    connect(task);
    const Private::Outcome outcome = d->ask(request, d->newToken(), task, answer, 1);
    if (outcome != Private::Outcome::Answered)
        d->unanswered(outcome, task);
    return d->reply;
}

CoapReply CoapClient::observe(const CoapRequest &request, const Task &task)
{
    connect(task);
    CoapRequest subscribed = request;
    subscribed.observe = 0;
    const QByteArray name = d->newToken();
    d->notifications.clear();
    d->lastObserve.reset();
    const Private::Outcome outcome = d->ask(subscribed, name, task, d->options.answer, d->options.retransmits);
    if (outcome != Private::Outcome::Answered)
        d->unanswered(outcome, task);
    if (d->reply.ok() && d->reply.observe) {
        d->observed = name;
        d->observedRequest = request;
        d->lastObserve = d->reply.observe;
        d->lastObserveAt = std::chrono::steady_clock::now();
    }
    return d->reply;
}

std::optional<CoapReply> CoapClient::notification(Deadline deadline, const std::stop_token &stop)
{
    const auto done = [this] { return !d->notifications.empty() || d->lost; };
    while (!done() && !deadline.expired() && d->session)
        d->pump(deadline, stop, done);
    if (d->notifications.empty())
        return std::nullopt;
    CoapReply news = std::move(d->notifications.front());
    d->notifications.pop_front();
    return news;
}

void CoapClient::stopObserving(const Task &task)
{
    if (d->observed.isEmpty() || !d->session || d->lost)
        return;
    CoapRequest request = d->observedRequest;
    request.observe = 1;
    const QByteArray name = std::exchange(d->observed, {});
    d->notifications.clear();
    // Best effort: a device that misses it is told by a reset when it notifies again.
    d->ask(request, name, task.within(std::chrono::seconds(3)), std::chrono::seconds(3), 1);
}

void CoapClient::idle(Deadline deadline, const std::stop_token &stop)
{
    if (!d->session)
        return d->idleFor(deadline, stop);
    while (!deadline.expired())
        d->pump(deadline, stop, [] { return false; });
}

std::chrono::microseconds CoapClient::bestRoundTrip() const
{
    return d->best;
}

QString CoapClient::peerSerial() const
{
    return d->serial;
}

QString CoapClient::line() const
{
    if (d->options.security.kind == CoapSecurity::Kind::None)
        return u"CoAP over UDP"_s;
    return u"CoAP over DTLS 1.2, "_s + d->cipher;
}

} // namespace slipway
