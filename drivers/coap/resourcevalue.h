#pragma once
// The value of one resource between the text that a recipe has and what stands on the wire: plain text, one CBOR item
// (RFC 8949), or a record of a SenML pack in JSON or CBOR (RFC 8428), also as SenML Etch for FETCH and iPATCH (RFC
// 8790). Throws coap.value for text that is no such value, coap.bad-value for bytes from the device that are not
// readable.

#include <QByteArray>
#include <QString>

namespace slipway {

struct ResourceValue {
    enum class Format { Text, Octets, Cbor, SenmlJson, SenmlCbor };
    enum class Type { Text, Number, Bool, Bytes };

    Format format = Format::Text;
    Type type = Type::Text;
    QString record; // SenML: the name of the record

    int contentFormat() const; // of GET and PUT
    int etchFormat() const;    // of FETCH and iPATCH
    QByteArray encode(const QByteArray &text, const QString &setting) const;
    // The body of a FETCH that asks for the record.
    QByteArray query() const;
    QByteArray decode(const QByteArray &body, const QString &setting) const;
};

} // namespace slipway
