#include "core/journal/projection.h"

#include <QCborValue>
#include <QHash>

namespace slipway {

namespace {

enum How {
    AsIs,    // text, number, truth, bytes as hex, or NULL
    NotNull, // the same, but "" where there is nothing
    Hex,     // bytes or text as lower-case hex without colons, never NULL
    AsIndex, // an integer, -1 where there is none
};

struct Key {
    const char *name;
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

ProjectedBody::ProjectedBody(QByteArrayView kind, const QCborMap &body)
{
    const auto found = kinds().constFind(QByteArray::fromRawData(kind.data(), kind.size()));
    if (found == kinds().constEnd())
        return;
    m_projection = found->projection;
    m_mode = body.value(QLatin1String("mode")).toString().toUtf8();
    m_cells.reserve(found->keys.size());
    for (const Key &key : found->keys)
        add(body, key.name, key.how);
}

void ProjectedBody::addText(const QByteArray &utf8)
{
    Cell cell;
    cell.type = Cell::Type::Text;
    cell.offset = int(m_texts.size());
    cell.integer = utf8.size();
    m_texts += utf8;
    m_cells.push_back(cell);
}

void ProjectedBody::add(const QCborMap &body, const char *key, int how)
{
    const QCborValue value = body.value(QLatin1String(key));
    Cell cell;
    if (how == AsIndex) {
        cell.type = Cell::Type::Integer;
        cell.integer = value.toInteger(-1);
    } else if (value.isByteArray()) {
        return addText(value.toByteArray().toHex());
    } else if (value.isString()) {
        return addText(how == Hex ? value.toString().toLower().remove(u':').toUtf8() : value.toString().toUtf8());
    } else if (how == Hex) {
        return addText({});
    } else if (value.isInteger()) {
        cell.type = Cell::Type::Integer;
        cell.integer = value.toInteger();
    } else if (value.isBool()) {
        cell.type = Cell::Type::Integer;
        cell.integer = value.toBool();
    } else if (value.isDouble()) {
        cell.type = Cell::Type::Real;
        cell.real = value.toDouble();
    } else if (how == NotNull) {
        return addText({});
    }
    m_cells.push_back(cell);
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
