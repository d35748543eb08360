#include "core/codec/base64.h"

#include <array>
#include <cstdint>

namespace slipway {

namespace {

constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t padding = 64, foreign = 255;

constexpr auto values = [] {
    std::array<std::uint8_t, 256> t{};
    t.fill(foreign);
    for (std::uint8_t i = 0; i < 64; ++i)
        t[static_cast<unsigned char>(alphabet[i])] = i;
    t[static_cast<unsigned char>('=')] = padding;
    return t;
}();

} // namespace

char *encodeBase64(QByteArrayView data, char *out)
{
    const auto *p = reinterpret_cast<const unsigned char *>(data.data());
    qsizetype n = data.size();
    for (; n >= 3; n -= 3, p += 3) {
        const unsigned v = unsigned(p[0]) << 16 | unsigned(p[1]) << 8 | p[2];
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = alphabet[v >> 6 & 63];
        *out++ = alphabet[v & 63];
    }
    if (n) {
        const unsigned v = unsigned(p[0]) << 16 | (n == 2 ? unsigned(p[1]) << 8 : 0u);
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = n == 2 ? alphabet[v >> 6 & 63] : '=';
        *out++ = '=';
    }
    return out;
}

bool decodeBase64(QByteArrayView text, QByteArray &out)
{
    if (text.size() % 4 != 0)
        return false;
    const qsizetype before = out.size();
    out.resize(before + text.size() / 4 * 3);
    char *to = out.data() + before;
    for (qsizetype i = 0; i < text.size(); i += 4) {
        std::uint8_t v[4];
        for (int k = 0; k < 4; ++k)
            v[k] = values[static_cast<unsigned char>(text[i + k])];
        const bool last = i + 4 == text.size();
        const bool one = v[3] == padding, two = one && v[2] == padding;
        if (v[0] >= padding || v[1] >= padding || (v[2] >= padding && !two) || v[3] == foreign || (one && !last)) {
            out.resize(before);
            return false;
        }
        const unsigned word = unsigned(v[0]) << 18 | unsigned(v[1]) << 12 | (two ? 0u : unsigned(v[2]) << 6) |
                              (one ? 0u : unsigned(v[3]));
        *to++ = static_cast<char>(word >> 16);
        if (!two)
            *to++ = static_cast<char>(word >> 8);
        if (!one)
            *to++ = static_cast<char>(word);
    }
    out.resize(to - out.constData());
    return true;
}

qsizetype base64Run(QByteArrayView text)
{
    qsizetype n = 0;
    while (n < text.size() && values[static_cast<unsigned char>(text[n])] != foreign)
        ++n;
    return n;
}

} // namespace slipway
