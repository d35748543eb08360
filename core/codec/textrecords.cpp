#include "core/codec/textrecords.h"

namespace slipway::textrecords {

namespace {

constexpr qsizetype longestRecord = 260;

int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

} // namespace

std::optional<QByteArrayView> Lines::next()
{
    while (m_at < m_text.size()) {
        qsizetype end = m_at;
        while (end < m_text.size() && m_text[end] != '\n' && m_text[end] != '\r')
            ++end;
        const QByteArrayView line = m_text.sliced(m_at, end - m_at).trimmed();
        ++m_number;
        const bool two = end + 1 < m_text.size() && m_text[end] == '\r' && m_text[end + 1] == '\n';
        m_at = end + (two ? 2 : 1);
        if (!line.isEmpty())
            return line;
    }
    return {};
}

bool decode(QByteArrayView digits, Record &out)
{
    if (digits.size() % 2 != 0 || digits.size() / 2 > longestRecord)
        return false;
    out.resize(digits.size() / 2);
    for (qsizetype i = 0; i < out.size(); ++i) {
        const int high = digit(digits[2 * i]);
        const int low = digit(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = quint8(high << 4 | low);
    }
    return true;
}

bool add(QList<AddressedBytes> &pieces, quint64 at, const quint8 *data, qsizetype size, qsizetype limit)
{
    if (size == 0)
        return true;
    const auto *bytes = reinterpret_cast<const char *>(data);
    if (!pieces.isEmpty() && pieces.last().at + quint64(pieces.last().bytes.size()) == at) {
        pieces.last().bytes.append(bytes, size);
        return true;
    }
    if (pieces.size() >= limit)
        return false;
    pieces.append({at, QByteArray(bytes, size)});
    return true;
}

} // namespace slipway::textrecords
