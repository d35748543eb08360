#include "core/codec/smpheader.h"

#include <QtEndian>

namespace slipway {

void SmpHeader::encode(char *out) const
{
    out[0] = static_cast<char>((version & 3) << 3 | (op & 7));
    out[1] = static_cast<char>(flags);
    qToBigEndian(length, out + 2);
    qToBigEndian(group, out + 4);
    out[6] = static_cast<char>(sequence);
    out[7] = static_cast<char>(command);
}

QByteArray SmpHeader::encoded() const
{
    QByteArray out(size, Qt::Uninitialized);
    encode(out.data());
    return out;
}

std::optional<SmpHeader> SmpHeader::decode(QByteArrayView bytes)
{
    if (bytes.size() < size)
        return std::nullopt;
    const auto first = static_cast<std::uint8_t>(bytes[0]);
    if ((first & 0xe0) || (first & 7) > WriteResponse)
        return std::nullopt;
    SmpHeader header;
    header.op = static_cast<Op>(first & 7);
    header.version = first >> 3 & 3;
    header.flags = static_cast<std::uint8_t>(bytes[1]);
    header.length = qFromBigEndian<quint16>(bytes.data() + 2);
    header.group = qFromBigEndian<quint16>(bytes.data() + 4);
    header.sequence = static_cast<std::uint8_t>(bytes[6]);
    header.command = static_cast<std::uint8_t>(bytes[7]);
    return header;
}

} // namespace slipway
