#include "core/steps/identitylist.h"

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/journal/queries.h"
#include "core/journal/verify.h"
#include "core/steps/journallookup.h"

#include <QCborArray>
#include <QFile>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QSet>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Transaction = Journal::Transaction;

constexpr qsizetype maximumBytes = 64 * 1024 * 1024;
constexpr qsizetype maximumRows = 1'000'000;
constexpr qsizetype maximumField = 16 * 1024;
constexpr size_t rowsPerTransaction = 4096;

// In the order of the CSV's columns.
const QStringList &columns()
{
    static const QStringList names{
        u"serial"_s,     u"certificate-serial"_s, u"sha256"_s,    u"public-key-sha256"_s, u"issuer"_s,   u"profile"_s,
        u"kind"_s,       u"issued-at"_s,          u"not-after"_s, u"mud-url"_s,           u"masa-url"_s, u"method"_s,
        u"revoked-at"_s, u"revocation-reason"_s,  u"mode"_s};
    return names;
}

constexpr char selectSql[] =
    "SELECT c.serial, c.certificate_serial, c.sha256, c.public_key_sha256, c.issuer, c.profile, c.at, c.not_after, "
    "c.mud_url, c.masa_url, c.method, c.revoked_at, c.revoked_reason, c.mode, e.body FROM certificate c JOIN entry e "
    "ON e.seq = c.entry ";

// What the statement's columns are, in its order.
const QStringList journalColumns{u"serial"_s,
                                 u"certificate-serial"_s,
                                 u"sha256"_s,
                                 u"public-key-sha256"_s,
                                 u"issuer"_s,
                                 u"profile"_s,
                                 u"issued-at"_s,
                                 u"not-after"_s,
                                 u"mud-url"_s,
                                 u"masa-url"_s,
                                 u"method"_s,
                                 u"revoked-at"_s,
                                 u"revocation-reason"_s,
                                 u"mode"_s};

QJsonObject objectOf(const JournalLookup &row, bool certificates)
{
    const QCborMap body = readBody(row.blob(14));
    const QString kind = body.value(u"kind"_s).toString();
    QJsonObject object;
    for (int column = 0; column < journalColumns.size(); ++column)
        object.insert(journalColumns[column], row.text(column));
    object.insert(u"kind"_s, kind.isEmpty() ? u"idevid"_s : kind);
    if (certificates)
        object.insert(u"certificate"_s, QString::fromLatin1(body.value(u"der"_s).toByteArray().toBase64()));
    return object;
}

// A spreadsheet computes what begins with one of these; the apostrophe too is doubled, so that reading is exact.
bool needsApostrophe(const QString &text)
{
    return !text.isEmpty() && u"=+-@\t\r'"_s.contains(text.front());
}

QByteArray csvField(const QString &value)
{
    QString text = needsApostrophe(value) ? u'\'' + value : value;
    static const QRegularExpression special(u"[\",;\\r\\n]"_s);
    if (text.contains(special))
        text = u'"' + text.replace(u'"', u"\"\""_s) + u'"';
    return text.toUtf8();
}

Fault bad(qsizetype line, const QString &why)
{
    return Fault("identity.list", {QString::number(line), why});
}

// RFC 4180, with LF or CRLF.
class CsvReader
{
public:
    explicit CsvReader(QByteArrayView bytes) : m_bytes(bytes) {}

    bool atEnd() const { return m_at >= m_bytes.size(); }
    qsizetype line() const { return m_line; }

