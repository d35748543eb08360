#include "drivers/virtual/coapserver.h"

#include <QCryptographicHash>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using Kind = VirtualCoapFault::Kind;

constexpr quint8 code(int kind, int detail)
{
    return quint8(kind << 5 | detail);
}
constexpr quint8 content = code(2, 5), goOn = code(2, 31), badRequest = code(4, 0), badOption = code(4, 2),
                 incomplete = code(4, 8), tooLarge = code(4, 13), serverError = code(5, 0), unavailable = code(5, 3);

constexpr size_t remembered = 16; // answers, for requests that come again
constexpr size_t mostPeers = 64, mostObservers = 16;

// Options that a device must understand or refuse (odd numbers) and does understand.
bool understands(int number)
{
    static const int known[] = {CoapWire::IfMatch, CoapWire::UriHost, CoapWire::IfNoneMatch,
                                CoapWire::UriPort, CoapWire::UriPath, CoapWire::UriQuery,
                                CoapWire::Accept,  CoapWire::Block2,  CoapWire::Block1};
    return std::find(std::begin(known), std::end(known), number) != std::end(known);
}

int intOr(const std::optional<quint32> &value, int fallback)
{
    return value && *value <= 0xffff ? int(*value) : fallback;
}

} // namespace

CoapServer::CoapServer(const VirtualCoapOptions &options, CoapFaultDesk &faults, CoapBoard &board)
    : m_options(options), m_faults(faults), m_board(board)
{
    m_szx = 0;
    while (m_szx < 6 && (32 << m_szx) <= options.block)
        ++m_szx;
}

void CoapServer::restart()
{
    m_peers.clear();
    m_observers.clear();
    m_out.clear();
}

void CoapServer::forget(const QByteArray &peer)
{
    m_peers.erase(peer);
    std::erase_if(m_observers, [&](const Observer &o) { return o.peer == peer; });
}

void CoapServer::sendRaw(const QByteArray &peer, const QByteArray &datagram, Clock::time_point at)
{
    if (!silent && !muted && !m_faults.strike(Kind::Lost))
        m_out.push_back({peer, datagram, at});
}

void CoapServer::send(const QByteArray &peer, const CoapWire &message, Clock::time_point at)
{
    if (const auto *late = m_faults.strike(Kind::Late))
        at += late->delay;
    sendRaw(peer, message.encode(), at);
    if (m_faults.strike(Kind::Duplicate))
        sendRaw(peer, message.encode(), at);
}

void CoapServer::receive(const QByteArray &peer, const QByteArray &datagram, bool multicast, Clock::time_point now)
{
    QString why;
    const auto message = CoapWire::parse(datagram, why);
    if (!message) {
        ++malformed;
        return;
    }
    const auto reset = [&] {
        CoapWire out;
        out.type = CoapWire::Reset;
        out.id = message->id;
        send(peer, out, now);
    };
    const bool confirmable = message->type == CoapWire::Confirmable;
    if (!why.isEmpty()) {
        ++malformed;
        if (confirmable && !multicast)
            reset();
        return;
    }
    if (message->type == CoapWire::Reset) {
        std::erase_if(m_observers, [&](const Observer &o) { return o.peer == peer && o.lastId == message->id; });
        return;
    }
    if (message->type == CoapWire::Acknowledgement)
        return;
    if (!message->isRequest()) {
        if (confirmable && !multicast)
            reset(); // a ping, or an answer to nothing
        return;
    }
    if (multicast && confirmable)
        return; // RFC 7252 section 8.1
    if (m_peers.size() >= mostPeers && !m_peers.contains(peer))
        m_peers.erase(m_peers.begin());
    Peer &known = m_peers[peer];
    for (const auto &[id, answer] : known.answered) {
        if (id == message->id) {
            ++repetitions;
            if (!answer.isEmpty())
                sendRaw(peer, answer, now);
            return;
        }
    }
    request(peer, *message, multicast, now);
}

