#include "core/journal/entry.h"

namespace slipway {

QString toString(Mode mode)
{
    return mode == Mode::Training ? QStringLiteral("training") : QStringLiteral("production");
}

std::optional<Mode> modeFromString(QStringView text)
{
    if (text == QLatin1String("production"))
        return Mode::Production;
    if (text == QLatin1String("training"))
        return Mode::Training;
    return {};
}

} // namespace slipway
