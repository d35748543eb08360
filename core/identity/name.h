#pragma once
// X.501 names: laid out from a profile's words, read from RFC 4514 strings, shown to people. Room-internal.

#include "core/identity/der.h"

#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct NameAttribute {
    QByteArrayView oid; // content
    quint8 tag = 0;     // of the value
    QByteArrayView value;
    QString text() const; // the value as text, whatever string type it has; not escaped
    QString type() const; // "O", "serialNumber", or the dotted OID
};

// Attributes in the order of the name. Throws der::Error.
QList<NameAttribute> nameAttributes(QByteArrayView nameDer);
// "O = Example, serialNumber = T1-00000009"
QString nameText(QByteArrayView nameDer);

// One RelativeDistinguishedName: PrintableString for C and serialNumber, UTF8String otherwise.
// type: "C", "O", "OU", "CN", "L", "ST", "DC", "serialNumber", ... or a dotted OID; nothing when it is neither.
std::optional<QByteArray> rdn(const QString &type, const QString &value);
bool isPrintableString(const QString &text);
QStringList nameTypes();

// RFC 4514 string to a Name in DER ("CN=MUD Signer,O=Example"; the last one in the string comes first in the name).
// Nothing when it is none; multi-valued RDNs ("+") and "#hex" values are not taken.
std::optional<QByteArray> nameFromText(const QString &text);

} // namespace slipway
