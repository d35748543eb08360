#pragma once
// CBOR (RFC 8949) in and out. Out: the deterministic form of section 4.2.1 (shortest heads and floats, definite
// lengths, map keys in the bytewise order of their encoding), so that equal values have equal bytes and hashes. In:
// bytes from outside are checked for size, depth and number of items before anything is built from them.

#include <QByteArray>
#include <QByteArrayView>
#include <QCborMap>
#include <QCborValue>
#include <QString>
#include <QStringList>

#include <initializer_list>
#include <optional>
#include <vector>

namespace slipway {

// Tags (RFC 8949 section 3.4) are kept, but for date-times, which Qt has as text with milliseconds (tag 0) only. Values
// without an encoding (invalid) become "undefined". Two equal keys in one map, or nesting beyond 64, is a defect of the
// caller (internal.defect).
QByteArray toDeterministicCbor(const QCborValue &value);

struct CborLimits {
    qsizetype bytes = 64 * 1024;
    int depth = 16;
    int items = 4096; // values of any kind, map keys included
};

struct CborDecoded {
    QCborValue value;   // isInvalid() when error is set
    qsizetype used = 0; // bytes taken from the front
    QString error;      // what is wrong, with the offset, for a log; empty: well-formed
    bool ok() const { return error.isEmpty(); }
};

// Decodes one value from the front of the bytes. Never throws on bad input.
CborDecoded decodeCbor(QByteArrayView bytes, const CborLimits &limits = {});

// The whole of the bytes must be one map. Throws codec.cbor ("%1 is not readable: ...").
QCborMap cborMap(QByteArrayView bytes, const QString &what, const CborLimits &limits = {});

// Appends the head of an item (major type 0..7, argument in its shortest form): for messages that are put together
// without a QCborMap.
void appendCborHead(QByteArray &out, int majorType, quint64 argument);
void appendCborText(QByteArray &out, QByteArrayView utf8);

// One item after the other without building values from them, for bytes that are known to be good: our own, or such as
// decodeCbor() has taken. Whatever else they are, nothing beyond them is read.
class CborItems
{
public:
    explicit CborItems(QByteArrayView bytes) : m_bytes(bytes) {}
    struct Item {
        int major = 7;          // major type, 0 to 7
        int info = 31;          // low five bits of the initial byte
        quint64 argument = 0;   // number, length, count, tag, or the bits of a floating-point number
        QByteArrayView content; // of a string
    };
    // The next item; of an array, a map or a tag its head alone. False at the end, and where the bytes are not in
    // deterministic form.
    bool next(Item &item);
    // Past what an item contains.
    bool skip(const Item &item);
    static double number(const Item &item); // of a floating-point item

private:
    QByteArrayView m_bytes;
    qsizetype m_at = 0;
};

// Maps that differ in few values, all strings: what stays the same is encoded once. Each is byte for byte what
// toDeterministicCbor() makes of it.
class CborForm
{
public:
    CborForm(const QCborMap &same, const QStringList &keys);
    struct Value {
        enum Type { Bytes = 2, Text = 3 };
        Type type;
        QByteArrayView content; // text: UTF-8
    };
    QByteArray filled(std::initializer_list<Value> values) const; // in the order of the keys

private:
    struct Part {
        QByteArray before; // up to the value
        int value;         // -1: there is none
    };
    std::vector<Part> m_parts;
};

} // namespace slipway
