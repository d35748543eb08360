// libFuzzer: bytes from a device into everything the CoAP driver reads itself (link format, values in CBOR and SenML,
// image lists, certificate chains, files of pre-shared keys), and bytes from a station into the virtual device's reader
// of messages, whose output must read back the same.

#include "core/base/fault.h"
#include "drivers/coap/coapaddress.h"
#include "drivers/coap/coapfirmware.h"
#include "drivers/coap/coapkeys.h"
#include "drivers/coap/coapquirks.h"
#include "drivers/coap/coapsecurity.h"
#include "drivers/coap/linkformat.h"
#include "drivers/virtual/coapwire.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

namespace {

template <typename Function> void attempt(Function function)
{
    try {
        function();
    } catch (const Fault &) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const QByteArray bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    const LinkFormat links = LinkFormat::parse(bytes);
    if (links.links.size() > LinkFormat::mostLinks)
        std::abort();
    for (const CoreLink &link : links.links)
        (void)link.size();

    const QString name = QStringLiteral("n");
    for (int format = 0; format <= int(ResourceValue::Format::SenmlCbor); ++format)
        attempt([&] { ResourceValue{ResourceValue::Format(format), {}, name}.decode(bytes, name); });
    CoapImageNames images;
    attempt([&] { CoapFirmware::parseImages(bytes, images); });
    images.json = true;
    attempt([&] { CoapFirmware::parseImages(bytes, images); });
    attempt([&] {
        const auto chain = CoapKeys::fromMultipart(bytes, name);
        if (CoapKeys::fromMultipart(CoapKeys::toMultipart(chain), name) != chain)
            std::abort();
    });
    attempt([&] {
        QByteArray identity, key;
        CoapSecurity::parsePsk(bytes, name, identity, key);
    });
    attempt([&] { CoapAddress::parse(QString::fromUtf8(bytes)); });
    attempt([&] { CoapQuirks::parse(bytes, name); });

    QString why;
    const auto message = CoapWire::parse(bytes, why);
    if (message && why.isEmpty()) {
        const QByteArray again = message->encode();
        const auto back = CoapWire::parse(again, why);
        if (!back || !why.isEmpty() || back->encode() != again || back->path() != message->path())
            std::abort();
    }
    return 0;
}
