#pragma once
// Bytes that belong at an address, as firmware containers (DfuSe, UF2, hex files) hold them.

#include <QByteArray>

namespace slipway {

struct AddressedBytes {
    quint64 at = 0;
    QByteArray bytes;
    quint64 end() const { return at + quint64(bytes.size()); }
    bool operator==(const AddressedBytes &) const = default;
};

} // namespace slipway
