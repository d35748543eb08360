#include "core/base/verdict.h"

#include <array>

namespace slipway {

namespace {
constexpr std::array<const char *, 5> names{"PASS", "FAIL", "ERROR", "STOPPED", "UNKNOWN"};
}

QString toString(Verdict verdict)
{
    return QString::fromLatin1(names[size_t(verdict)]);
}

std::optional<Verdict> verdictFromString(QStringView text)
{
    for (size_t i = 0; i < names.size(); ++i) {
        if (text == QLatin1String(names[i]))
            return Verdict(i);
    }
    return {};
}

} // namespace slipway
