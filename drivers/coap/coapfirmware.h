#pragma once
// Firmware of a board as its data says: the image to one resource by block-wise PUT, a SUIT envelope (CBOR tag 107) to
// another; the device's own verdict from a status resource, observed where it can be; a list of images in CBOR or JSON;
// POST to activate and to confirm, DELETE to erase. What an image or an envelope is worth is judged elsewhere.
// Throws as CoapTransfer, and coap.empty-image, coap.update-failed, coap.bad-value, device.lacks.

#include "core/device/capabilities.h"
#include "drivers/coap/coapclient.h"
#include "drivers/coap/coapquirks.h"

namespace slipway {

class CoapFirmware final : public Firmware
{
public:
    CoapFirmware(CoapClient &client, const CoapBoardQuirks &board) : m_client(client), m_board(board) {}
    QList<ImageSlot> imageSlots(const Task &task) override;
    std::optional<qint64> capacity(int image, const Task &task) override;
    bool takesEnvelopes() const override { return !m_board.envelope.isEmpty(); }
    WriteResult write(const QByteArray &image, const WriteOptions &options, const Task &task) override;
    void activate(const QByteArray &hash, bool permanent, const Task &task) override;
    void confirm(const Task &task) override;
    void erase(int image, int slot, const Task &task) override;

    // Of what a device gave. Never more than 64 images.
    static QList<ImageSlot> parseImages(const QByteArray &body, const CoapImageNames &form);

private:
    void awaitVerdict(const Task &task);
    CoapClient &m_client;
    const CoapBoardQuirks &m_board;
};

} // namespace slipway
