// libFuzzer: bytes of a console into everything of the Linux driver that reads them, RAUC's status, KEY=VALUE files and
// the file of boards. What is encoded for the device's printf stays printable.

#include "core/base/fault.h"
#include "drivers/linux/linuxboards.h"
#include "drivers/linux/linuxsettings.h"
#include "drivers/linux/raucstatus.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const console::Patterns patterns = [] {
        const QByteArray json =
            R"({"slipway-quirks":1,"driver":"linux","boards":{"x":{"description":"x","source":"x","date":"x"}}})";
        return LinuxBoards::parse(json, QStringLiteral("fuzz")).boards().first().patterns;
    }();
    const QByteArray bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    const QByteArray clean = console::withoutKernelLines(bytes);
    if (clean.size() > bytes.size())
        std::abort();
    for (const char kind : {'E', 'B', 'G', 'I', '?'}) {
        const auto mark = console::findMark(bytes, kind, "a");
        if (mark && (mark->end > bytes.size() || mark->at >= mark->end))
            std::abort();
    }
    (void)console::classify(bytes, patterns);
    (void)console::plainText(bytes);
    for (const char c : console::forPrintf(bytes)) {
        if (c < ' ' || c > '~')
            std::abort();
    }
    (void)RaucStatus::parse(bytes);
    const qsizetype half = bytes.indexOf('=') + 1;
    SettingLines lines(bytes);
    const QByteArray name = "name";
    lines.set(name, bytes.left(half).toHex());
    if (lines.value(name) != bytes.left(half).toHex())
        std::abort();
    try {
        (void)LinuxBoards::parse(bytes, QStringLiteral("fuzz"));
    } catch (const Fault &) {
    }
    return 0;
}
