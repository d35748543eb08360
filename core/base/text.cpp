#include "core/base/text.h"

#include <QDateTime>
#include <QRegularExpression>

#include <openssl/crypto.h>

#include <algorithm>
#include <vector>

namespace slipway {

namespace {

// Optimal string alignment distance.
int distance(const QString &a, const QString &b)
{
    const auto n = size_t(a.size());
    const auto m = size_t(b.size());
    std::vector<std::vector<int>> d(n + 1, std::vector<int>(m + 1));
    for (size_t i = 0; i <= n; ++i)
        d[i][0] = int(i);
    for (size_t j = 0; j <= m; ++j)
        d[0][j] = int(j);
    for (size_t i = 1; i <= n; ++i) {
        for (size_t j = 1; j <= m; ++j) {
            const auto ai = qsizetype(i) - 1;
            const auto bj = qsizetype(j) - 1;
            const int cost = a[ai] == b[bj] ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
            if (i > 1 && j > 1 && a[ai] == b[bj - 1] && a[ai - 1] == b[bj])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n][m];
}

} // namespace

QString nearMiss(const QString &word, const QStringList &candidates)
{
    if (word.isEmpty() || word.size() > 64)
        return {};
    QString best;
    int bestDistance = std::max(1, int(word.size() + 2) / 3) + 1;
    for (const QString &candidate : candidates) {
        const int d = distance(word.toLower(), candidate.toLower());
        if (d < bestDistance) {
            bestDistance = d;
            best = candidate;
        }
    }
    return best;
}

QString didYouMean(const QString &word, const QStringList &candidates)
{
    const QString near = nearMiss(word, candidates);
    return near.isEmpty() ? QString() : QStringLiteral(" Did you mean \"%1\"?").arg(near);
}

QString hex(QByteArrayView bytes, QChar separator)
{
    const QByteArray copy = QByteArray::fromRawData(bytes.data(), bytes.size());
    return QString::fromLatin1(separator.isNull() ? copy.toHex() : copy.toHex(separator.toLatin1()));
}

std::optional<QByteArray> fromHex(QStringView text)
{
    if (text.size() % 2 != 0)
        return {};
    for (const QChar c : text) {
        if (c.unicode() > 127 || !isxdigit(c.unicode()))
            return {};
    }
    return QByteArray::fromHex(text.toLatin1());
}

QString humanRate(double bytesPerSecond)
{
    if (bytesPerSecond >= 1e6)
        return QStringLiteral("%1 MB/s").arg(bytesPerSecond / 1e6, 0, 'f', 1);
    return QStringLiteral("%1 kB/s").arg(bytesPerSecond / 1e3, 0, 'f', 1);
}

QString humanSize(qint64 bytes)
{
    if (bytes < 1024)
        return QStringLiteral("%1 bytes").arg(bytes);
    if (bytes < 10 * 1024 * 1024)
        return QStringLiteral("%1 KiB").arg((bytes + 512) / 1024);
    return QStringLiteral("%1 MiB").arg(double(bytes) / 1048576.0, 0, 'f', 1);
}

QString humanSpan(double seconds)
{
    if (seconds < 10)
        return QStringLiteral("%1 s").arg(seconds, 0, 'f', 1);
    if (seconds < 120)
        return QStringLiteral("%1 s").arg(qRound64(seconds));
    const qint64 whole = qRound64(seconds);
    return QStringLiteral("%1 min %2 s").arg(whole / 60).arg(whole % 60);
}

QString rfc3339Now()
{
    return QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyy-MM-ddTHH:mm:ss.zzzZ"));
}

std::optional<quint64> parseAddress(const QString &text)
{
    static const QRegularExpression form(QStringLiteral("^(?:0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20})$"));
    bool ok = false;
    const quint64 at =
        form.match(text).hasMatch() ? text.toULongLong(&ok, text.size() > 1 && text[1].isLetter() ? 16 : 10) : 0;
    return ok ? std::optional(at) : std::nullopt;
}

std::optional<qint64> parseDurationMs(const QString &text)
{
    static const QRegularExpression form(QStringLiteral("^\\s*([0-9]{1,9}(?:\\.[0-9]{1,3})?)\\s*(ms|s|min|h)?\\s*$"));
    const auto match = form.match(text);
    if (!match.hasMatch())
        return {};
    const double number = match.captured(1).toDouble();
    const QString unit = match.captured(2);
    const double factor = unit == u"ms" ? 1 : unit == u"min" ? 60e3 : unit == u"h" ? 3600e3 : 1e3;
    return qRound64(number * factor);
}

void cleanse(QByteArray &secret)
{
    if (!secret.isEmpty())
        OPENSSL_cleanse(secret.data(), size_t(secret.size()));
    secret.clear();
}

QString oneLine(const QString &text, qsizetype limit)
{
    QString out = text.left(limit);
    for (QChar &c : out) {
        if (c.category() == QChar::Other_Control || c == QChar::LineSeparator || c == QChar::ParagraphSeparator)
            c = c == u'\n' || c == u'\t' ? QChar(u' ') : QChar(QChar::ReplacementCharacter);
    }
    if (text.size() > limit)
        out += u'…';
    return out;
}

} // namespace slipway
