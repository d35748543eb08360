// libFuzzer: bytes of a wire into the console and the raw deframer, in pieces as the input says, and every packet that
// comes out into the decoder of replies. Memory stays bounded and what is framed again comes back.

#include "core/codec/consoleframing.h"
#include "core/codec/rawframing.h"
#include "drivers/smp/smpmessage.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

namespace {

void drain(PacketDeframer &deframer, bool frameAgain)
{
    QByteArray packet;
    while (deframer.next(packet)) {
        const auto reply = SmpReply::parse(packet);
        if (reply && reply->error)
            (void)reply->error->text();
        if (!frameAgain)
            continue;
        ConsoleDeframer again;
        again.feed(ConsoleFramer::frame(packet));
        QByteArray back;
        if (!again.next(back) || back != packet)
            std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const qsizetype step = 1 + data[0] % 64;
    const QByteArrayView bytes(data + 1, qsizetype(size - 1));
    ConsoleDeframer console;
    RawDeframer host(RawDeframer::Side::Host), device(RawDeframer::Side::Device, 512);
    for (qsizetype at = 0; at < bytes.size(); at += step) {
        const QByteArrayView piece = bytes.sliced(at, std::min(step, bytes.size() - at));
        console.feed(piece);
        drain(console, true);
        host.feed(piece);
        drain(host, false);
        device.feed(piece);
        drain(device, false);
    }
    (void)SmpReply::parse(bytes);
    return 0;
}
