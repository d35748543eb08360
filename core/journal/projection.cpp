#include "core/journal/projection.h"

#include <QHash>

#include <algorithm>
#include <cmath>
#include <limits>

namespace slipway {

namespace {

enum How {
    AsIs,    // text, number, truth, bytes as hex, or NULL
    NotNull, // the same, but "" where there is nothing
    Hex,     // bytes or text as lower-case hex without colons, never NULL
    AsIndex, // an integer, -1 where there is none
};

struct Key {
    QByteArrayView name;
    int how = AsIs;
};

struct Kind {
    Projection projection;
    std::vector<Key> keys; // in the order in which the statement in projector.cpp has them
};

const QHash<QByteArray, Kind> &kinds()
{
    static const QHash<QByteArray, Kind> known = {
        {"run.begun",
         {Projection::RunBegun,
          {{"slot"},
           {"recipe"},
           {"recipe-version"},
           {"recipe-sha256"},
           {"signed"},
           {"driver"},
           {"port"},
           {"attempt"},
           {"operator"}}}},
        {"run.ended",
         {Projection::RunEnded,
          {{"verdict"}, {"sentence"}, {"remedy"}, {"fault"}, {"seconds"}, {"step"}, {"irreversible"}}}},
        {"step.begun", {Projection::StepBegun, {{"index", AsIndex}, {"step"}, {"name"}}}},
        {"step.ended",
         {Projection::StepEnded,
          {{"index", AsIndex},
           {"step"},
           {"name"},
           {"verdict"},
           {"seconds"},
           {"summary"},
           {"sentence"},
           {"remedy"},
           {"fault"}}}},
        {"measurement",
         {Projection::Measurement,
          {{"index", AsIndex},
           {"name"},
           {"value"},
           {"unit"},
           {"low"},
           {"high"},
           {"marginal"},
           {"verdict"},
           {"text"},
           {"expected"}}}},
        {"certificate",
         {Projection::Certificate,
          {{"serial", NotNull},
           {"certificate-serial", Hex},
           {"sha256", Hex},
           {"public-key-sha256", Hex},
           {"issuer"},
           {"not-after"},
           {"profile"},
           {"mud-url"},
           {"masa-url"},
           {"method"},
           {"transfer"}}}},
        {"revocation", {Projection::Revocation, {{"certificate-serial", Hex}, {"reason"}}}},
        {"release", {Projection::Release, {{"certificate-serial", Hex}}}},
        {"certificate.elsewhere",
         {Projection::Certificate,
          {{"serial", NotNull},
           {"certificate-serial", Hex},
           {"sha256", Hex},
           {"public-key-sha256", Hex},
           {"issuer"},
           {"not-after"},
           {"profile"},
           {"mud-url"},
           {"masa-url"},
           {"method"},
           {"transfer"}}}},
        {"number", {Projection::Number, {{"pool", NotNull}, {"value", NotNull}}}},
        {"artifact",
         {Projection::Artifact,
          {{"sha256", Hex}, {"name"}, {"size"}, {"product"}, {"version"}, {"signer"}, {"admitted-by"}, {"use"}}}},
        {"intent", {Projection::Intent, {{"intent", NotNull}, {"act", NotNull}, {"index", AsIndex}}}},
        {"outcome", {Projection::Outcome, {{"intent", NotNull}, {"state", NotNull}, {"sentence"}}}},
        {"label", {Projection::Label, {{"template"}, {"sha256", Hex}, {"scanned-back"}}}},
    };
    return known;
}

} // namespace

ProjectedBody::ProjectedBody(QByteArrayView kind, QByteArrayView body)
{
    const auto found = kinds().constFind(QByteArray::fromRawData(kind.data(), kind.size()));
    if (found == kinds().constEnd())
        return;
    m_projection = found->projection;
    const std::vector<Key> &keys = found->keys;
    m_cells.resize(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
        if (keys[i].how == AsIndex) {
            m_cells[i].type = Cell::Type::Integer;
            m_cells[i].integer = -1;
        } else if (keys[i].how != AsIs) {
            m_cells[i].type = Cell::Type::Text;
        }
    }
    CborItems items(body);
    CborItems::Item map, key, value;
    if (!items.next(map) || map.major != 5)
        return;
    m_texts.reserve(std::min<qsizetype>(body.size(), 1024));
    for (quint64 left = map.argument; left > 0 && items.next(key) && items.skip(key) && items.next(value); --left) {
        if (key.major == 3) {
            const auto wanted =
                std::find_if(keys.begin(), keys.end(), [&](const Key &k) { return k.name == key.content; });
            if (wanted != keys.end())
                set(size_t(wanted - keys.begin()), value, wanted->how);
            else if (value.major == 3 && key.content == "mode")
                m_mode = value.content.toByteArray();
        }
        if (!items.skip(value))
            return;
    }
}

void ProjectedBody::setText(size_t index, QByteArrayView utf8)
{
    Cell &cell = m_cells[index];
    cell.type = Cell::Type::Text;
    cell.offset = int(m_texts.size());
    cell.integer = utf8.size();
    m_texts.append(utf8);
}

void ProjectedBody::setHex(size_t index, QByteArrayView bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    Cell &cell = m_cells[index];
    cell.type = Cell::Type::Text;
    cell.offset = int(m_texts.size());
    cell.integer = 2 * bytes.size();
    m_texts.resize(m_texts.size() + 2 * bytes.size());
    char *to = m_texts.data() + cell.offset;
    for (const char c : bytes) {
        *to++ = digits[static_cast<unsigned char>(c) >> 4];
        *to++ = digits[static_cast<unsigned char>(c) & 15];
    }
}

void ProjectedBody::set(size_t index, const CborItems::Item &item, int how)
{
    Cell &cell = m_cells[index];
    const auto setInteger = [&cell](qint64 n) {
        cell.type = Cell::Type::Integer;
        cell.integer = n;
    };
    const auto setNumber = [&](double n) {
        if (how == AsIndex)
            return setInteger(std::abs(n) < 9e18 ? qint64(n) : -1);
        cell.type = Cell::Type::Real;
        cell.real = n;
    };
    switch (item.major) {
    case 0:
    case 1:
        if (how == Hex)
            return;
        if (item.argument > quint64(std::numeric_limits<qint64>::max())) // more than SQLite's integers hold
            return setNumber(item.major == 0 ? double(item.argument) : -1.0 - double(item.argument));
        return setInteger(item.major == 0 ? qint64(item.argument) : -1 - qint64(item.argument));
    case 2:
        return how == AsIndex ? void() : setHex(index, item.content);
    case 3:
        if (how == Hex) // "AB:CD" is the same as "abcd"
            return setText(index, item.content.toByteArray().toLower().replace(':', ""));
        return how == AsIndex ? void() : setText(index, item.content);
    case 7:
        if (how == Hex)
            return;
        if (item.info >= 25)
            return setNumber(CborItems::number(item));
        if (how != AsIndex && (item.info == 20 || item.info == 21))
            return setInteger(item.info == 21);
        return;
    default:
        return;
    }
}

QByteArrayView ProjectedBody::text(size_t index) const
{
    if (index >= m_cells.size() || m_cells[index].type != Cell::Type::Text)
        return {};
    return QByteArrayView(m_texts).sliced(m_cells[index].offset, qsizetype(m_cells[index].integer));
}

void ProjectedBody::bindOne(Statement &statement, int parameter, size_t index) const
{
    const Cell &cell = m_cells[index];
    switch (cell.type) {
    case Cell::Type::Null:
        break; // as it is after a reset
    case Cell::Type::Integer:
        statement.bind(parameter, cell.integer);
        break;
    case Cell::Type::Real:
        statement.bind(parameter, cell.real);
        break;
    case Cell::Type::Text:
        statement.bindText(parameter, text(index));
        break;
    }
}

void ProjectedBody::bind(Statement &statement, int first) const
{
    for (size_t i = 0; i < m_cells.size(); ++i)
        bindOne(statement, first + int(i), i);
}

} // namespace slipway