    QStringList row()
    {
        QStringList fields;
        for (;;) {
            fields << field();
            if (fields.size() > 64)
                throw bad(m_line, u"a row has more than 64 fields"_s);
            if (atEnd())
                return fields;
            const char c = m_bytes[m_at++];
            if (c == ',')
                continue;
            if (c == '\r' && !atEnd() && m_bytes[m_at] == '\n')
                ++m_at;
            else if (c != '\n')
                throw bad(m_line, u"a field goes on behind its closing quote"_s);
            ++m_line;
            return fields;
        }
    }

private:
    QString field()
    {
        QByteArray text;
        const bool quoted = !atEnd() && m_bytes[m_at] == '"';
        if (quoted) {
            for (++m_at;; ++m_at) {
                if (atEnd())
                    throw bad(m_line, u"a quote is not closed"_s);
                if (m_bytes[m_at] == '"') {
                    ++m_at;
                    if (atEnd() || m_bytes[m_at] != '"')
                        break;
                }
                m_line += m_bytes[m_at] == '\n';
                text += m_bytes[m_at];
                if (text.size() > maximumField)
                    throw bad(m_line, u"a field is longer than %1"_s.arg(humanSize(maximumField)));
            }
        } else {
            for (; !atEnd() && m_bytes[m_at] != ',' && m_bytes[m_at] != '\n' && m_bytes[m_at] != '\r'; ++m_at) {
                text += m_bytes[m_at];
                if (text.size() > maximumField)
                    throw bad(m_line, u"a field is longer than %1"_s.arg(humanSize(maximumField)));
            }
        }
        const QString value = QString::fromUtf8(text);
        return value.startsWith(u'\'') ? value.mid(1) : value;
    }

    QByteArrayView m_bytes;
    qsizetype m_at = 0;
    qsizetype m_line = 1;
};

QJsonArray fromCsv(QByteArrayView bytes)
{
    if (bytes.startsWith("\xef\xbb\xbf")) // a spreadsheet's mark
        bytes = bytes.sliced(3);
    CsvReader reader(bytes);
    const QStringList head = reader.row();
    for (const QString &name : {u"serial"_s, u"certificate-serial"_s, u"public-key-sha256"_s}) {
        if (!head.contains(name))
            throw bad(1, u"the first line has no column %1"_s.arg(name));
    }
    QJsonArray rows;
    while (!reader.atEnd()) {
        const qsizetype line = reader.line();
        const QStringList fields = reader.row();
        if (fields.size() == 1 && fields.first().isEmpty())
            continue;
        if (fields.size() != head.size())
            throw bad(line, u"it has %1 fields, and the first line has %2"_s.arg(fields.size()).arg(head.size()));
        QJsonObject row;
        for (qsizetype i = 0; i < head.size(); ++i)
            row.insert(head[i], fields[i]);
        rows.append(row);
        if (rows.size() > maximumRows)
            throw bad(line, u"it has more than %1 rows"_s.arg(maximumRows));
    }
    return rows;
}

void checkRow(const QJsonObject &row, qsizetype number)
{
    static const QRegularExpression hash(u"^[0-9a-f]{64}$"_s);
    static const QRegularExpression certificateSerial(u"^[0-9a-f]{1,40}$"_s);
    const QString serial = row.value(u"serial"_s).toString();
    if (serial.isEmpty() || serial.size() > 64 || oneLine(serial) != serial)
        throw bad(number, u"it has no usable serial number"_s);
    if (!certificateSerial.match(row.value(u"certificate-serial"_s).toString()).hasMatch())
        throw bad(number, u"its certificate-serial is not in lower-case hex"_s);
    if (!hash.match(row.value(u"public-key-sha256"_s).toString()).hasMatch())
        throw bad(number, u"its public-key-sha256 is not 64 digits of lower-case hex"_s);
    const QString sha256 = row.value(u"sha256"_s).toString();
    if (!sha256.isEmpty() && !hash.match(sha256).hasMatch())
        throw bad(number, u"its sha256 is not 64 digits of lower-case hex"_s);
    for (const QString &column : columns()) {
        const QJsonValue value = row.value(column);
        if (!value.isUndefined() && !value.isNull() &&
            (!value.isString() || value.toString().size() > 1024 ||
             oneLine(value.toString(), 1024) != value.toString()))
            throw bad(number, u"its %1 is no text of one line"_s.arg(column));
    }
}

// Looks a row up; true: it is known as it is.
class Comparison
{
public:
    explicit Comparison(Transaction &transaction)
        : m_rows(transaction, "SELECT serial, certificate_serial, public_key_sha256, mode, revoked_entry IS NOT NULL, "
                              "profile FROM certificate WHERE serial = ?1 OR certificate_serial = ?2 OR "
                              "public_key_sha256 = ?3")
    {}

