#pragma once
// Reads tests/data/smp/*.decoded.txt.

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway::test {

struct SmpExchange {
    QString name;
    QByteArray request, response; // header and CBOR; response may be empty
};

inline QList<SmpExchange> smpExchanges(const QByteArray &decodedText)
{
    QList<SmpExchange> out;
    for (const QByteArray &line : decodedText.split('\n')) {
        if (line.startsWith("# "))
            out.append({QString::fromUtf8(line.mid(2)), {}, {}});
        else if (line.startsWith("> ") && !out.isEmpty())
            out.last().request = QByteArray::fromHex(line.mid(2));
        else if (line.startsWith("< ") && !out.isEmpty())
            out.last().response = QByteArray::fromHex(line.mid(2));
    }
    return out;
}

} // namespace slipway::test
