#include "core/codec/json.h"

#include <QSet>
#include <QVarLengthArray>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

class Reader
{
public:
    Reader(QByteArrayView bytes, const JsonLimits &limits) : m_text(bytes), m_limits(limits) {}

    JsonDocument read()
    {
        if (m_text.size() > m_limits.bytes)
            fail(u"it is larger than %1 bytes"_s.arg(m_limits.bytes));
        if (m_text.startsWith("\xef\xbb\xbf"))
            fail(u"it begins with a byte order mark (RFC 8259 section 8.1)"_s);
        if (!m_text.isValidUtf8()) {
            m_at = firstBadUtf8();
            m_line = lineOf(m_at);
            fail(u"these bytes are no UTF-8"_s);
        }
        skipBlanks();
        if (m_at == m_text.size())
            fail(m_text.isEmpty() ? u"it is empty"_s : u"there is nothing but blanks"_s);
        readValue(m_document.root, 1);
        skipBlanks();
        if (m_at < m_text.size())
            fail(u"something stands behind the end of the value"_s);
        return std::move(m_document);
    }

private:
    [[noreturn]] void fail(const QString &reason) const
    {
        qsizetype start = std::min(m_at, m_text.size());
        while (start > 0 && m_text[start - 1] != '\n' && m_text[start - 1] != '\r')
            --start;
        int column = 1;
        for (qsizetype i = start; i < std::min(m_at, m_text.size()); ++i)
            column += (quint8(m_text[i]) & 0xc0) != 0x80; // characters, not bytes
        throw JsonError{m_line, column, reason};
    }

    // The longest good beginning, by halves: what is good up to a place is good up to any character before it.
    qsizetype firstBadUtf8() const
    {
        qsizetype good = 0;
        qsizetype bad = m_text.size();
        const auto boundary = [&](qsizetype at) {
            while (at > good && (quint8(m_text[at]) & 0xc0) == 0x80)
                --at;
            return at;
        };
        while (bad - good > 1) {
            const qsizetype middle = boundary(good + (bad - good) / 2);
            if (middle == good)
                break;
            if (m_text.sliced(good, middle - good).isValidUtf8())
                good = middle;
            else
                bad = middle;
        }
        return good;
    }

    int lineOf(qsizetype at) const
    {
        int line = 1;
        for (qsizetype i = 0; i < at; ++i)
            line += m_text[i] == '\n' || (m_text[i] == '\r' && (i + 1 >= m_text.size() || m_text[i + 1] != '\n'));
        return line;
    }

