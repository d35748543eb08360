#include "core/device/hardwareid.h"

namespace slipway {

bool isPlausibleHardwareId(const QString &id)
{
    QString digits;
    for (const QChar c : id) {
        if (c.isLetterOrNumber())
            digits += c.toLower();
    }
    return digits.count(u'0') != digits.size() && digits.count(u'f') != digits.size();
}

} // namespace slipway
