// What comes from a chip: SLIP, answers, security information; and what comes to the virtual one. A packet that was
// taken apart goes together again.

#include "core/codec/slip.h"
#include "drivers/esp/espmessage.h"
#include "drivers/virtual/esprom.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const qsizetype step = 1 + data[0] % 64;
    const QByteArrayView bytes(data + 2, qsizetype(size - 2));
    EspRomOptions options;
    options.chip = EspRom::chips().at(data[1] % EspRom::chips().size());
    options.flashBytes = 65536;
    EspRom rom(options);
    slip::Deframer deframer(4096);
    QByteArray packet;
    for (qsizetype at = 0; at < bytes.size(); at += step) {
        deframer.feed(bytes.sliced(at, std::min(step, bytes.size() - at)));
        while (deframer.next(packet)) {
            if (packet.size() > 4096)
                std::abort();
            slip::Deframer again;
            again.feed(slip::frame(packet));
            QByteArray back;
            if (!again.next(back) || back != packet)
                std::abort();
            if (const auto request = EspRequest::parse(packet); request && request->packet() != packet)
                std::abort();
            if (const auto reply = EspReply::parse(packet))
                (void)EspSecurityInfo::parse(reply->data);
            for (const QByteArray &answer : rom.handle(packet).packets) {
                if (!EspReply::parse(answer))
                    std::abort();
            }
        }
    }
    (void)EspReply::parse(bytes);
    (void)EspSecurityInfo::parse(bytes);
    return 0;
}
