#include "drivers/coap/coapmessage.h"

#include "core/base/text.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace coap {

QString codeText(quint8 value)
{
    static constexpr struct {
        quint8 code;
        const char *words;
    } known[] = {
        {Created, "created"},
        {Deleted, "deleted"},
        {Valid, "valid"},
        {Changed, "changed"},
        {Content, "content"},
        {Continue, "continue"},
        {BadRequest, "bad request"},
        {Unauthorized, "not authorised"},
        {code(4, 2), "bad option"},
        {Forbidden, "forbidden"},
        {NotFound, "not found"},
        {MethodNotAllowed, "method not allowed"},
        {NotAcceptable, "not acceptable"},
        {Incomplete, "blocks are missing"},
        {code(4, 9), "conflict"},
        {PreconditionFailed, "precondition failed"},
        {TooLarge, "too large"},
        {UnsupportedFormat, "unsupported content format"},
        {code(4, 22), "cannot be processed"},
        {code(4, 29), "too many requests"},
        {code(5, 0), "internal error"},
        {code(5, 1), "not implemented"},
        {code(5, 2), "bad gateway"},
        {Unavailable, "not available now"},
        {code(5, 4), "gateway timeout"},
        {code(5, 5), "proxying not supported"},
    };
    const QString number = u"%1.%2"_s.arg(value >> 5).arg(value & 31, 2, 10, QChar(u'0'));
    for (const auto &entry : known) {
        if (entry.code == value)
            return number + u" ("_s + QLatin1String(entry.words) + u')';
    }
    return number;
}

QString formatText(int format)
{
    static constexpr struct {
        int format;
        const char *words;
    } known[] = {
        {Text, "text/plain"},
        {LinkFormatText, "application/link-format"},
        {OctetStream, "application/octet-stream"},
        {Json, "application/json"},
        {Cbor, "application/cbor"},
        {Multipart, "application/multipart-core"},
        {SenmlJson, "application/senml+json"},
        {SenmlCbor, "application/senml+cbor"},
        {Pkcs10, "application/pkcs10"},
        {PkixCert, "application/pkix-cert"},
    };
    for (const auto &entry : known) {
        if (entry.format == format)
            return QLatin1String(entry.words);
    }
    return u"content format %1"_s.arg(format);
}

} // namespace coap

QString CoapReply::refusal() const
{
    // RFC 7252 section 5.5.2: a diagnostic payload is text in UTF-8, without a content format.
    const bool text = !format || *format == coap::Text;
    const QString words = text ? oneLine(QString::fromUtf8(payload.left(480)).trimmed(), 120) : QString();
    return words.isEmpty() ? coap::codeText(code) : coap::codeText(code) + u": "_s + words;
}

} // namespace slipway
