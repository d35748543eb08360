// libFuzzer: the bounded CBOR decoder. What it accepts is encoded deterministically, decoded and encoded again: the
// same bytes both times.

#include "core/base/fault.h"
#include "core/codec/cbor.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CborItems items(QByteArrayView(data, qsizetype(size)));
    CborItems::Item item;
    while (items.next(item) && items.skip(item)) {
    }
    const auto decoded = decodeCbor(QByteArrayView(data, qsizetype(size)));
    if (!decoded.ok())
        return 0;
    if (decoded.used <= 0 || decoded.used > qsizetype(size))
        std::abort();
    QByteArray once;
    try {
        once = toDeterministicCbor(decoded.value);
    } catch (const Fault &) {
        return 0; // a key twice in a map
    }
    // Qt reads a date-time, a URL or a UUID out of a tag where the content fits; that changes the form once.
    const auto again = decodeCbor(once, {.bytes = 1 << 20, .depth = 20, .items = 1 << 16});
    if (!again.ok())
        std::abort();
    const QByteArray twice = toDeterministicCbor(again.value);
    const auto third = decodeCbor(twice, {.bytes = 1 << 20, .depth = 20, .items = 1 << 16});
    if (!third.ok() || toDeterministicCbor(third.value) != twice)
        std::abort();
    return 0;
}