    char peek() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }

    void skipBlanks()
    {
        for (; m_at < m_text.size(); ++m_at) {
            const char c = m_text[m_at];
            if (c == '\n' || (c == '\r' && (m_at + 1 >= m_text.size() || m_text[m_at + 1] != '\n')))
                ++m_line;
            else if (c != ' ' && c != '\t' && c != '\r')
                return;
        }
    }

    void readValue(JsonValue &value, int depth)
    {
        if (++m_values > m_limits.values)
            fail(u"it has more than %1 values"_s.arg(m_limits.values));
        value.line = m_line;
        const char c = peek();
        switch (c) {
        case '{':
        case '[':
            if (depth > m_limits.depth)
                fail(u"it is nested deeper than %1 levels"_s.arg(m_limits.depth));
            ++m_at;
            if (c == '{')
                readObject(value, depth);
            else
                readArray(value, depth);
            return;
        case '"':
            ++m_at;
            value.kind = JsonValue::Kind::String;
            value.text = readString();
            return;
        case 't':
        case 'f':
        case 'n':
            readWord(value);
            return;
        default:
            if (c == '-' || isDigit(c)) {
                readNumber(value);
                return;
            }
            fail(m_at >= m_text.size() ? u"the file ends here, in the middle"_s : u"a value is missing here"_s);
        }
    }

    void readWord(JsonValue &value)
    {
        const auto is = [&](QByteArrayView word) {
            if (!m_text.sliced(m_at).startsWith(word))
                return false;
            m_at += word.size();
            return true;
        };
        if (is("true") || is("false")) {
            value.kind = JsonValue::Kind::Boolean;
            value.boolean = m_text[m_at - 2] == 'u';
        } else if (!is("null")) {
            fail(u"this is neither true, false nor null"_s);
        }
    }

    void readNumber(JsonValue &value)
    {
        const qsizetype start = m_at;
        const auto digits = [&] {
            if (!isDigit(peek()))
                fail(u"a digit is missing here"_s);
            while (isDigit(peek()))
                ++m_at;
        };
        if (peek() == '-')
            ++m_at;
        if (peek() == '0' && m_at + 1 < m_text.size() && isDigit(m_text[m_at + 1]))
            fail(u"a number begins with a zero too many"_s);
        digits();
        if (peek() == '.') {
            ++m_at;
            digits();
        }
        if (peek() == 'e' || peek() == 'E') {
            ++m_at;
            if (peek() == '+' || peek() == '-')
                ++m_at;
            digits();
        }
        value.kind = JsonValue::Kind::Number;
        value.text = QString::fromLatin1(m_text.sliced(start, m_at - start));
    }

    uint readHex4()
    {
        uint value = 0;
        for (int i = 0; i < 4; ++i, ++m_at) {
            const char c = peek();
            if (isDigit(c))
                value = value * 16 + uint(c - '0');
            else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                value = value * 16 + uint((c | 0x20) - 'a' + 10);
            else
                fail(u"four hex digits belong behind \\u"_s);
        }
        return value;
    }

    void readEscape(QString &text)
    {
        const char c = peek();
        ++m_at;
        switch (c) {
        case '"':
        case '\\':
        case '/':
            text += QLatin1Char(c);
            return;
        case 'b':
            text += u'\b';
            return;
        case 'f':
            text += u'\f';
            return;
        case 'n':
            text += u'\n';
            return;
        case 'r':
            text += u'\r';
            return;
        case 't':
            text += u'\t';
            return;
        case 'u':
            break;
        default:
            --m_at;
            fail(u"there is no such escape"_s);
        }
        const char16_t unit = char16_t(readHex4());
        if (!QChar::isSurrogate(unit)) {
            text += QChar(unit);
            return;
        }
        if (QChar::isHighSurrogate(unit) && peek() == '\\' && m_at + 1 < m_text.size() && m_text[m_at + 1] == 'u') {
            m_at += 2;
            const char16_t low = char16_t(readHex4());
            if (QChar::isLowSurrogate(low)) {
                text += QChar(unit);
                text += QChar(low);
                return;
            }
        }
        fail(u"half of a surrogate pair stands alone"_s);
    }

    QString readString() // behind the opening quotation mark
    {
        QString text;
        for (;;) {
            const qsizetype start = m_at;
            while (m_at < m_text.size() && m_text[m_at] != '"' && m_text[m_at] != '\\' && quint8(m_text[m_at]) >= 0x20)
                ++m_at;
            if (m_at > start) {
                const QByteArrayView run = m_text.sliced(start, m_at - start);
                if (text.isEmpty())
                    text = QString::fromUtf8(run);
                else
                    text += QString::fromUtf8(run);
            }
            if (m_at >= m_text.size())
                fail(u"the file ends within a string"_s);
            if (m_text[m_at] == '"') {
                ++m_at;
                return text;
            }
            if (m_text[m_at] != '\\')
                fail(u"a string has a line end or a control character in it"_s);
            ++m_at;
            readEscape(text);
        }
    }

    void readArray(JsonValue &value, int depth)
    {
        value.kind = JsonValue::Kind::Array;
        skipBlanks();
        if (peek() == ']') {
            ++m_at;
            return;
        }
        for (;;) {
            m_path.append({nullptr, qsizetype(value.items.size())});
            readValue(value.items.emplace_back(), depth + 1);
            m_path.removeLast();
            skipBlanks();
            if (peek() == ']') {
                ++m_at;
                return;
            }
            comma("]");
        }
    }

    void readObject(JsonValue &value, int depth)
    {
        value.kind = JsonValue::Kind::Object;
        skipBlanks();
        if (peek() == '}') {
            ++m_at;
            return;
        }
        QSet<QString> names; // only where there are many
        for (;;) {
            if (peek() != '"')
                fail(m_at >= m_text.size() ? u"the file ends here, in the middle"_s
                                           : u"the name of a member is missing here"_s);
            JsonMember member;
            member.line = m_line;
            ++m_at;
            member.name = readString();
            skipBlanks();
            if (peek() != ':')
                fail(u"a colon is missing behind a name"_s);
            ++m_at;
            skipBlanks();
            noteDuplicate(value, member, names);
            m_path.append({&member.name, 0});
            readValue(member.value, depth + 1);
            m_path.removeLast();
            value.members.push_back(std::move(member));
            skipBlanks();
            if (peek() == '}') {
                ++m_at;
                return;
            }
            comma("}");
        }
    }

    void comma(const char *end)
    {
        if (m_at >= m_text.size())
            fail(u"the file ends here, in the middle"_s);
        if (peek() != ',')
            fail(u"a comma or %1 is missing here"_s.arg(QLatin1String(end)));
        ++m_at;
        skipBlanks();
        if (peek() == *end)
            fail(u"a comma stands before %1"_s.arg(QLatin1String(end)));
    }

    void noteDuplicate(const JsonValue &object, const JsonMember &member, QSet<QString> &names)
    {
        static constexpr size_t few = 16;
        bool again = false;
        if (object.members.size() < few) {
            again = object.find(member.name) != nullptr;
        } else {
            if (names.isEmpty()) {
                for (const JsonMember &known : object.members)
                    names.insert(known.name);
            }
            again = names.contains(member.name);
            names.insert(member.name);
        }
        static constexpr size_t enough = 100; // nobody reads more, and each costs its path
        if (again && m_document.duplicates.size() < enough)
            m_document.duplicates.push_back({pointer(), member.name, member.line, object.find(member.name)->line});
    }

    QString pointer() const
    {
        QString text;
        for (const Part &part : m_path) {
            text += u'/';
            if (part.name)
                text += QString(*part.name).replace(u'~', u"~0"_s).replace(u'/', u"~1"_s);
            else
                text += QString::number(part.index);
        }
        return text;
    }

    struct Part {
        const QString *name;
        qsizetype index;
    };
    QByteArrayView m_text;
    JsonLimits m_limits;
    JsonDocument m_document;
    QVarLengthArray<Part, 64> m_path;
    qsizetype m_at = 0;
    qsizetype m_values = 0;
    int m_line = 1;
};

} // namespace

JsonDocument readJson(QByteArrayView bytes, const JsonLimits &limits)
{
    return Reader(bytes, limits).read();
}

} // namespace slipway