    bool known(const QJsonObject &row, QList<ImportConflict> &conflicts)
    {
        const QString serial = row.value(u"serial"_s).toString();
        const QString number = row.value(u"certificate-serial"_s).toString();
        const QString key = row.value(u"public-key-sha256"_s).toString();
        const bool good = row.value(u"revoked-at"_s).toString().isEmpty();
        const QString kind = row.value(u"kind"_s).toString();
        m_rows.bind(1, serial).bind(2, number).bind(3, key);
        bool same = false;
        QList<ImportConflict> found;
        while (m_rows.step()) {
            const bool sameSerial = m_rows.text(0) == serial;
            const bool sameNumber = m_rows.text(1) == number;
            const bool sameKey = m_rows.text(2) == key;
            if (sameSerial && sameNumber && sameKey) {
                same = true;
                continue;
            }
            const QString with = u"certificate %1 of %2"_s.arg(m_rows.text(1), m_rows.text(0));
            if (m_rows.text(3) == u"training")
                continue;
            if (sameNumber)
                found << ImportConflict{serial, number, u"certificate-serial"_s, with};
            else if (sameKey && !sameSerial)
                found << ImportConflict{serial, number, u"key"_s, with};
            else if (sameSerial && !sameKey && good && m_rows.integer(4) == 0 && (kind.isEmpty() || kind == u"idevid"))
                found << ImportConflict{serial, number, u"serial"_s, with};
        }
        m_rows.again();
        if (!same)
            conflicts << found;
        return same;
    }

private:
    JournalLookup m_rows;
};

void append(Transaction &transaction, const QJsonObject &row, const QString &station)
{
    QCborMap body{{u"mode"_s, u"elsewhere"_s}, {u"station"_s, station}};
    for (const QString &column : columns()) {
        const QString value = row.value(column).toString();
        if (!value.isEmpty() && column != u"mode")
            body.insert(column, value);
    }
    const QString serial = row.value(u"serial"_s).toString();
    transaction.append({u"certificate.elsewhere"_s, QString(), serial, body});
    if (const QString at = row.value(u"revoked-at"_s).toString(); !at.isEmpty())
        transaction.append({u"revocation"_s,
                            QString(),
                            serial,
                            {{u"certificate-serial"_s, row.value(u"certificate-serial"_s).toString()},
                             {u"reason"_s, row.value(u"revocation-reason"_s).toString()},
                             {u"mode"_s, u"elsewhere"_s}}});
}

} // namespace

QJsonArray issuedCertificates(Journal &journal, const ListOrder &order)
{
    QJsonArray list;
    journal.transact([&](Transaction &transaction) {
        list = {};
        const QByteArray sql = QByteArray(selectSql) +
                               "WHERE c.mode = ?1 AND (?2 = '' OR c.at >= ?2 OR c.revoked_at >= ?2) AND (?3 = '' OR "
                               "(?3 = 'revoked') = (c.revoked_entry IS NOT NULL)) ORDER BY c.entry";
        JournalLookup rows(transaction, sql.constData());
        rows.bind(1, toString(order.mode)).bind(2, order.since).bind(3, order.state);
        while (rows.step())
            list.append(objectOf(rows, order.certificates));
    });
    return list;
}

QJsonArray certificatesOfUnits(Transaction &transaction, Mode mode, const QString &profile, const QStringList &serials)
{
    QJsonArray list;
    const QByteArray sql =
        QByteArray(selectSql) + "WHERE c.serial = ?1 AND c.mode = ?2 AND c.profile = ?3 ORDER BY c.entry";
    JournalLookup rows(transaction, sql.constData());
    for (const QString &serial : serials) {
        rows.bind(1, serial).bind(2, toString(mode)).bind(3, profile);
        while (rows.step())
            list.append(objectOf(rows, true));
        rows.again();
    }
    return list;
}

QByteArray listDocument(const QJsonArray &certificates, const QString &station)
{
    return QJsonDocument(QJsonObject{{u"format"_s, u"slipway-identities-1"_s},
                                     {u"station"_s, station},
                                     {u"listed-at"_s, rfc3339Now()},
                                     {u"certificates"_s, certificates}})
        .toJson(QJsonDocument::Indented);
}

QByteArray listCsv(const QJsonArray &certificates)
{
    QByteArray csv = columns().join(u',').toUtf8() + "\r\n";
    for (const QJsonValue &value : certificates) {
        const QJsonObject object = value.toObject();
        QByteArray line;
        for (const QString &column : columns()) {
            if (!line.isEmpty())
                line += ',';
            line += csvField(object.value(column).toString());
        }
        csv += line + "\r\n";
    }
    return csv;
}

