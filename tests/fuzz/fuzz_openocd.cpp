// libFuzzer: what OpenOCD says. The input is an answer of its Tcl server, a table of flash, numbers or a log, and, with
// another first byte, a file of boards. Nothing but a Fault comes out of it, and what is taken for an answer is one.

#include "core/base/fault.h"
#include "drivers/probe/openocdanswer.h"
#include "drivers/probe/probequirks.h"
#include "drivers/probe/tclword.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const QByteArray bytes(reinterpret_cast<const char *>(data + 1), qsizetype(size - 1));
    switch (data[0] % 6) {
    case 0:
        if (const auto answer = openocd::parseAnswer(bytes, 7); answer && answer->text.size() > bytes.size())
            std::abort();
        break;
    case 1:
        if (const auto banks = openocd::parseBanks(bytes)) {
            for (const openocd::Bank &bank : *banks) {
                if (bank.at > 0xffffffff || bank.size > 0x100000000)
                    std::abort();
            }
        }
        break;
    case 2:
        if (const auto sectors = openocd::parseSectors(bytes)) {
            quint64 end = 0;
            for (const openocd::Sector &sector : *sectors) {
                if (sector.offset != end || sector.size == 0)
                    std::abort();
                end += sector.size;
            }
        }
        break;
    case 3:
        openocd::parseWords(bytes, 3);
        if (const QString text = QString::fromUtf8(bytes); isTclWord(text)) {
            for (const char c : tclWord(text).chopped(1).mid(1)) {
                if (QByteArrayView("[]{}$\"\\; \n\x1a").contains(c))
                    std::abort();
            }
        }
        break;
    case 4:
        openocd::troubleIn(bytes);
        openocd::errorsOf(bytes);
        openocd::voltageIn(bytes);
        break;
    default:
        try {
            ProbeQuirks::parse(bytes, QStringLiteral("fuzz"));
        } catch (const Fault &) {
        }
    }
    return 0;
}
