#pragma once
// Base64 (RFC 4648 section 4) in and out of buffers that exist already: the console framing codes one line after the
// other and must not allocate for each.

#include <QByteArray>
#include <QByteArrayView>

namespace slipway {

// Characters that n bytes become, padding included.
constexpr qsizetype base64Length(qsizetype n)
{
    return (n + 2) / 3 * 4;
}

// Writes base64Length(data.size()) characters to out and returns the end.
char *encodeBase64(QByteArrayView data, char *out);

// Appends the decoded bytes. Strict: whole groups of four, padding only at the end; false (and nothing appended)
// otherwise.
bool decodeBase64(QByteArrayView text, QByteArray &out);

// Number of leading characters that are of the alphabet or padding.
qsizetype base64Run(QByteArrayView text);

} // namespace slipway