QByteArray identitiesSchema()
{
    QFile file(u":/slipway/identities-schema.json"_s);
    if (!file.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"identities-schema.json is not built in"_s);
    return file.readAll();
}

QJsonArray readList(const QByteArray &bytes, QString *station)
{
    if (bytes.size() > maximumBytes)
        throw bad(1, u"it is larger than %1"_s.arg(humanSize(maximumBytes)));
    if (bytes.trimmed().isEmpty())
        throw bad(1, u"it is empty"_s);
    QJsonArray rows;
    if (bytes.trimmed().startsWith('{')) {
        QJsonParseError error;
        const QJsonDocument document = QJsonDocument::fromJson(bytes, &error);
        if (!document.isObject())
            throw bad(1 + bytes.first(std::min<qsizetype>(error.offset, bytes.size())).count('\n'),
                      u"it is no JSON: "_s + error.errorString());
        if (document.object().value(u"format"_s).toString() != u"slipway-identities-1" ||
            !document.object().value(u"certificates"_s).isArray())
            throw bad(1, u"it is not in the form slipway-identities-1"_s);
        rows = document.object().value(u"certificates"_s).toArray();
        if (station)
            *station = oneLine(document.object().value(u"station"_s).toString(), 80);
    } else {
        rows = fromCsv(bytes);
    }
    if (rows.size() > maximumRows)
        throw bad(1, u"it has more than %1 rows"_s.arg(maximumRows));
    for (qsizetype i = 0; i < rows.size(); ++i)
        checkRow(rows[i].toObject(), i + 1);
    return rows;
}

QJsonArray certificatesOfJournal(const QString &path, QString *station)
{
    const JournalReport report = verifyJournal(path, nullptr);
    if (!report.good())
        throw bad(report.findings.front().entry, report.findings.front().sentence);
    JournalReader reader(path);
    if (station) {
        EntryFilter first;
        first.kind = u"station.created"_s;
        reader.forEachEntry(first, [&](const Entry &entry) {
            *station = oneLine(entry.body.value(u"name"_s).toString(), 80);
            return false;
        });
    }
    QJsonArray rows;
    const QByteArray sql = QByteArray(selectSql) + "WHERE c.mode = 'production' ORDER BY c.entry";
    Statement statement(reader.database(), sql.constData(), false);
    while (statement.step()) {
        QJsonObject row;
        for (int column = 0; column < journalColumns.size(); ++column)
            row.insert(journalColumns[column], statement.text(column));
        const QString kind = readBody(statement.blob(14)).value(u"kind"_s).toString();
        row.insert(u"kind"_s, kind.isEmpty() ? u"idevid"_s : kind);
        rows.append(row);
    }
    return rows;
}

ImportResult importList(Journal &journal, const QJsonArray &rows, const QString &station, const QByteArray &sha256)
{
    ImportResult result;
    result.rows = int(rows.size());
    // In pieces, so that runs going on need not wait for a large list. A piece that was cut off is known the next time.
    for (qsizetype from = 0; from < rows.size(); from += rowsPerTransaction) {
        ImportResult part;
        journal.transact([&](Transaction &transaction) {
            part = {};
            Comparison comparison(transaction);
            for (qsizetype i = from; i < std::min<qsizetype>(from + rowsPerTransaction, rows.size()); ++i) {
                const QJsonObject row = rows[i].toObject();
                if (row.value(u"mode"_s).toString() == u"training")
                    continue;
                if (comparison.known(row, part.conflicts)) {
                    ++part.known;
                    continue;
                }
                append(transaction, row, station);
                ++part.added;
            }
        });
        result.added += part.added;
        result.known += part.known;
        result.conflicts << part.conflicts;
    }
    QCborArray conflicts;
    for (const ImportConflict &conflict : std::as_const(result.conflicts)) {
        if (conflicts.size() < 1000)
            conflicts.append(conflict.what + u": "_s + conflict.serial + u", "_s + conflict.with);
    }
    journal.appendDurably({u"certificates.imported"_s,
                           QString(),
                           QString(),
                           {{u"station"_s, station},
                            {u"sha256"_s, sha256},
                            {u"rows"_s, result.rows},
                            {u"new"_s, result.added},
                            {u"conflicts"_s, conflicts}}});
    return result;
}

} // namespace slipway
