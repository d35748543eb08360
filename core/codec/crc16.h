#pragma once
// CRC-16/XMODEM: polynomial 0x1021, start value 0, neither reflected nor inverted. Over data followed by its own CRC
// (big-endian) it is 0. Used by the SMP console framing.

#include <QByteArrayView>

#include <cstdint>

namespace slipway {

// before: the CRC of what came before, to go on with.
std::uint16_t crc16Xmodem(QByteArrayView data, std::uint16_t before = 0);

} // namespace slipway
