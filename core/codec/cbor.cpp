#include "core/codec/cbor.h"

#include "core/base/fault.h"

#include <QCborArray>
#include <QCborStreamReader>
#include <QFloat16>
#include <QVarLengthArray>
#include <QtEndian>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace slipway {

namespace {

constexpr int deepest = 64;

void appendDouble(QByteArray &out, double value)
{
    char raw[9];
    if (std::isnan(value)) {
        out.append("\xf9\x7e\x00", 3);
        return;
    }
    const bool fits = std::isinf(value) || std::abs(value) <= double(std::numeric_limits<float>::max());
    const float single = fits ? static_cast<float>(value) : 0.0f;
    if (!fits || static_cast<double>(single) != value) {
        raw[0] = '\xfb';
        qToBigEndian(std::bit_cast<quint64>(value), raw + 1);
        out.append(raw, 9);
        return;
    }
    const qfloat16 half(single);
    if (static_cast<float>(half) != single) {
        raw[0] = '\xfa';
        qToBigEndian(std::bit_cast<quint32>(single), raw + 1);
        out.append(raw, 5);
        return;
    }
    raw[0] = '\xf9';
    qToBigEndian(std::bit_cast<quint16>(half), raw + 1);
    out.append(raw, 3);
}

void appendValue(QByteArray &out, const QCborValue &value, int depth)
{
    if (depth > deepest)
        throw Fault("internal.defect", {}, QStringLiteral("CBOR nested deeper than %1").arg(deepest));
    if (value.isTag()) { // date-time, URL and the like are tags too
        appendCborHead(out, 6, static_cast<quint64>(value.tag()));
        appendValue(out, value.taggedValue(), depth + 1);
        return;
    }
    switch (value.type()) {
    case QCborValue::Integer: {
        const qint64 n = value.toInteger();
        appendCborHead(out, n < 0 ? 1 : 0, static_cast<quint64>(n < 0 ? -(n + 1) : n));
        return;
    }
    case QCborValue::ByteArray: {
        const QByteArray bytes = value.toByteArray();
        appendCborHead(out, 2, static_cast<quint64>(bytes.size()));
        out.append(bytes);
        return;
    }
    case QCborValue::String:
        appendCborText(out, value.toString().toUtf8());
        return;
    case QCborValue::Array: {
        const QCborArray array = value.toArray();
        appendCborHead(out, 4, static_cast<quint64>(array.size()));
        for (const QCborValue &item : array)
            appendValue(out, item, depth + 1);
        return;
    }
    case QCborValue::Map: {
        const QCborMap map = value.toMap();
        appendCborHead(out, 5, static_cast<quint64>(map.size()));
        // Encoded keys one behind the other: a body has a dozen, and memory of its own for each would cost more than
        // everything else here.
        struct Key {
            qsizetype at, size, index;
        };
        QByteArray keys;
        keys.reserve(16 * map.size());
        QVarLengthArray<Key, 32> entries;
        for (auto it = map.constBegin(); it != map.constEnd(); ++it) {
            const qsizetype at = keys.size();
            appendValue(keys, it.key(), depth + 1);
            entries.append({at, keys.size() - at, entries.size()});
        }
        const auto octets = [&keys](const Key &key) { return QByteArrayView(keys).sliced(key.at, key.size); };
        const auto less = [&octets](const Key &first, const Key &second) {
            const QByteArrayView a = octets(first);
            const QByteArrayView b = octets(second);
            const int order = std::memcmp(a.data(), b.data(), size_t(std::min(a.size(), b.size())));
            return order != 0 ? order < 0 : a.size() < b.size();
        };
        std::sort(entries.begin(), entries.end(), less);
        for (qsizetype i = 0; i < entries.size(); ++i) {
            if (i > 0 && octets(entries[i]) == octets(entries[i - 1]))
                throw Fault("internal.defect", {}, QStringLiteral("CBOR map with a key twice"));
            out.append(octets(entries[i]));
            appendValue(out, (map.constBegin() + entries[i].index).value(), depth + 1);
        }
        return;
    }
    case QCborValue::Double:
        appendDouble(out, value.toDouble());
        return;
    default:
        if (value.isSimpleType()) {
            appendCborHead(out, 7, static_cast<quint64>(value.toSimpleType()));
            return;
        }
        appendCborHead(out, 7, static_cast<quint64>(QCborSimpleType::Undefined));
    }
}

// Walks over the bytes and says whether they are one well-formed item within the limits. No allocation: what is open
// is kept on a stack of fixed size.
class WellFormed
{
public:
    WellFormed(QByteArrayView bytes, const CborLimits &limits) : m_bytes(bytes), m_limits(limits) {}

