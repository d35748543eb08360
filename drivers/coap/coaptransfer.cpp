#include "drivers/coap/coaptransfer.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"

#include <QCryptographicHash>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr int mostRestarts = 3;
constexpr int mostDelays = 10;
constexpr quint32 longestDelay = 30; // s
constexpr int largestSzx = 6;
constexpr std::chrono::milliseconds pollPause{500};
constexpr std::chrono::seconds observeTrust{10}; // asked again after so long without news

int szxOf(int bytes)
{
    int szx = 0;
    while (szx < largestSzx && (32 << szx) <= bytes)
        ++szx;
    return szx;
}

void showDone(const Task &task, qint64 done)
{
    if (task.progress)
        task.progress->setDone(done);
}

[[noreturn]] void badBlocks(const CoapRequest &request, const QString &why)
{
    throw Fault("coap.bad-blocks", {oneLine(request.path, 80), why});
}

// One request; a device that is busy says when to come again.
CoapReply ask(CoapClient &client, const CoapRequest &request, const Task &task)
{
    for (int delays = 0;; ++delays) {
        CoapReply reply = client.exchange(request, task);
        if (reply.code != coap::Unavailable || delays >= mostDelays)
            return reply;
        const auto pause = std::chrono::seconds(std::clamp<quint32>(reply.maxAge, 1, longestDelay));
        if (task.deadline.remaining() <= pause)
            return reply;
        client.idle(task.deadline.sooner(pause), task.stop);
    }
}

// Block1: gives the reply to the last block.
CoapReply send(CoapClient &client, const CoapRequest &request, const CoapTransfer &how, const Task &task)
{
    int szx = szxOf(client.options().block);
    const QByteArray &body = request.payload;
    if (body.size() <= (qsizetype(16) << szx)) {
        CoapReply reply = ask(client, request, task);
        const bool smaller = reply.code == coap::TooLarge && reply.block1 && reply.block1->szx < szx &&
                             body.size() > reply.block1->size();
        if (!smaller) {
            if (reply.ok())
                showDone(task, body.size());
            return reply;
        }
        szx = reply.block1->szx;
    }
    if (task.progress)
        task.progress->setTotal(body.size());
    const QByteArray tag = how.tag ? QCryptographicHash::hash(body, QCryptographicHash::Sha256).left(8) : QByteArray();
    int restarts = 0;
    qint64 at = 0;
    for (;;) {
        const qsizetype size = std::min<qsizetype>(qsizetype(16) << szx, body.size() - at);
        CoapRequest part = request;
        part.payload = body.mid(at, size);
        part.block1 = CoapBlock{quint32(at >> (szx + 4)), at + size < body.size(), szx};
        part.requestTag = tag;
        if (at == 0 && how.tellSize)
            part.size1 = quint32(body.size());
        if (part.block1->number > 0xfffff)
            throw Fault("coap.too-large", {u"%1 bytes"_s.arg(body.size()), humanSize(qint64(0x100000) << (szx + 4))});
        CoapReply reply = ask(client, part, task);
        if (reply.code == coap::Incomplete && at > 0) {
            if (++restarts > mostRestarts)
                throw Fault("coap.forgetful", {oneLine(request.path, 80)});
            task.say(u"The device forgot the beginning of %1; once more from the start."_s.arg(request.path));
            at = 0;
            showDone(task, 0);
            continue;
        }
        if (reply.code == coap::TooLarge) {
            const bool smaller = reply.block1 && reply.block1->szx < szx;
            if (smaller) {
                szx = reply.block1->szx;
                at = 0;
                showDone(task, 0);
                continue;
            }
            if (reply.size1 && *reply.size1 < quint64(body.size()))
                throw Fault("coap.too-large", {u"%1 bytes"_s.arg(body.size()), u"%1 bytes"_s.arg(*reply.size1)});
        }
        if (!reply.ok())
            return reply;
        const bool last = !part.block1->more;
        if (!reply.block1) {
            if (last && reply.code != coap::Continue)
                return reply; // some servers leave it out at the end
            throw Fault("coap.no-blocks", {oneLine(request.path, 80)});
        }
        if (reply.block1->szx > szx)
            badBlocks(request, u"it asks for larger blocks than were sent"_s);
        if (reply.block1->number != part.block1->number)
            badBlocks(
                request,
                u"it acknowledges block %1 when %2 was sent"_s.arg(reply.block1->number).arg(part.block1->number));
        if (last && reply.code == coap::Continue)
            badBlocks(request, u"it waits for more after the last one"_s);
        at += size;
        showDone(task, at);
        if (last)
            return reply;
        szx = std::min(szx, reply.block1->szx); // what was sent is a multiple of any smaller size
    }
}

