#pragma once
// Small helpers over text and bytes that several rooms need.

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

// The candidate that the word most likely meant (Damerau-Levenshtein distance of at most a third of its length), or "".
QString nearMiss(const QString &word, const QStringList &candidates);
// " Did you mean "x"?" or "".
QString didYouMean(const QString &word, const QStringList &candidates);

// Lower-case hex, "a1:b2" with a separator.
QString hex(QByteArrayView bytes, QChar separator = {});
// Strict: even number of hex digits and nothing else.
std::optional<QByteArray> fromHex(QStringView text);

// "64.1 kB/s", "142 KiB", "3.4 s", "2 min 10 s": for people, never parsed.
QString humanRate(double bytesPerSecond);
QString humanSize(qint64 bytes);
QString humanSpan(double seconds);

// RFC 3339 in UTC with milliseconds, "2026-11-21T14:32:07.114Z": the one form of time in files and records.
QString rfc3339Now();

// "0x08000000" or "65536"; nothing when it is neither or does not fit.
std::optional<quint64> parseAddress(const QString &text);

// "30s", "500ms", "2min", "1h", or a plain number of seconds; nothing when it is none of these.
std::optional<qint64> parseDurationMs(const QString &text);

// Overwrites, then empties. For secrets.
void cleanse(QByteArray &secret);

// Text from outside made safe for one line of a terminal, a screen or a record: control characters become U+FFFD,
// and it is cut at limit characters.
QString oneLine(const QString &text, qsizetype limit = 400);

} // namespace slipway
