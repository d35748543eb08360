#include "drivers/coap/libcoap.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/coap/coapmessage.h"

#include <QUrl>

#include <mutex>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

thread_local QString warning;

void keep(coap_log_t, const char *message)
{
    warning = oneLine(QString::fromUtf8(message).trimmed(), 200);
}

class Options
{
public:
    explicit Options(coap_pdu_t *pdu) : m_pdu(pdu) {}
    void add(coap_option_num_t number, QByteArrayView value)
    {
        if (coap_add_option(m_pdu, number, size_t(value.size()), reinterpret_cast<const uint8_t *>(value.data())) == 0)
            m_fits = false;
    }
    void number(coap_option_num_t number, quint32 value)
    {
        uint8_t bytes[4];
        const unsigned length = coap_encode_var_safe(bytes, sizeof bytes, value);
        add(number, {bytes, qsizetype(length)});
    }
    void block(coap_option_num_t name, const CoapBlock &block)
    {
        number(name, block.number << 4 | (block.more ? 8U : 0U) | quint32(block.szx));
    }
    bool fits() const { return m_fits; }

private:
    coap_pdu_t *m_pdu;
    bool m_fits = true;
};

std::optional<QByteArray> option(const coap_pdu_t *pdu, coap_option_num_t number)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *found = coap_check_option(pdu, number, &iterator);
    if (!found)
        return std::nullopt;
    return QByteArray(reinterpret_cast<const char *>(coap_opt_value(found)), qsizetype(coap_opt_length(found)));
}

std::optional<quint32> number(const coap_pdu_t *pdu, coap_option_num_t name)
{
    const auto bytes = option(pdu, name);
    if (!bytes || bytes->size() > 4)
        return std::nullopt;
    quint32 out = 0;
    for (const char c : *bytes)
        out = out << 8 | quint8(c);
    return out;
}

std::optional<CoapBlock> block(const coap_pdu_t *pdu, coap_option_num_t name)
{
    const auto value = number(pdu, name);
    if (!value || *value > 0xffffff)
        return std::nullopt;
    return CoapBlock{*value >> 4, (*value & 8) != 0, int(*value & 7)};
}

} // namespace

CoapContextPtr newCoapContext()
{
    static std::once_flag once;
    std::call_once(once, [] {
        coap_startup();
        coap_set_log_handler(keep);
        coap_set_log_level(LOG_WARNING);
        coap_dtls_set_log_level(LOG_WARNING);
    });
    CoapContextPtr context(coap_new_context(nullptr));
    if (!context)
        throw Fault("coap.failed", {u"no context"_s}, lastLibcoapWarning());
    return context;
}

QString lastLibcoapWarning()
{
    return warning;
}

void forgetLibcoapWarning()
{
    warning.clear();
}

QStringList pathSegments(const QString &path)
{
    if (!path.startsWith(u'/') || path.size() > 1024)
        throw Fault("coap.path", {oneLine(path, 80)});
    QStringList out;
    if (path == u"/")
        return out;
    for (const QString &part : path.mid(1).split(u'/')) {
        const QString segment = QUrl::fromPercentEncoding(part.toUtf8());
        if (segment.toUtf8().size() > 255 || segment == u"." || segment == u"..")
            throw Fault("coap.path", {oneLine(path, 80)});
        out << segment;
    }
    return out;
}

coap_pdu_t *makePdu(coap_session_t *session, coap_pdu_type_t type, const CoapRequest &request, const QByteArray &token,
                    const QByteArray &uriHost)
{
    const QStringList segments = pathSegments(request.path);
    coap_pdu_t *pdu = coap_pdu_init(type, coap_pdu_code_t(request.method), coap_new_message_id(session),
                                    coap_session_max_pdu_size(session));
    if (!pdu)
        return nullptr;
    coap_add_token(pdu, size_t(token.size()), reinterpret_cast<const uint8_t *>(token.constData()));
    Options options(pdu); // in the order of their numbers
    if (!uriHost.isEmpty())
        options.add(COAP_OPTION_URI_HOST, uriHost);
    if (request.observe)
        options.number(COAP_OPTION_OBSERVE, *request.observe);
    for (const QString &segment : segments)
        options.add(COAP_OPTION_URI_PATH, segment.toUtf8());
    if (request.format)
        options.number(COAP_OPTION_CONTENT_FORMAT, quint32(*request.format));
    for (const QString &part : request.query)
        options.add(COAP_OPTION_URI_QUERY, part.toUtf8());
    if (request.accept)
        options.number(COAP_OPTION_ACCEPT, quint32(*request.accept));
    if (request.block2)
        options.block(COAP_OPTION_BLOCK2, *request.block2);
    if (request.block1)
        options.block(COAP_OPTION_BLOCK1, *request.block1);
    if (request.size1)
        options.number(COAP_OPTION_SIZE1, *request.size1);
    if (!request.requestTag.isEmpty())
        options.add(COAP_OPTION_RTAG, request.requestTag);
    const bool whole =
        options.fits() && (request.payload.isEmpty() ||
                           coap_add_data(pdu, size_t(request.payload.size()),
                                         reinterpret_cast<const uint8_t *>(request.payload.constData())) == 1);
    if (!whole) {
        coap_delete_pdu(pdu);
        return nullptr;
    }
    return pdu;
}

CoapReply readPdu(const coap_pdu_t *pdu)
{
    CoapReply out;
    out.code = quint8(coap_pdu_get_code(pdu));
    if (const auto format = number(pdu, COAP_OPTION_CONTENT_FORMAT); format && *format <= 0xffff)
        out.format = int(*format);
    out.etag = option(pdu, COAP_OPTION_ETAG).value_or(QByteArray());
    out.observe = number(pdu, COAP_OPTION_OBSERVE);
    out.block1 = block(pdu, COAP_OPTION_BLOCK1);
    out.block2 = block(pdu, COAP_OPTION_BLOCK2);
    out.size1 = number(pdu, COAP_OPTION_SIZE1);
    out.size2 = number(pdu, COAP_OPTION_SIZE2);
    out.maxAge = number(pdu, COAP_OPTION_MAXAGE).value_or(60);
    size_t length = 0;
    const uint8_t *data = nullptr;
    if (coap_get_data(pdu, &length, &data) && data)
        out.payload = QByteArray(reinterpret_cast<const char *>(data), qsizetype(length));
    return out;
}

} // namespace slipway
