// libFuzzer: packet captures and everything that is read out of their packets, then held against a MUD file; and the
// parsers of what packets carry, alone.

#include "core/base/fault.h"
#include "core/codec/capturefile.h"
#include "core/codec/dnsmessage.h"
#include "core/codec/networkhints.h"
#include "core/mud/mudauthor.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

namespace {

void whole(QByteArrayView bytes)
{
    try {
        CaptureFile capture(bytes);
        TrafficRecorder recorder({0x020000000001, {}});
        recorder.takeAll(capture, {});
        const DeviceTraffic traffic = recorder.finish();
        MudProduct product;
        product.mudUrl = QStringLiteral("https://mud.example/t1.json");
        const MudDraft draft = authorFromTraffic(nullptr, product, {}, traffic, {}, false);
        const MudFile file = MudFile::parse(draft.json);
        checkConformance(file, traffic, {});
    } catch (const Fault &) {
    }
}

void parts(QByteArrayView bytes)
{
    if (const auto message = DnsMessage::parse(bytes)) {
        for (const DnsMessage::Answer &answer : message->answers) {
            if (answer.name.size() > 255 || answer.target.size() > 255)
                std::abort();
        }
    }
    (void)dhcp4(bytes);
    (void)dhcp6(bytes);
    (void)routerAdvertisement(bytes);
    if (lldpMudUrl(bytes).size() > 255 || tlsServerName(bytes).size() > 255 || httpHost(bytes).size() > 255)
        std::abort();
    for (const LinkType link : {LinkType::Ethernet, LinkType::LinuxSll, LinkType::LinuxSll2, LinkType::Raw}) {
        DecodedPacket packet;
        if (decodePacket(link, bytes, packet) && packet.payload.size() > bytes.size())
            std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArrayView bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    whole(bytes);
    parts(bytes);
    return 0;
}
