#include "drivers/virtual/faultwords.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <limits>

namespace slipway {

using namespace Qt::StringLiterals;

FaultWords parseFaultWords(const QString &text, const QStringList &names, const QStringList &keys)
{
    FaultWords out;
    out.name = text.section(u':', 0, 0).trimmed();
    if (!names.contains(out.name))
        throw Fault("virtual.fault", {out.name, didYouMean(out.name, names), names.join(u", "_s)});
    for (const QString &option : text.section(u':', 1).split(u',', Qt::SkipEmptyParts)) {
        const QString key = option.section(u'=', 0, 0).trimmed(), value = option.section(u'=', 1).trimmed();
        bool ok = false;
        if (!keys.contains(key)) {
        } else if (key == "delay"_L1) {
            const auto span = parseDurationMs(value);
            ok = span && *span >= 0;
            out.delay = std::chrono::milliseconds(span.value_or(0));
        } else if (key == "value"_L1) {
            out.value = value.startsWith("0x"_L1) ? double(value.toUInt(&ok, 16)) : value.toDouble(&ok);
        } else {
            const qint64 number = value.toLongLong(&ok, 0);
            ok = ok && number >= (key == "after"_L1 ? 0 : 1) && number <= std::numeric_limits<qint32>::max();
            (key == "after"_L1 ? out.after : key == "every"_L1 ? out.every : out.times) = number;
        }
        if (!ok)
            throw Fault("virtual.fault-option", {option, out.name});
    }
    return out;
}

} // namespace slipway
