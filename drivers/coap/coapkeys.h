#pragma once
// Keys of a board as its data says: POST makes a key, POST with the serial number gives the PKCS#10 request (content
// format 286 of RFC 9148), POST with a challenge gives the signature; the chain is one resource; PUT of
// application/pkcs8 (284) brings a key made elsewhere, over DTLS or a wire that no router is part of. Throws as
// CoapTransfer, and device.locked, device.refused, coap.bad-value.

#include "core/device/capabilities.h"
#include "drivers/coap/coapclient.h"
#include "drivers/coap/coapquirks.h"

namespace slipway {

class CoapKeys final : public Keys
{
public:
    CoapKeys(CoapClient &client, const CoapBoardQuirks &board) : m_client(client), m_board(board) {}
    void generate(const Task &task) override;
    QByteArray request(const QString &serial, const Task &task) override;
    QByteArray sign(const QByteArray &challenge, const Task &task) override;
    void writeChain(const QList<QByteArray> &chain, const Task &task) override;
    QList<QByteArray> readChain(const Task &task) override;
    void load(const SecretBytes &pkcs8, const Task &task) override;

    // application/multipart-core (RFC 8710) of certificates (287), end entity first. path: for messages.
    static QByteArray toMultipart(const QList<QByteArray> &chain);
    static QList<QByteArray> fromMultipart(const QByteArray &body, const QString &path);

private:
    CoapClient &m_client;
    const CoapBoardQuirks &m_board;
};

} // namespace slipway
