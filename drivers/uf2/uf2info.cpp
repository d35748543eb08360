#include "drivers/uf2/uf2info.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr int mostLines = 64, mostOthers = 16, longestWord = 120;
}

Uf2Info Uf2Info::parse(const QByteArray &text, const QString &where)
{
    if (text.size() > longest)
        throw Fault("uf2.info", {where, u"it is longer than %1 bytes"_s.arg(longest)});
    if (text.contains('\0'))
        throw Fault("uf2.info", {where, u"it is no text"_s});
    Uf2Info info;
    const QList<QByteArray> lines = text.split('\n');
    if (lines.size() > mostLines)
        throw Fault("uf2.info", {where, u"it has more than %1 lines"_s.arg(mostLines)});
    for (const QByteArray &raw : lines) {
        const QString line = oneLine(QString::fromUtf8(raw).trimmed(), 2 * longestWord);
        if (line.isEmpty())
            continue;
        const QString key = line.section(u':', 0, 0).trimmed();
        const QString value = oneLine(line.section(u':', 1).trimmed(), longestWord);
        if (info.loader.isEmpty() && info.boardId.isEmpty() && info.model.isEmpty() && !line.contains(u": "_s)) {
            info.loader = oneLine(line, longestWord);
        } else if (key.compare("Model"_L1, Qt::CaseInsensitive) == 0) {
            info.model = value;
        } else if (key.compare("Board-ID"_L1, Qt::CaseInsensitive) == 0) {
            if (!info.boardId.isEmpty() && info.boardId != value)
                throw Fault("uf2.info", {where, u"it has two Board-IDs"_s});
            info.boardId = value;
        } else if (!value.isEmpty() && info.more.size() < mostOthers) {
            info.more.insert(key, value);
        }
    }
    if (info.boardId.isEmpty())
        throw Fault("uf2.info", {where, u"it has no Board-ID"_s});
    return info;
}

} // namespace slipway
