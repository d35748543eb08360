#include "drivers/probe/tclword.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <algorithm>

namespace slipway {

bool isTclWord(const QString &text)
{
    constexpr qsizetype longest = 128;
    return !text.isEmpty() && text.size() <= longest && !text.contains(QLatin1String("..")) &&
           std::all_of(text.begin(), text.end(), [](QChar c) {
               return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') || (c >= u'0' && c <= u'9') ||
                      QStringView(u"._-/:+=@").contains(c);
           });
}

QByteArray tclWord(const QString &text)
{
    if (!isTclWord(text))
        throw Fault("internal.defect", {}, QStringLiteral("no word for Tcl: ") + oneLine(text, 60));
    return '{' + text.toLatin1() + '}';
}

QByteArray tclNumber(quint64 number)
{
    return "0x" + QByteArray::number(number, 16);
}

} // namespace slipway
