#pragma once
// Just enough DER (X.690) to lay out and to read certificates and requests without a detour through a library's
// objects: definite lengths in their shortest form, tags below 31. The reader goes over what it is given and copies
// nothing; it throws der::Error, which its users turn into a Fault of their own. It does not recurse.

#include <QByteArray>
#include <QByteArrayView>

#include <initializer_list>
#include <optional>

namespace slipway::der {

enum Tag : quint8 {
    Boolean = 0x01,
    Integer = 0x02,
    BitString = 0x03,
    OctetString = 0x04,
    Null = 0x05,
    Oid = 0x06,
    Utf8String = 0x0c,
    PrintableString = 0x13,
    TeletexString = 0x14,
    Ia5String = 0x16,
    UtcTime = 0x17,
    GeneralizedTime = 0x18,
    BmpString = 0x1e,
    Sequence = 0x30,
    Set = 0x31,
    Context = 0xa0,          // constructed, + number
    ContextPrimitive = 0x80, // + number
};

struct Error {
    const char *what; // "is cut short", for the end of a sentence
};

// Appends tag and length; the content follows.
void appendHeader(QByteArray &out, quint8 tag, qsizetype length);
qsizetype headerSize(qsizetype length);
void append(QByteArray &out, quint8 tag, QByteArrayView content);
QByteArray tlv(quint8 tag, QByteArrayView content);
QByteArray tlv(quint8 tag, std::initializer_list<QByteArray> parts);
// INTEGER of an unsigned big-endian number, in its shortest form.
QByteArray unsignedInteger(QByteArrayView bigEndian);
// Content of an OBJECT IDENTIFIER without its header; nothing when the text is no OID.
std::optional<QByteArray> oidContent(const QByteArray &dotted);
QByteArray oidText(QByteArrayView content); // "1.2.840..."; "" when it is damaged

struct Element {
    quint8 tag = 0;
    QByteArrayView whole; // header and content
    QByteArrayView content;
    bool is(quint8 t) const { return tag == t; }
};

class Reader
{
public:
    explicit Reader(QByteArrayView bytes) : m_rest(bytes) {}
    explicit Reader(const Element &element) : m_rest(element.content) {}

    bool atEnd() const { return m_rest.isEmpty(); }
    bool nextIs(quint8 tag) const { return !m_rest.isEmpty() && quint8(m_rest[0]) == tag; }
    Element next();
    Element next(quint8 tag); // throws when it is another
    // Throws when there is more.
    void end() const;

private:
    QByteArrayView m_rest;
};

// Exactly one element of that tag, nothing behind it.
Element single(QByteArrayView bytes, quint8 tag);

} // namespace slipway::der