    QString check()
    {
        const int depthLimit = std::min(m_limits.depth, deepest);
        Open stack[deepest + 1];
        int depth = 0; // number of open items
        int items = 0;
        do {
            if (m_at >= m_bytes.size())
                return at(QStringLiteral("ends early"));
            const auto initial = static_cast<unsigned char>(m_bytes[m_at]);
            Open *open = depth ? &stack[depth - 1] : nullptr;
            if (initial == 0xff) {
                if (!open || open->left >= 0 || open->key)
                    return at(QStringLiteral("unexpected break"));
                ++m_at;
                --depth;
            } else {
                if (++items > m_limits.items)
                    return at(QStringLiteral("more than %1 items").arg(m_limits.items));
                const int major = initial >> 5;
                const int info = initial & 31;
                if (open && open->chunks >= 0 && (major != open->chunks || info == 31))
                    return at(QStringLiteral("wrong piece of a string"));
                if (open && open->left > 0)
                    --open->left;
                else if (open && open->map)
                    open->key = !open->key;
                quint64 argument = 0;
                if (const QString error = head(major, info, argument); !error.isEmpty())
                    return error;
                Open next;
                if (info == 31) {
                    next.left = -1;
                    next.map = major == 5;
                    next.chunks = major == 2 || major == 3 ? major : -1;
                } else if (major == 2 || major == 3) {
                    if (argument > static_cast<quint64>(m_bytes.size() - m_at))
                        return at(QStringLiteral("string longer than the data"));
                    m_at += static_cast<qsizetype>(argument);
                    next.left = 0;
                } else if (major == 4 || major == 5) {
                    if (argument > static_cast<quint64>(m_bytes.size() - m_at))
                        return at(QStringLiteral("more items announced than there are bytes"));
                    next.left = static_cast<qint64>(argument) * (major == 5 ? 2 : 1);
                } else {
                    next.left = major == 6 ? 1 : 0;
                }
                if (next.left != 0) {
                    if (depth >= depthLimit)
                        return at(QStringLiteral("nested deeper than %1").arg(depthLimit));
                    stack[depth++] = next;
                }
            }
            while (depth && stack[depth - 1].left == 0)
                --depth;
        } while (depth);
        return {};
    }
    qsizetype used() const { return m_at; }

private:
    struct Open {
        qint64 left = 0;  // items to come, -1: until a break
        bool map = false; // indefinite map
        bool key = false; // a key came, its value did not
        int chunks = -1;  // indefinite string: major type of its pieces
    };

    QString at(const QString &what) const { return QStringLiteral("%1 at byte %2").arg(what).arg(m_at); }

    QString head(int major, int info, quint64 &argument)
    {
        if (info == 31) {
            if (major < 2 || major > 5)
                return at(QStringLiteral("item without a length"));
            ++m_at;
            return {};
        }
        if (info > 27)
            return at(QStringLiteral("reserved head"));
        if (info < 24) {
            argument = static_cast<quint64>(info);
            ++m_at;
            return {};
        }
        const int n = 1 << (info - 24);
        if (m_bytes.size() - m_at - 1 < n)
            return at(QStringLiteral("ends early"));
        for (int i = 1; i <= n; ++i)
            argument = argument << 8 | static_cast<unsigned char>(m_bytes[m_at + i]);
        if (major == 7 && info == 24 && argument < 32)
            return at(QStringLiteral("simple value in a wrong form"));
        m_at += 1 + n;
        return {};
    }

    QByteArrayView m_bytes;
    const CborLimits &m_limits;
    qsizetype m_at = 0;
};

} // namespace

void appendCborHead(QByteArray &out, int majorType, quint64 argument)
{
    char raw[9];
    const int top = majorType << 5;
    if (argument < 24) {
        out.append(static_cast<char>(top | static_cast<int>(argument)));
    } else if (argument <= 0xff) {
        raw[0] = static_cast<char>(top | 24);
        raw[1] = static_cast<char>(argument);
        out.append(raw, 2);
    } else if (argument <= 0xffff) {
        raw[0] = static_cast<char>(top | 25);
        qToBigEndian(static_cast<quint16>(argument), raw + 1);
        out.append(raw, 3);
    } else if (argument <= 0xffffffff) {
        raw[0] = static_cast<char>(top | 26);
        qToBigEndian(static_cast<quint32>(argument), raw + 1);
        out.append(raw, 5);
    } else {
        raw[0] = static_cast<char>(top | 27);
        qToBigEndian(argument, raw + 1);
        out.append(raw, 9);
    }
}

void appendCborText(QByteArray &out, QByteArrayView utf8)
{
    appendCborHead(out, 3, static_cast<quint64>(utf8.size()));
    out.append(utf8);
}

bool CborItems::next(Item &item)
{
    if (m_at >= m_bytes.size())
        return false;
    const auto initial = static_cast<unsigned char>(m_bytes[m_at]);
    item.major = initial >> 5;
    item.info = initial & 31;
    item.content = {};
    if (item.info > 27)
        return false;
    const int more = item.info < 24 ? 0 : 1 << (item.info - 24);
    if (m_bytes.size() - m_at - 1 < more)
        return false;
    item.argument = item.info < 24 ? static_cast<quint64>(item.info) : 0;
    for (int i = 1; i <= more; ++i)
        item.argument = item.argument << 8 | static_cast<unsigned char>(m_bytes[m_at + i]);
    m_at += 1 + more;
    if (item.major == 2 || item.major == 3) {
        if (item.argument > static_cast<quint64>(m_bytes.size() - m_at))
            return false;
        item.content = m_bytes.sliced(m_at, static_cast<qsizetype>(item.argument));
        m_at += static_cast<qsizetype>(item.argument);
    }
    return true;
}

