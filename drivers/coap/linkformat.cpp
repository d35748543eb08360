#include "drivers/coap/linkformat.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

// Of RFC 2616's tokens, as parmname and ptoken have them; "*" ends names such as "title*".
bool isWordCharacter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           QByteArrayView("!#$%&'()*+-./:<=>?@[]^_`{|}~").contains(c);
}

class Reader
{
public:
    explicit Reader(QByteArrayView bytes) : m_bytes(bytes) {}

    LinkFormat read()
    {
        LinkFormat out;
        if (m_bytes.size() > LinkFormat::largest) {
            out.error = u"it is longer than %1 bytes"_s.arg(LinkFormat::largest);
            m_bytes.truncate(LinkFormat::largest);
        }
        blanks();
        while (!atEnd()) {
            if (out.links.size() == LinkFormat::mostLinks) {
                out.error = u"it has more than %1 links"_s.arg(LinkFormat::mostLinks);
                break;
            }
            CoreLink link;
            const QString wrong = one(link);
            if (!wrong.isEmpty()) {
                if (out.error.isEmpty())
                    out.error = u"%1 at byte %2"_s.arg(wrong).arg(m_at);
                break;
            }
            out.links << link;
            blanks();
            if (atEnd())
                break;
            if (!take(',')) {
                if (out.error.isEmpty())
                    out.error = u"a comma is missing at byte %1"_s.arg(m_at);
                break;
            }
            blanks();
        }
        return out;
    }

private:
    bool atEnd() const { return m_at >= m_bytes.size(); }
    bool take(char c)
    {
        if (atEnd() || m_bytes[m_at] != c)
            return false;
        ++m_at;
        return true;
    }
    void blanks() // and line ends: not allowed, but sent
    {
        while (!atEnd() && (m_bytes[m_at] == ' ' || m_bytes[m_at] == '\n' || m_bytes[m_at] == '\r'))
            ++m_at;
    }
    QByteArray word()
    {
        const qsizetype from = m_at;
        while (!atEnd() && isWordCharacter(m_bytes[m_at]) && (m_bytes[m_at] != '=' || m_inValue))
            ++m_at;
        return m_bytes.sliced(from, m_at - from).toByteArray();
    }
    bool quoted(QByteArray &out)
    {
        while (!atEnd()) {
            const char c = m_bytes[m_at++];
            if (c == '"')
                return true;
            if (c == '\\') {
                if (atEnd())
                    return false;
                out += m_bytes[m_at++];
            } else {
                out += c;
            }
        }
        return false;
    }
    QString one(CoreLink &link)
    {
        if (!take('<'))
            return u"a link does not begin with <"_s;
        const qsizetype end = m_bytes.indexOf('>', m_at);
        if (end < 0)
            return u"a target is not closed with >"_s;
        link.target = QString::fromUtf8(m_bytes.sliced(m_at, end - m_at));
        m_at = end + 1;
        while (take(';')) {
            if (link.attributes.size() >= LinkFormat::mostAttributes)
                return u"a link has more than %1 attributes"_s.arg(LinkFormat::mostAttributes);
            m_inValue = false;
            const QByteArray name = word();
            if (name.isEmpty())
                return u"the name of an attribute is missing"_s;
            QByteArray value;
            if (take('=')) {
                m_inValue = true;
                if (take('"')) {
                    if (!quoted(value))
                        return u"a quoted text is not closed"_s;
                } else {
                    value = word();
                    if (value.isEmpty())
                        return u"a value is missing"_s;
                }
            }
            const QString key = QString::fromLatin1(name);
            if (!link.attributes.contains(key))
                link.attributes.insert(key, QString::fromUtf8(value));
        }
        return {};
    }

    QByteArrayView m_bytes;
    qsizetype m_at = 0;
    bool m_inValue = false;
};

} // namespace

QStringList CoreLink::words(const QString &attribute) const
{
    return attributes.value(attribute).split(u' ', Qt::SkipEmptyParts);
}

std::optional<qint64> CoreLink::size() const
{
    bool ok = false;
    const qint64 value = attributes.value(u"sz"_s).toLongLong(&ok);
    if (!ok || value < 0)
        return std::nullopt;
    return value;
}

LinkFormat LinkFormat::parse(QByteArrayView bytes)
{
    return Reader(bytes).read();
}

const CoreLink *LinkFormat::find(const QString &target) const
{
    for (const CoreLink &link : links) {
        if (link.target == target)
            return &link;
    }
    return nullptr;
}

} // namespace slipway
