// Any bytes as a MUD file: reading and judging end, and every finding has its words and a line within the file. What
// comes through without errors could be published: its URL has a place, or none by the words of a fault.

#include "core/base/fault.h"
#include "core/mud/mudcheck.h"
#include "core/mud/mudlayout.h"
#include "core/mud/mudsite.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    try {
        const MudFile file = MudFile::parse(bytes);
        const qsizetype lines = bytes.count('\n') + bytes.count('\r') + 1;
        const auto findings = checkMudFile(file, {QStringLiteral("https://mud.example/t1/1.json"), true, {}});
        for (const MudFinding &finding : findings) {
            if (finding.message.isEmpty() || finding.line < 0 || finding.line > lines)
                std::abort();
        }
        if (!hasErrors(findings)) {
            if (!file.mudUrl || !file.mudVersion || !file.isSupported || !file.lastUpdate)
                std::abort();
            (void)sitePath(*file.mudUrl);
        }
        for (const MudAcl &acl : file.acls) {
            for (const MudAce &ace : acl.aces) {
                if (ace.matches.tcp)
                    (void)ace.matches.tcp->sourcePort.text();
            }
        }
        (void)mudPage(QStringLiteral("a.json"), bytes);
    } catch (const Fault &fault) {
        if (fault.sentence().isEmpty())
            std::abort();
    }
    return 0;
}
