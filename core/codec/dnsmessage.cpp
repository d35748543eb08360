#include "core/codec/dnsmessage.h"

#include <QtEndian>

#include <algorithm>
#include <cctype>

namespace slipway {

namespace {

constexpr int mostQuestions = 64;
constexpr int mostRecords = 512;
constexpr int mostPointers = 32;
constexpr qsizetype longestName = 255;

class Reader
{
public:
    explicit Reader(QByteArrayView bytes) : m_bytes(bytes) {}
    bool has(qsizetype count) const { return m_bytes.size() - m_at >= count; }
    quint16 u16()
    {
        const auto value = qFromBigEndian<quint16>(m_bytes.data() + m_at);
        m_at += 2;
        return value;
    }
    quint32 u32()
    {
        const auto value = qFromBigEndian<quint32>(m_bytes.data() + m_at);
        m_at += 4;
        return value;
    }
    const char *here() const { return m_bytes.data() + m_at; }
    qsizetype at() const { return m_at; }
    void seek(qsizetype at) { m_at = at; }

    // Behind the name afterwards. False where it is damaged.
    bool name(QByteArray &text)
    {
        text.clear();
        qsizetype at = m_at;
        qsizetype behind = -1;
        for (int pointers = 0;;) {
            if (at >= m_bytes.size())
                return false;
            const quint8 length = quint8(m_bytes[at]);
            if (length == 0) {
                m_at = behind < 0 ? at + 1 : behind;
                return true;
            }
            if ((length & 0xc0) == 0xc0) {
                if (at + 1 >= m_bytes.size() || ++pointers > mostPointers)
                    return false;
                const qsizetype to = (length & 0x3f) << 8 | quint8(m_bytes[at + 1]);
                if (to >= at)
                    return false;
                if (behind < 0)
                    behind = at + 2;
                at = to;
                continue;
            }
            if (length > 63 || at + 1 + length > m_bytes.size() || text.size() + length + 1 > longestName)
                return false;
            if (!text.isEmpty())
                text += '.';
            for (qsizetype i = at + 1; i <= at + length; ++i) {
                const auto c = quint8(m_bytes[i]);
                const bool plain = std::isalnum(c) || c == '-' || c == '_' || c == '*';
                text += plain ? char(std::tolower(c)) : '?';
            }
            at += 1 + length;
        }
    }

private:
    QByteArrayView m_bytes;
    qsizetype m_at = 0;
};

} // namespace

std::optional<DnsMessage> DnsMessage::parse(QByteArrayView bytes)
{
    Reader in(bytes);
    if (!in.has(12))
        return std::nullopt;
    DnsMessage message;
    message.id = in.u16();
    const quint16 flags = in.u16();
    message.response = flags & 0x8000;
    message.truncated = flags & 0x0200;
    message.code = flags & 0x000f;
    if (flags >> 11 & 0x0f) // another operation than a query
        return std::nullopt;
    const int questions = in.u16();
    const int records = in.u16();
    const int authorities = in.u16();
    const int additional = in.u16();
    if (questions > mostQuestions)
        return std::nullopt;
    for (int i = 0; i < questions; ++i) {
        Question question;
        if (!in.name(question.name) || !in.has(4))
            return i == 0 ? std::nullopt : std::optional(message);
        question.type = in.u16();
        in.u16();
        message.questions.push_back(question);
    }
    const int count = std::min(records + authorities + additional, mostRecords);
    for (int i = 0; i < count; ++i) {
        Answer answer;
        if (!in.name(answer.name) || !in.has(10))
            break;
        answer.type = in.u16();
        const quint16 kind = in.u16() & 0x7fff; // mDNS: the highest bit asks to flush the cache
        answer.ttl = in.u32();
        const qsizetype size = in.u16();
        if (!in.has(size))
            break;
        const qsizetype behind = in.at() + size;
        bool use = kind == 1;
        if (answer.type == A && size == 4) {
            answer.address = IpAddress::fromV4(in.here());
        } else if (answer.type == Aaaa && size == 16) {
            answer.address = IpAddress::fromV6(in.here());
        } else if (answer.type == Cname || answer.type == Ptr) {
            use = in.name(answer.target) && use;
        } else if (answer.type == Srv && size > 6) {
            in.seek(in.at() + 6);
            use = in.name(answer.target) && use;
        } else {
            use = false;
        }
        in.seek(behind);
        if (use)
            message.answers.push_back(std::move(answer));
    }
    return message;
}

} // namespace slipway
