#include "core/codec/pem.h"

#include "core/codec/base64.h"

#include <algorithm>

namespace slipway {

QByteArray toPem(const char *label, QByteArrayView der)
{
    QByteArray body(base64Length(der.size()), Qt::Uninitialized);
    encodeBase64(der, body.data());
    QByteArray out = "-----BEGIN " + QByteArray(label) + "-----\n";
    for (qsizetype at = 0; at < body.size(); at += 64)
        out += body.mid(at, 64) + '\n';
    out += "-----END " + QByteArray(label) + "-----\n";
    return out;
}

QList<QByteArray> fromPem(QByteArrayView text, const char *label)
{
    const QByteArray begin = "-----BEGIN " + QByteArray(label) + "-----";
    const QByteArray end = "-----END " + QByteArray(label) + "-----";
    QList<QByteArray> out;
    qsizetype at = 0;
    while ((at = text.indexOf(begin, at)) >= 0) {
        at += begin.size();
        const qsizetype stop = text.indexOf(end, at);
        if (stop < 0)
            break;
        QByteArray body = text.sliced(at, stop - at).toByteArray();
        body.removeIf([](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
        QByteArray der;
        if (body.isEmpty() || !decodeBase64(body, der))
            break;
        out << der;
        at = stop + end.size();
    }
    return out;
}

} // namespace slipway
