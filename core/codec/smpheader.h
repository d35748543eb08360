#pragma once
// The eight bytes before every SMP message (MCUmgr Simple Management Protocol, Zephyr "SMP Protocol Specification",
// Frame): operation and version, flags, length of the CBOR behind it, group, sequence number, command.

#include <QByteArray>
#include <QByteArrayView>

#include <cstdint>
#include <optional>

namespace slipway {

struct SmpHeader {
    static constexpr qsizetype size = 8;
    enum Op : std::uint8_t { Read = 0, ReadResponse = 1, Write = 2, WriteResponse = 3 };

    Op op = Read;
    std::uint8_t version = 1; // as on the wire: 0 is SMP version 1 ("rc"), 1 is version 2 ("err")
    std::uint8_t flags = 0;
    std::uint16_t length = 0; // bytes behind the header
    std::uint16_t group = 0;
    std::uint8_t sequence = 0;
    std::uint8_t command = 0;

    // Writes the eight bytes.
    void encode(char *out) const;
    QByteArray encoded() const;
    // Nothing when there are fewer than eight bytes, or one of the reserved operations or bits is set.
    static std::optional<SmpHeader> decode(QByteArrayView bytes);

    bool isResponse() const { return op == ReadResponse || op == WriteResponse; }
    // The operation that answers this one.
    static Op responseTo(Op op) { return static_cast<Op>(op | 1); }
    bool operator==(const SmpHeader &) const = default;
};

} // namespace slipway