void CoapServer::request(const QByteArray &peer, const CoapWire &message, bool multicast, Clock::time_point now)
{
    ++requests;
    if (m_faults.strike(Kind::Silence)) {
        muted = true;
        return;
    }
    const bool confirmable = message.type == CoapWire::Confirmable;
    auto reply = respond(peer, message, multicast);
    if (silent)
        return;
    Peer &known = m_peers[peer];
    const auto remember = [&](const QByteArray &answer) {
        known.answered.emplace_back(message.id, answer);
        if (known.answered.size() > remembered)
            known.answered.pop_front();
    };
    if (!reply) {
        remember({});
        return;
    }
    if (confirmable && m_options.separate) {
        CoapWire acknowledge;
        acknowledge.type = CoapWire::Acknowledgement;
        acknowledge.id = message.id;
        remember(acknowledge.encode());
        send(peer, acknowledge, now);
        reply->type = CoapWire::Confirmable;
        reply->id = m_id++;
        send(peer, *reply, now + m_options.think);
    } else {
        reply->type = confirmable ? CoapWire::Acknowledgement : CoapWire::NonConfirmable;
        reply->id = confirmable ? message.id : m_id++;
        remember(reply->encode());
        send(peer, *reply, now);
    }
    notify();
}

std::optional<CoapWire> CoapServer::respond(const QByteArray &peer, const CoapWire &message, bool multicast)
{
    CoapWire reply;
    reply.token = message.token;
    const auto refuse = [&](quint8 why, const char *words) {
        if (multicast)
            return std::optional<CoapWire>();
        reply.code = why;
        reply.payload = words;
        return std::optional(reply);
    };
    for (const auto &option : message.options) {
        if (option.number % 2 && !understands(option.number)) {
            if (message.type != CoapWire::Confirmable)
                return std::nullopt;
            return refuse(badOption, "unknown critical option");
        }
    }
    for (const int number : {int(CoapWire::Block1), int(CoapWire::Block2)}) {
        if (message.find(number) && (!message.block(number) || message.block(number)->szx == 7))
            return refuse(badRequest, "a block of no size");
    }
    if (m_faults.strike(Kind::ServerError))
        return refuse(serverError, "out of memory");
    if (m_faults.strike(Kind::Busy)) {
        reply.addNumber(CoapWire::MaxAge, 1);
        return refuse(unavailable, "busy");
    }
    const QString path = message.path();
    if (multicast && path != u"/.well-known/core")
        return std::nullopt;
    Peer &known = m_peers[peer];
    QByteArray body = message.payload;
    if (message.find(CoapWire::Block1)) {
        if (auto early = collect(known, message, reply, body))
            return early;
        if (silent)
            return std::nullopt;
    } else if (body.size() > m_board.capacity(path)) {
        reply.addNumber(CoapWire::Size1, quint32(m_board.capacity(path)));
        return refuse(tooLarge, "too large");
    } else if (body.size() > (qsizetype(16) << m_szx) && m_options.refuseLarger) {
        reply.addBlock(CoapWire::Block1, {0, false, m_szx});
        return refuse(tooLarge, "in smaller blocks");
    }
    const CoapAnswer answer = m_board.handle(message.code, path, intOr(message.number(CoapWire::ContentFormat), -1),
                                             intOr(message.number(CoapWire::Accept), -1), body);
    if (multicast && answer.code != content)
        return std::nullopt;
    if (message.code == 1)
        observe(peer, message, reply, answer);
    put(reply, answer, message);
    return reply;
}

std::optional<CoapWire> CoapServer::collect(Peer &peer, const CoapWire &message, CoapWire &reply, QByteArray &body)
{
    CoapWire::Block block = *message.block(CoapWire::Block1);
    const QString path = message.path();
    const QString key = QString::number(message.code) + path;
    const auto refuse = [&](quint8 why, const char *words) {
        peer.uploads.erase(key);
        reply.code = why;
        reply.payload = words;
        return std::optional(reply);
    };
    if (message.payload.size() > block.size() || (block.more && message.payload.size() != block.size()))
        return refuse(badRequest, "a block is not as long as it says");
    const auto *tag = message.find(CoapWire::RequestTag);
    const QByteArray tagValue = tag ? tag->value : QByteArray();
    const qint64 limit = m_board.capacity(path);
    const auto size = message.number(CoapWire::Size1);
    if ((size && *size > quint64(limit)) || block.offset() + message.payload.size() > limit) {
        reply.addNumber(CoapWire::Size1, quint32(limit));
        return refuse(tooLarge, "larger than the memory for it");
    }
    const CoapWire::Block ours{block.number, block.more, std::min(block.szx, m_szx)};
    if (block.szx > m_szx && m_options.refuseLarger) {
        reply.addBlock(CoapWire::Block1, {0, true, m_szx});
        return refuse(tooLarge, "in smaller blocks");
    }
    if (block.number == 0) {
        peer.uploads[key] = {{}, tagValue, intOr(message.number(CoapWire::ContentFormat), -1)};
        m_board.receiving(path);
        notify();
    }
    const auto found = peer.uploads.find(key);
    if (found == peer.uploads.end())
        return refuse(incomplete, "where is the beginning?");
    Upload &upload = found->second;
    if (block.offset() != upload.body.size() || tagValue != upload.tag)
        return refuse(incomplete, "a block is missing");
    upload.body += message.payload;
    uploadedBytes += message.payload.size();
    if (m_faults.reached(Kind::RebootAt, upload.body.size())) {
        m_board.wantsRestart = true;
        silent = true;
        return std::nullopt;
    }
    reply.addBlock(CoapWire::Block1, ours);
    if (block.more) {
        reply.code = goOn;
        return reply;
    }
    body = upload.body;
    peer.uploads.erase(found);
    return std::nullopt;
}

