#include "core/journal/writertransaction.h"

#include "core/base/fault.h"
#include "core/journal/chainstatements.h"
#include "core/journal/queries.h"

#include <algorithm>

namespace slipway {

namespace {

// SQLite's length() counts code points.
qsizetype lengthInCharacters(const QString &text)
{
    return text.toUcs4().size();
}

std::vector<Journal::Transaction::CertificateRow> certificates(Statement &statement)
{
    const Resetting resetting(statement);
    std::vector<Journal::Transaction::CertificateRow> rows;
    while (statement.step()) {
        Journal::Transaction::CertificateRow row;
        row.serial = statement.text(0);
        row.certificateSerial = statement.text(1);
        row.at = statement.text(2);
        row.run = statement.text(3);
        row.sha256 = QByteArray::fromHex(statement.utf8(4));
        row.publicKeySha256 = QByteArray::fromHex(statement.utf8(5));
        row.revoked = !statement.isNull(6);
        const QCborMap body = readBody(statement.blob(7));
        row.der = body.value(QLatin1String("der")).toByteArray();
        row.kind = body.value(QLatin1String("kind")).toString();
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace

qint64 WriterTransaction::append(const NewEntry &entry)
{
    PreparedEntry prepared = prepareEntry(entry);
    try {
        return m_writer.write(prepared);
    } catch (const Fault &fault) {
        // The function may swallow it, but must not go on as if nothing had happened.
        if (!fault.is("journal.number-taken"))
            m_failure = std::current_exception();
        throw;
    }
}

bool WriterTransaction::numberTaken(Mode mode, const QString &pool, const QString &value)
{
    const Resetting resetting(m_s.numberTaken);
    m_s.numberTaken.bind(1, toString(mode)).bind(2, pool).bind(3, value);
    return m_s.numberTaken.step();
}

qint64 WriterTransaction::highestNumber(Mode mode, const QString &pool, const QString &prefix)
{
    constexpr int mostDigits = 18;
    qint64 highest = -1;
    // Numbers of equal length sort as text as they do by value, so one look at the index for each length is enough.
    for (int digits = 1; digits <= mostDigits; ++digits) {
        const Resetting resetting(m_s.numberDown);
        m_s.numberDown.bind(1, toString(mode))
            .bind(2, pool)
            .bind(3, qint64(lengthInCharacters(prefix)) + digits)
            .bind(4, prefix + QString(digits, u'0'))
            .bind(5, prefix + QString(digits, u'9'));
        while (m_s.numberDown.step()) {
            const QString tail = m_s.numberDown.text(0).mid(prefix.size());
            const auto isDigit = [](QChar c) { return c >= u'0' && c <= u'9'; };
            if (std::all_of(tail.begin(), tail.end(), isDigit)) {
                highest = std::max(highest, tail.toLongLong());
                break;
            }
        }
    }
    return highest;
}

std::vector<Journal::Transaction::CertificateRow> WriterTransaction::certificatesOfSerial(Mode mode,
                                                                                          const QString &serial)
{
    m_s.ofSerial.bind(1, serial).bind(2, toString(mode));
    return certificates(m_s.ofSerial);
}

std::vector<Journal::Transaction::CertificateRow>
WriterTransaction::certificatesOfKey(const QByteArray &publicKeySha256)
{
    const bool isHex = publicKeySha256.size() == 2 * hashBytes;
    const QByteArray key = isHex ? publicKeySha256.toLower() : publicKeySha256.toHex();
    m_s.ofKey.bindText(1, key);
    return certificates(m_s.ofKey);
}

bool WriterTransaction::certificateSerialUsed(const QString &certificateSerialHex)
{
    const Resetting resetting(m_s.serialUsed);
    m_s.serialUsed.bind(1, certificateSerialHex.toLower().remove(u':'));
    return m_s.serialUsed.step();
}

} // namespace slipway
