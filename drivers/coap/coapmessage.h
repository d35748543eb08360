#pragma once
// One CoAP request and one response (RFC 7252 section 5, RFC 7959 section 2), as the client's user sees them: without
// message ids, tokens and retransmission, which are libcoap's.

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

namespace coap {

enum Method : quint8 { Get = 1, Post = 2, Put = 3, Delete = 4, Fetch = 5, Patch = 6, IPatch = 7 };

// Code as it is on the wire: class in the upper three bits.
constexpr quint8 code(int kind, int detail)
{
    return quint8(kind << 5 | detail);
}
constexpr quint8 Created = code(2, 1), Deleted = code(2, 2), Valid = code(2, 3), Changed = code(2, 4),
                 Content = code(2, 5), Continue = code(2, 31), BadRequest = code(4, 0), Unauthorized = code(4, 1),
                 Forbidden = code(4, 3), NotFound = code(4, 4), MethodNotAllowed = code(4, 5),
                 NotAcceptable = code(4, 6), Incomplete = code(4, 8), PreconditionFailed = code(4, 12),
                 TooLarge = code(4, 13), UnsupportedFormat = code(4, 15), Unavailable = code(5, 3);

// Registry "CoAP Content-Formats".
enum Format : int {
    Text = 0,
    LinkFormatText = 40,
    OctetStream = 42,
    Json = 50,
    Cbor = 60,
    Multipart = 62, // application/multipart-core, RFC 8710
    SenmlJson = 110,
    SenmlCbor = 112,
    Pkcs8 = 284,  // RFC 9148
    Pkcs10 = 286, // the same
    PkixCert = 287,
};

// "4.04 (not found)"
QString codeText(quint8 code);
// "text/plain", "content format 4711"
QString formatText(int format);

} // namespace coap

// Part of a body: number, whether more follow, and 16 << szx bytes each (szx 0..6).
struct CoapBlock {
    quint32 number = 0;
    bool more = false;
    int szx = 6;
    qsizetype size() const { return qsizetype(16) << szx; }
    qint64 offset() const { return qint64(number) * size(); }
    bool operator==(const CoapBlock &) const = default;
};

struct CoapRequest {
    coap::Method method = coap::Get;
    QString path; // "/fw/slot1"; percent-encoding stands for the characters it encodes
    QStringList query;
    std::optional<int> format; // of the payload
    std::optional<int> accept;
    std::optional<quint32> observe;
    std::optional<CoapBlock> block1, block2;
    std::optional<quint32> size1;
    QByteArray requestTag; // RFC 9175: which body the blocks belong to
    QByteArray payload;
};

struct CoapReply {
    quint8 code = 0;
    std::optional<int> format;
    QByteArray etag;
    std::optional<quint32> observe;
    std::optional<CoapBlock> block1, block2;
    std::optional<quint32> size1, size2;
    quint32 maxAge = 60; // seconds
    QByteArray payload;

    int kind() const { return code >> 5; }
    bool ok() const { return kind() == 2; }
    // What a reply other than 2.xx says, for people: its code and its diagnostic payload.
    QString refusal() const;
};

} // namespace slipway
