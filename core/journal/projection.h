#pragma once
// What the projections take from an entry's body, picked out before the entry reaches the writer thread: the writer
// only binds it. Pure function of kind and body, read from the very bytes that the chain covers, so that a rebuild
// gives the same rows.

#include "core/codec/cbor.h"
#include "core/journal/database.h"

#include <QByteArray>
#include <QByteArrayView>

#include <vector>

namespace slipway {

enum class Projection : quint8 {
    None,
    RunBegun,
    RunEnded,
    StepBegun,
    StepEnded,
    Measurement,
    Certificate,
    Revocation,
    Release,
    Number,
    Artifact,
    Intent,
    Outcome,
    Label,
};

class ProjectedBody
{
public:
    ProjectedBody() = default;
    ProjectedBody(QByteArrayView kind, QByteArrayView body); // CBOR; what is not readable gives nothing

    Projection projection() const { return m_projection; }
    // "mode" of the body, may be empty.
    const QByteArray &mode() const { return m_mode; }
    // Binds all values to parameters from first on; they live as long as this object.
    void bind(Statement &statement, int first) const;
    void bindOne(Statement &statement, int parameter, size_t index) const;
    QByteArrayView text(size_t index) const; // empty where it is none

private:
    struct Cell {
        enum class Type : quint8 { Null, Integer, Real, Text };
        Type type = Type::Null;
        int offset = 0; // Text: in m_texts
        union {
            qint64 integer = 0; // Text: its length
            double real;
        };
    };
    void setText(size_t index, QByteArrayView utf8);
    void setHex(size_t index, QByteArrayView bytes);
    void set(size_t index, const CborItems::Item &item, int how);

    Projection m_projection = Projection::None;
    QByteArray m_mode;
    std::vector<Cell> m_cells;
    QByteArray m_texts;
};

} // namespace slipway
