#include "core/identity/validity.h"

#include <QDateTime>
#include <QRegularExpression>

namespace slipway {

namespace {

const QString form = QStringLiteral("yyyyMMddHHmmss");

QString text(const QDateTime &time)
{
    return time.toString(form) + u'Z';
}

} // namespace

QString timeFromSeconds(qint64 secondsSince1970)
{
    return text(QDateTime::fromSecsSinceEpoch(secondsSince1970, Qt::UTC));
}

std::optional<qint64> secondsOf(const QString &time)
{
    QDateTime parsed = QDateTime::fromString(time.chopped(std::min<qsizetype>(1, time.size())), form);
    parsed.setTimeSpec(Qt::UTC);
    if (!parsed.isValid() || !time.endsWith(u'Z'))
        return {};
    return parsed.toSecsSinceEpoch();
}

std::optional<QString> notAfterOf(const QString &words, qint64 now)
{
    static const QRegularExpression fixed(QStringLiteral("^[0-9]{14}Z$"));
    static const QRegularExpression span(QStringLiteral("^([1-9][0-9]{0,4})(y|mo|d)$"));
    if (fixed.match(words).hasMatch()) {
        if (!QDateTime::fromString(words.chopped(1), form).isValid())
            return {};
        return words;
    }
    const auto match = span.match(words);
    if (!match.hasMatch())
        return {};
    const int count = match.captured(1).toInt();
    const QDateTime from = QDateTime::fromSecsSinceEpoch(now, Qt::UTC);
    const QString unit = match.captured(2);
    const QDateTime to = unit == u"y"    ? from.addYears(count)
                         : unit == u"mo" ? from.addMonths(count)
                                         : from.addDays(count);
    if (!to.isValid() || to.date().year() > 9999)
        return {};
    return text(to);
}

bool isNotAfter(const QString &words)
{
    return notAfterOf(words, QDateTime::currentSecsSinceEpoch()).has_value();
}

} // namespace slipway
