#include "drivers/coap/coapkeys.h"

#include "core/base/fault.h"
#include "core/codec/cbor.h"
#include "core/codec/pem.h"
#include "drivers/coap/coaptransfer.h"
#include "drivers/link/directhost.h"

#include <QCborArray>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longestRequest = 16 * 1024, longestSignature = 80, mostCertificates = 10;
constexpr qsizetype longestChain = 64 * 1024;

CoapTransfer transfer(const QString &what, qsizetype limit)
{
    CoapTransfer how;
    how.what = what;
    how.limit = limit;
    return how;
}

CoapRequest post(const QString &path, int format, const QByteArray &payload)
{
    CoapRequest request;
    request.method = coap::Post;
    request.path = path;
    request.payload = payload;
    if (!payload.isEmpty())
        request.format = format;
    return request;
}

} // namespace

void CoapKeys::generate(const Task &task)
{
    const QString what = u"make a key"_s;
    const CoapReply reply =
        carry(m_client, post(m_board.generate, 0, {}), transfer(what, longestRequest), task.at(nullptr));
    if (reply.ok())
        return;
    if (!m_board.generateLocked.pattern().isEmpty() && m_board.generateLocked.match(reply.refusal()).hasMatch())
        throw Fault("device.locked", {}, reply.refusal());
    throwRefusal(reply, what);
}

QByteArray CoapKeys::request(const QString &serial, const Task &task)
{
    const CoapReply reply = demand(m_client, post(m_board.request, coap::Text, serial.toUtf8()),
                                   transfer(u"make a certificate request"_s, longestRequest), task.at(nullptr));
    requireFormat(reply, coap::Pkcs10, m_board.request);
    return reply.payload;
}

QByteArray CoapKeys::sign(const QByteArray &challenge, const Task &task)
{
    const CoapReply reply = demand(m_client, post(m_board.sign, coap::OctetStream, challenge),
                                   transfer(u"sign"_s, longestRequest), task.at(nullptr));
    requireFormat(reply, coap::OctetStream, m_board.sign);
    if (reply.payload.isEmpty() || reply.payload.size() > longestSignature)
        throw Fault("coap.bad-value", {m_board.sign, u"a signature of %1 bytes cannot be"_s.arg(reply.payload.size())});
    return reply.payload;
}

void CoapKeys::load(const SecretBytes &pkcs8, const Task &task)
{
    if (m_board.inject.isEmpty())
        return Keys::load(pkcs8, task);
    const CoapAddress &address = m_client.options().address;
    if (!address.secure && !isDirectHost(address.host))
        throw Fault("device.open-network", {address.toString()});
    CoapRequest request;
    request.method = coap::Put;
    request.path = m_board.inject;
    request.format = coap::Pkcs8;
    request.payload = pkcs8.borrowed();
    const QString what = u"take the key"_s;
    const CoapReply reply = carry(m_client, request, transfer(what, longestRequest), task.at(nullptr));
    if (reply.ok())
        return;
    if (!m_board.generateLocked.pattern().isEmpty() && m_board.generateLocked.match(reply.refusal()).hasMatch())
        throw Fault("device.locked", {}, reply.refusal());
    throwRefusal(reply, what);
}

QByteArray CoapKeys::toMultipart(const QList<QByteArray> &chain)
{
    QCborArray parts;
    for (const QByteArray &der : chain)
        parts << int(coap::PkixCert) << der;
    return toDeterministicCbor(parts);
}

QList<QByteArray> CoapKeys::fromMultipart(const QByteArray &body, const QString &path)
{
    CborLimits limits;
    limits.bytes = longestChain;
    const CborDecoded decoded = decodeCbor(body, limits);
    const QCborArray parts = decoded.value.toArray();
    if (!decoded.ok() || decoded.used != body.size() || !decoded.value.isArray() || parts.size() % 2)
        throw Fault("coap.bad-value", {path, u"it is no application/multipart-core"_s});
    if (parts.size() / 2 > mostCertificates)
        throw Fault("coap.bad-value", {path, u"it has %1 parts"_s.arg(parts.size() / 2)});
    QList<QByteArray> out;
    for (qsizetype i = 0; i < parts.size(); i += 2) {
        if (parts[i].toInteger(-1) != coap::PkixCert || !parts[i + 1].isByteArray())
            throw Fault("coap.bad-value", {path, u"a part of it is no certificate"_s});
        out << parts[i + 1].toByteArray();
    }
    return out;
}

void CoapKeys::writeChain(const QList<QByteArray> &chain, const Task &task)
{
    CoapRequest request;
    request.method = coap::Put;
    request.path = m_board.chain;
    if (m_board.chainForm == "multipart"_L1) {
        request.format = coap::Multipart;
        request.payload = toMultipart(chain);
    } else if (m_board.chainForm == "der"_L1) {
        request.format = coap::PkixCert;
        request.payload = chain.value(0);
    } else {
        request.format = coap::Text;
        for (const QByteArray &der : chain)
            request.payload += toPem("CERTIFICATE", der);
    }
    demand(m_client, request, transfer(u"take its certificate"_s, longestChain), task.at(nullptr));
}

QList<QByteArray> CoapKeys::readChain(const Task &task)
{
    CoapRequest request;
    request.path = m_board.chain;
    const QString what = u"give its certificate"_s;
    const CoapReply reply = carry(m_client, request, transfer(what, longestChain), task.at(nullptr));
    if (reply.code == coap::NotFound || (reply.ok() && reply.payload.isEmpty()))
        return {};
    if (!reply.ok())
        throwRefusal(reply, what);
    if (m_board.chainForm == "multipart"_L1) {
        requireFormat(reply, coap::Multipart, m_board.chain);
        return fromMultipart(reply.payload, m_board.chain);
    }
    if (m_board.chainForm == "der"_L1) {
        requireFormat(reply, coap::PkixCert, m_board.chain);
        return {reply.payload};
    }
    requireFormat(reply, coap::Text, m_board.chain);
    return fromPem(reply.payload, "CERTIFICATE");
}

} // namespace slipway
