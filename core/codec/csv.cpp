#include "core/codec/csv.h"

#include "core/base/fault.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostRows = 10'000, mostFields = 64;

[[noreturn]] void wrong(int line, const QString &what)
{
    throw Fault("codec.csv", {QString::number(line), what});
}

// Reads one row after the other.
class Reader
{
public:
    explicit Reader(QByteArrayView text) : m_text(text)
    {
        if (m_text.startsWith("\xef\xbb\xbf"))
            m_at = 3; // byte order mark of a spreadsheet
    }
    bool atEnd() const { return m_at >= m_text.size(); }

    CsvRow row()
    {
        CsvRow row{m_line, {}};
        do {
            if (row.fields.size() >= mostFields)
                wrong(m_line, u"it has more than %1 fields"_s.arg(mostFields));
            row.fields << field();
        } while (take(','));
        take('\r');
        if (!take('\n') && !atEnd())
            wrong(m_line, u"something stands behind a quoted field"_s);
        ++m_line;
        return row;
    }
    bool skipped()
    {
        const char c = m_text[m_at];
        if (c != '#' && c != '\n' && !(c == '\r' && m_text.sliced(m_at).startsWith("\r\n")))
            return false;
        const qsizetype end = m_text.indexOf('\n', m_at);
        m_at = end < 0 ? m_text.size() : end + 1;
        ++m_line;
        return true;
    }

private:
    bool take(char c)
    {
        if (atEnd() || m_text[m_at] != c)
            return false;
        ++m_at;
        return true;
    }

    QByteArray field()
    {
        if (!take('"')) {
            const qsizetype from = m_at;
            while (!atEnd() && m_text[m_at] != ',' && m_text[m_at] != '\n' && m_text[m_at] != '\r')
                ++m_at;
            return m_text.sliced(from, m_at - from).toByteArray();
        }
        QByteArray out;
        const int begun = m_line;
        for (;; ++m_at) {
            if (atEnd())
                wrong(begun, u"a quoted field does not end"_s);
            const char c = m_text[m_at];
            if (c == '"') {
                if (m_at + 1 >= m_text.size() || m_text[m_at + 1] != '"')
                    break;
                ++m_at;
            }
            m_line += c == '\n' ? 1 : 0;
            out += c;
        }
        ++m_at;
        return out;
    }

    QByteArrayView m_text;
    qsizetype m_at = 0;
    int m_line = 1;
};

} // namespace

QList<CsvRow> readCsv(QByteArrayView text)
{
    QList<CsvRow> rows;
    for (Reader reader(text); !reader.atEnd();) {
        if (reader.skipped())
            continue;
        rows << reader.row();
        if (rows.size() > mostRows)
            wrong(rows.last().line, u"there are more than %1 rows"_s.arg(mostRows));
    }
    return rows;
}

} // namespace slipway
