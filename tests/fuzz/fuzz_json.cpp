// Any bytes as JSON: the reader ends, says where it stopped, and takes no more than Qt's reader does, whose value is
// the same.

#include "core/codec/json.h"

#include <QJsonDocument>

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray text(reinterpret_cast<const char *>(data), qsizetype(size));
    try {
        const JsonDocument document = readJson(text, {.bytes = 1 << 20, .depth = 64, .values = 100'000});
        const QByteArray again = document.root.toJson();
        if (readJson(again).root.toJson() != again)
            std::abort();
        // Qt keeps the last of members with one name, takes no other roots than these two, rounds, and refuses numbers
        // beyond a double, which RFC 8259 section 6 does not.
        if (document.duplicates.empty() && (document.root.isObject() || document.root.isArray())) {
            QJsonParseError why;
            const QJsonDocument judge = QJsonDocument::fromJson(text, &why);
            if (why.error == QJsonParseError::IllegalNumber)
                return 0;
            if (judge.isNull() || judge != QJsonDocument::fromJson(again))
                std::abort();
        }
    } catch (const JsonError &error) {
        if (error.line < 1 || error.column < 1 || error.reason.isEmpty())
            std::abort();
    }
    return 0;
}
