#pragma once
// A device that speaks CoAP, with the capabilities that its board's data gives it. Of a board that nobody has
// described, resources can be read and written as blobs by their paths ("/sensors/temp"), and no more. Throws as
// CoapTransfer and the parts.

#include "core/device/device.h"
#include "drivers/coap/coapclient.h"
#include "drivers/coap/coapfirmware.h"
#include "drivers/coap/coapkeys.h"
#include "drivers/coap/coapquirks.h"
#include "drivers/coap/linkformat.h"

#include <memory>
#include <optional>

namespace slipway {

struct CoapTransfer;

class CoapDevice final : public Device, private Blobs, private Reset, private Clock
{
public:
    CoapDevice(std::unique_ptr<CoapClient> client, CoapBoardQuirks board, LinkFormat links);

    DeviceFacts facts(const Task &task) override;
    Firmware *firmware() override { return m_firmware ? &*m_firmware : nullptr; }
    Blobs *blobs() override { return this; }
    Keys *keys() override { return m_keys ? &*m_keys : nullptr; }
    Reset *resetter() override { return m_board.reset.isEmpty() ? nullptr : this; }
    Clock *clock() override { return m_board.clock.isEmpty() ? nullptr : this; }

    CoapClient &client() { return *m_client; }
    const CoapBoardQuirks &board() const { return m_board; }

private:
    QByteArray read(Kind kind, const QString &name, const Task &task) override;
    void write(Kind kind, const QString &name, const QByteArray &content, const Task &task) override;
    void remove(Kind kind, const QString &name, const Task &task) override;
    std::optional<QByteArray> sha256(const QString &file, const Task &task) override;
    void commitSettings(const Task &task) override;
    void reset(const Task &task) override;
    void setTime(const QDateTime &utc, const Task &task) override;
    QDateTime time(const Task &task) override;

    CoapRule rule(Kind kind, const QString &name) const;
    std::optional<QString> text(const QString &path, const Task &task);

    std::unique_ptr<CoapClient> m_client;
    CoapBoardQuirks m_board;
    LinkFormat m_links;
    std::optional<CoapFirmware> m_firmware;
    std::optional<CoapKeys> m_keys;
};

} // namespace slipway
