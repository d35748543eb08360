#pragma once
// CBOR as a Zephyr or MCUboot server writes it: maps and lists of indefinite length (RFC 8949 section 3.2.2), keys in
// the order in which they are put.

#include "core/codec/cbor.h"

#include <QByteArray>
#include <QString>

namespace slipway {

class CborReply
{
public:
    CborReply &beginMap() { return raw(0xbf); }
    CborReply &beginList() { return raw(0x9f); }
    CborReply &end() { return raw(0xff); }
    CborReply &text(QByteArrayView utf8)
    {
        appendCborText(m_bytes, utf8);
        return *this;
    }
    CborReply &number(qint64 value)
    {
        if (value < 0)
            appendCborHead(m_bytes, 1, static_cast<quint64>(-(value + 1)));
        else
            appendCborHead(m_bytes, 0, static_cast<quint64>(value));
        return *this;
    }
    CborReply &boolean(bool value) { return raw(value ? 0xf5 : 0xf4); }
    CborReply &blob(QByteArrayView value)
    {
        appendCborHead(m_bytes, 2, static_cast<quint64>(value.size()));
        m_bytes.append(value);
        return *this;
    }
    // key and value
    CborReply &put(QByteArrayView key, qint64 value) { return text(key).number(value); }
    CborReply &putText(QByteArrayView key, const QString &value) { return text(key).text(value.toUtf8()); }
    CborReply &putFlag(QByteArrayView key, bool value) { return text(key).boolean(value); }
    CborReply &putBlob(QByteArrayView key, QByteArrayView value) { return text(key).blob(value); }

    const QByteArray &bytes() const { return m_bytes; }

private:
    CborReply &raw(unsigned char byte)
    {
        m_bytes.append(static_cast<char>(byte));
        return *this;
    }
    QByteArray m_bytes;
};

} // namespace slipway