bool CborItems::skip(const Item &item)
{
    const auto inside = [this](const Item &one) -> quint64 {
        const auto most = static_cast<quint64>(m_bytes.size()); // more items than bytes cannot be
        return one.major == 4   ? std::min(one.argument, most)
               : one.major == 5 ? 2 * std::min(one.argument, most)
               : one.major == 6 ? 1
                                : 0;
    };
    Item one;
    for (quint64 left = inside(item); left > 0; --left) {
        if (!next(one))
            return false;
        left += inside(one);
    }
    return true;
}

double CborItems::number(const Item &item)
{
    switch (item.info) {
    case 25:
        return static_cast<double>(static_cast<float>(std::bit_cast<qfloat16>(static_cast<quint16>(item.argument))));
    case 26:
        return static_cast<double>(std::bit_cast<float>(static_cast<quint32>(item.argument)));
    default:
        return std::bit_cast<double>(item.argument);
    }
}

CborForm::CborForm(const QCborMap &same, const QStringList &keys)
{
    struct Pair {
        QByteArray key, rest;
        int value;
    };
    std::vector<Pair> pairs;
    for (auto it = same.constBegin(); it != same.constEnd(); ++it)
        pairs.push_back({toDeterministicCbor(it.key()), toDeterministicCbor(it.value()), -1});
    for (int i = 0; i < int(keys.size()); ++i)
        pairs.push_back({toDeterministicCbor(keys[i]), {}, i});
    std::sort(pairs.begin(), pairs.end(), [](const Pair &a, const Pair &b) { return a.key < b.key; });
    QByteArray before;
    appendCborHead(before, 5, pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) {
        if (i > 0 && pairs[i].key == pairs[i - 1].key)
            throw Fault("internal.defect", {}, QStringLiteral("CBOR map with a key twice"));
        before += pairs[i].key;
        before += pairs[i].rest;
        if (pairs[i].value >= 0)
            m_parts.push_back({std::exchange(before, {}), pairs[i].value});
    }
    m_parts.push_back({before, -1});
}

QByteArray CborForm::filled(std::initializer_list<Value> values) const
{
    qsizetype size = 0;
    for (const Part &part : m_parts)
        size += part.before.size();
    for (const Value &value : values)
        size += 9 + value.content.size();
    QByteArray out;
    out.reserve(size);
    for (const Part &part : m_parts) {
        out += part.before;
        if (part.value < 0)
            continue;
        if (size_t(part.value) >= values.size())
            throw Fault("internal.defect", {}, QStringLiteral("CBOR form with too few values"));
        const Value &value = values.begin()[part.value];
        appendCborHead(out, value.type, static_cast<quint64>(value.content.size()));
        out.append(value.content);
    }
    return out;
}

QByteArray toDeterministicCbor(const QCborValue &value)
{
    QByteArray out;
    appendValue(out, value, 0);
    return out;
}

CborDecoded decodeCbor(QByteArrayView bytes, const CborLimits &limits)
{
    CborDecoded result;
    if (bytes.size() > limits.bytes)
        bytes = bytes.first(limits.bytes + 1); // one more, so that a longer item is seen to be cut
    WellFormed scan(bytes, limits);
    result.error = scan.check();
    if (result.error.isEmpty() && scan.used() > limits.bytes)
        result.error = QStringLiteral("longer than %1 bytes").arg(limits.bytes);
    if (!result.error.isEmpty()) {
        result.value = QCborValue(QCborValue::Invalid);
        return result;
    }
    QCborParserError error;
    result.value = QCborValue::fromCbor(QByteArray::fromRawData(bytes.data(), scan.used()), &error);
    if (error.error != QCborError::NoError) {
        result.error = QStringLiteral("%1 at byte %2").arg(error.errorString()).arg(error.offset);
        result.value = QCborValue(QCborValue::Invalid);
        return result;
    }
    result.used = scan.used();
    return result;
}

QCborMap cborMap(QByteArrayView bytes, const QString &what, const CborLimits &limits)
{
    const CborDecoded decoded = decodeCbor(bytes, limits);
    QString error = decoded.error;
    if (decoded.ok() && decoded.used != bytes.size())
        error = QStringLiteral("%1 bytes too many").arg(bytes.size() - decoded.used);
    else if (decoded.ok() && !decoded.value.isMap())
        error = QStringLiteral("not a map");
    if (!error.isEmpty())
        throw Fault("codec.cbor", {what, error});
    return decoded.value.toMap();
}

} // namespace slipway