// Block2: the rest of a body whose first part the reply holds.
CoapReply collect(CoapClient &client, const CoapRequest &request, CoapReply first, const CoapTransfer &how,
                  const Task &task)
{
    const auto tooLong = [&](qint64 bytes) {
        return Fault("coap.endless", {oneLine(request.path, 80), humanSize(how.limit)}, u"%1 bytes"_s.arg(bytes));
    };
    // RFC 7959 section 3.3: the following requests carry no body any more, but for FETCH, which is named by it.
    CoapRequest next = request;
    next.block1.reset();
    next.observe.reset();
    if (request.method != coap::Fetch)
        next.payload.clear();
    for (int restarts = 0;; ++restarts) {
        if (!first.block2 || !first.ok()) {
            if (first.payload.size() > how.limit)
                throw tooLong(first.payload.size());
            return first;
        }
        CoapReply whole = first;
        const std::optional<quint32> promised = first.size2;
        if (promised && *promised > quint64(how.limit))
            throw tooLong(*promised);
        if (task.progress && promised)
            task.progress->setTotal(*promised);
        CoapBlock block = *first.block2;
        if (block.szx > largestSzx || block.number != 0)
            badBlocks(request, u"the first one that came is number %1"_s.arg(block.number));
        QByteArray part = std::move(first.payload);
        whole.payload.clear();
        bool changed = false;
        for (;;) {
            if (part.size() > block.size() || (block.more && part.size() != block.size()))
                badBlocks(request, u"one of %1 bytes has %2"_s.arg(block.size()).arg(part.size()));
            whole.payload += part;
            if (whole.payload.size() > how.limit)
                throw tooLong(whole.payload.size());
            if (promised && whole.payload.size() > qsizetype(*promised))
                badBlocks(request, u"it announced %1 bytes and sends more"_s.arg(*promised));
            showDone(task, whole.payload.size());
            if (!block.more)
                break;
            next.block2 = CoapBlock{block.number + 1, false, block.szx};
            CoapReply reply = ask(client, next, task);
            if (!reply.ok())
                return reply;
            if (reply.etag != whole.etag || reply.format != whole.format) {
                changed = true;
                break;
            }
            if (!reply.block2)
                badBlocks(request, u"the number of one is missing"_s);
            // A smaller size than asked for counts in its own units.
            if (reply.block2->szx > block.szx || reply.block2->offset() != next.block2->offset())
                badBlocks(request,
                          u"it sends block %1 when %2 is wanted"_s.arg(reply.block2->number).arg(next.block2->number));
            block = *reply.block2;
            part = std::move(reply.payload);
        }
        if (!changed) {
            whole.block2.reset();
            return whole;
        }
        if (restarts >= mostRestarts || request.method == coap::Post || request.method == coap::IPatch)
            throw Fault("coap.changing", {oneLine(request.path, 80)});
        showDone(task, 0);
        CoapRequest again = next;
        again.block2 = request.block2;
        first = ask(client, again, task);
    }
}

} // namespace

CoapReply carry(CoapClient &client, const CoapRequest &request, const CoapTransfer &how, const Task &task)
{
    CoapRequest begin = request;
    const int szx = szxOf(client.options().block);
    if (szx < largestSzx && (request.method == coap::Get || request.method == coap::Fetch))
        begin.block2 = CoapBlock{0, false, szx};
    // While a body is sent, its answer's size is nobody's progress.
    const bool sending = !request.payload.isEmpty();
    CoapReply reply = send(client, begin, how, task);
    return collect(client, begin, std::move(reply), how, sending ? task.at(nullptr) : task);
}

CoapReply demand(CoapClient &client, const CoapRequest &request, const CoapTransfer &how, const Task &task)
{
    CoapReply reply = carry(client, request, how, task);
    if (!reply.ok())
        throwRefusal(reply, how.what);
    return reply;
}

void throwRefusal(const CoapReply &reply, const QString &what)
{
    if (reply.code == coap::NotFound || reply.code == coap::MethodNotAllowed || reply.code == coap::code(5, 1))
        throw Fault("device.lacks", {what}, reply.refusal());
    throw Fault("device.refused", {what, reply.refusal()});
}

void requireFormat(const CoapReply &reply, int format, const QString &path)
{
    if (reply.format && *reply.format != format)
        throw Fault("coap.format", {oneLine(path, 80), coap::formatText(*reply.format), coap::formatText(format)});
}

CoapReply waitFor(CoapClient &client, const CoapRequest &request, const std::function<bool(const CoapReply &)> &holds,
                  const QString &what, const Task &task)
{
    CoapReply reply = client.observe(request, task);
    const bool observes = reply.ok() && reply.observe;
    if (reply.block2 && reply.block2->more)
        reply = carry(client, request, {}, task.at(nullptr));
    for (;;) {
        bool done = false;
        try {
            done = holds(reply);
        } catch (...) {
            client.stopObserving(task);
            throw;
        }
        if (done) {
            client.stopObserving(task);
            return reply;
        }
        task.check(what);
        if (observes) {
            auto news = client.notification(task.deadline.sooner(observeTrust), task.stop);
            if (news && news->ok() && !news->block2) {
                reply = std::move(*news);
                continue;
            }
        } else {
            client.idle(task.deadline.sooner(pollPause), task.stop);
        }
        task.check(what);
        reply = carry(client, request, {}, task.at(nullptr));
    }
}

} // namespace slipway
