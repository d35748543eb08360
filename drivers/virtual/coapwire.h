#pragma once
// CoAP messages on the wire as a strict device reads and writes them (RFC 7252 section 3, RFC 7959 section 2.2): apart
// from the driver and from libcoap on purpose, so that neither judges itself. Never throws.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct CoapWire {
    enum Type { Confirmable = 0, NonConfirmable = 1, Acknowledgement = 2, Reset = 3 };
    enum OptionNumber {
        IfMatch = 1,
        UriHost = 3,
        ETag = 4,
        IfNoneMatch = 5,
        Observe = 6,
        UriPort = 7,
        UriPath = 11,
        ContentFormat = 12,
        MaxAge = 14,
        UriQuery = 15,
        Accept = 17,
        Block2 = 23,
        Block1 = 27,
        Size2 = 28,
        Size1 = 60,
        RequestTag = 292,
    };
    struct Option {
        int number = 0;
        QByteArray value;
    };
    struct Block {
        quint32 number = 0;
        bool more = false;
        int szx = 0;
        qsizetype size() const { return qsizetype(16) << szx; }
        qint64 offset() const { return qint64(number) << (szx + 4); }
    };

    Type type = Confirmable;
    quint8 code = 0; // 0.00 empty, 0.01 GET ...
    quint16 id = 0;
    QByteArray token;      // at most 8 bytes
    QList<Option> options; // by number
    QByteArray payload;

    bool isRequest() const { return code >= 1 && code < 32; }
    void add(int number, const QByteArray &value);
    void addNumber(int number, quint32 value); // shortest form
    void addBlock(int number, const Block &block);
    const Option *find(int number) const;
    // Nothing: not there, or longer than such an option can be.
    std::optional<quint32> number(int option) const;
    std::optional<Block> block(int option) const;
    QString path() const; // "/a/b"

    QByteArray encode() const;
    // Nothing when the datagram is not to be answered at all (version, too short). why: a message format error; what
    // could be read (type, id) is in the message.
    static std::optional<CoapWire> parse(QByteArrayView datagram, QString &why);
};

} // namespace slipway
