#include "core/codec/crc16.h"

#include <array>

namespace slipway {

namespace {

// table[0] is the usual byte table; table[1] advances a byte by one further byte of zeros, so that two bytes are taken
// at a time.
constexpr auto tables = [] {
    std::array<std::array<std::uint16_t, 256>, 2> t{};
    for (unsigned i = 0; i < 256; ++i) {
        unsigned crc = i << 8;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 0x8000u) ? ((crc << 1) ^ 0x1021u) : (crc << 1);
        t[0][i] = static_cast<std::uint16_t>(crc);
    }
    for (unsigned i = 0; i < 256; ++i) {
        const unsigned once = t[0][i];
        t[1][i] = static_cast<std::uint16_t>(((once << 8) & 0xffffu) ^ t[0][once >> 8]);
    }
    return t;
}();

} // namespace

std::uint16_t crc16Xmodem(QByteArrayView data, std::uint16_t before)
{
    unsigned crc = before;
    const auto *p = reinterpret_cast<const unsigned char *>(data.data());
    qsizetype n = data.size();
    for (; n >= 2; n -= 2, p += 2)
        crc = unsigned(tables[1][(crc >> 8) ^ p[0]]) ^ tables[0][(crc & 0xffu) ^ p[1]];
    if (n)
        crc = ((crc << 8) & 0xffffu) ^ tables[0][(crc >> 8) ^ p[0]];
    return static_cast<std::uint16_t>(crc);
}

} // namespace slipway
