#pragma once
// Textual encoding of certificates and the like (RFC 7468): base64 between "-----BEGIN X-----" and "-----END X-----".

#include <QByteArray>
#include <QByteArrayView>
#include <QList>

namespace slipway {

QByteArray toPem(const char *label, QByteArrayView der);
// All blocks of that label, decoded; text around them is skipped. A block that is cut or not base64 ends the list.
QList<QByteArray> fromPem(QByteArrayView text, const char *label);

} // namespace slipway
