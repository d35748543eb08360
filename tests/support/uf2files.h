#pragma once
// Writes UF2 blocks for tests (microsoft/uf2, README).

#include <QByteArray>
#include <QtEndian>

#include <optional>

namespace slipway::test {

struct Uf2Block {
    quint32 at = 0;
    QByteArray payload;
    quint32 number = 0, count = 1;
    std::optional<quint32> family;
    quint32 flags = 0;
    std::optional<quint32> statedSize; // instead of the payload's

    QByteArray encoded() const
    {
        QByteArray block(512, '\0');
        const auto put = [&](qsizetype at, quint32 value) { qToLittleEndian(value, block.data() + at); };
        put(0, 0x0a324655);
        put(4, 0x9e5d5157);
        put(8, flags | (family ? 0x2000u : 0u));
        put(12, at);
        put(16, statedSize.value_or(quint32(payload.size())));
        put(20, number);
        put(24, count);
        put(28, family.value_or(0));
        block.replace(32, payload.size(), payload);
        put(508, 0x0ab16f30);
        return block;
    }
};

// 256 bytes a block, the last one filled up with zeros, as uf2conv does.
inline QByteArray uf2File(const QByteArray &content, quint32 at, std::optional<quint32> family)
{
    QByteArray file;
    const auto count = quint32((content.size() + 255) / 256);
    for (quint32 i = 0; i < count; ++i)
        file += Uf2Block{at + i * 256, content.mid(i * 256, 256).leftJustified(256, '\0'), i, count, family, 0, {}}
                    .encoded();
    return file;
}

} // namespace slipway::test