void CoapServer::put(CoapWire &reply, const CoapAnswer &answer, const CoapWire &message)
{
    reply.code = answer.code;
    if (answer.code >> 5 != 2 || answer.body.isEmpty()) {
        reply.payload = answer.body;
        if (answer.format >= 0)
            reply.addNumber(CoapWire::ContentFormat, quint32(answer.format));
        return;
    }
    int format = answer.format;
    if (m_faults.has(Kind::WrongFormat))
        format = 50;
    if (format >= 0)
        reply.addNumber(CoapWire::ContentFormat, quint32(format));
    if (answer.maxAge != 60)
        reply.addNumber(CoapWire::MaxAge, answer.maxAge);
    if (answer.etag) {
        if (!answer.body.isSharedWith(m_tagged)) { // block after block of the same file
            m_tagged = answer.body;
            m_tag = QCryptographicHash::hash(m_tagged, QCryptographicHash::Sha256).left(4);
        }
        QByteArray tag = m_tag;
        if (m_faults.has(Kind::EtagChanges))
            tag[0] = char(++m_etagCounter);
        reply.add(CoapWire::ETag, tag);
    }
    CoapWire::Block block{0, false, m_szx};
    if (const auto wanted = message.block(CoapWire::Block2)) {
        block = *wanted;
        if (block.szx > m_szx) {
            block.number <<= block.szx - m_szx;
            block.szx = m_szx;
        }
    }
    const bool endless = m_faults.has(Kind::Endless);
    if (!message.find(CoapWire::Block2) && answer.body.size() <= block.size() && !endless) {
        reply.payload = answer.body;
        return;
    }
    if (block.offset() >= answer.body.size() && !endless) {
        reply.options.clear();
        reply.code = badOption;
        reply.payload = "no such block";
        return;
    }
    reply.payload = endless ? QByteArray(block.size(), 'x') : answer.body.mid(block.offset(), block.size());
    block.more = endless || block.offset() + block.size() < answer.body.size();
    if (block.number == 0 && !endless)
        reply.addNumber(CoapWire::Size2, m_faults.has(Kind::SizeLies) ? 10 : quint32(answer.body.size()));
    if (m_faults.has(Kind::LargeBlocks) && block.szx > 0)
        --block.szx;
    if (m_faults.has(Kind::WrongBlock) && block.number > 0)
        ++block.number;
    reply.addBlock(CoapWire::Block2, block);
}

void CoapServer::observe(const QByteArray &peer, const CoapWire &message, CoapWire &reply, const CoapAnswer &answer)
{
    const auto wanted = message.number(CoapWire::Observe);
    if (!wanted || !m_options.observes || !m_board.observable(message.path()))
        return;
    std::erase_if(m_observers, [&](const Observer &o) { return o.peer == peer && o.token == message.token; });
    if (*wanted != 0 || answer.code != content || m_observers.size() >= mostObservers)
        return;
    m_observers.push_back({peer, message.token, message.path(), intOr(message.number(CoapWire::Accept), -1), 2, 0});
    reply.addNumber(CoapWire::Observe, 1);
}

void CoapServer::notify()
{
    const QStringList changed = m_board.takeChanged();
    for (Observer &observer : m_observers) {
        if (!changed.contains(observer.path))
            continue;
        CoapWire news;
        news.type = CoapWire::NonConfirmable;
        news.id = observer.lastId = m_id++;
        news.token = observer.token;
        news.addNumber(CoapWire::Observe, observer.sequence++);
        CoapWire get;
        get.code = 1;
        put(news, m_board.handle(1, observer.path, -1, observer.accept, {}), get);
        send(observer.peer, news, Clock::now());
    }
}

void CoapServer::tick(Clock::time_point now)
{
    m_board.tick(now);
    notify();
}

} // namespace slipway
