#pragma once
// Times of certificates as text with a four-digit year, "99991231235959Z": such texts compare as the times do, and no
// 32-bit time_t is involved. Room-internal.

#include <QString>

#include <optional>

namespace slipway {

inline constexpr char noExpiry[] = "99991231235959Z"; // RFC 5280 section 4.1.2.5: no well-defined expiration date

QString timeFromSeconds(qint64 secondsSince1970);
std::optional<qint64> secondsOf(const QString &time);
// A profile's not-after: the fixed time itself, or a span ("20y", "18mo", "90d") from now. Nothing when it is neither
// or ends after the year 9999.
std::optional<QString> notAfterOf(const QString &words, qint64 now);
bool isNotAfter(const QString &words);

} // namespace slipway
