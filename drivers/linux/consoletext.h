#pragma once
// What stands on a Linux console, as pure functions over bytes: kernel messages, prompts, the marks that the driver's
// loop on the device prints, and text made safe for the device's shell. Nothing here throws; all sizes are the
// caller's.

#include <QByteArray>
#include <QByteArrayView>
#include <QRegularExpression>
#include <QString>

#include <optional>

namespace slipway::console {

// Marks begin with this character (RS), which the echo of a typed command never holds.
constexpr char markByte = '\x1e';

struct Mark {
    QByteArray words; // between the token and the end of the line
    qsizetype at = 0; // of the mark byte
    qsizetype end = 0;
};
// RS, kind, token, words, newline (or CR LF). The first one from `from` on that is whole.
std::optional<Mark> findMark(QByteArrayView text, char kind, QByteArrayView token, qsizetype from = 0);

// Takes away lines that the kernel wrote to the console, wherever in a line they begin: "[   12.345678] usb 1-1: ..."
// up to CR LF. What the device's programs print while the terminal does not translate ends in LF alone and stays.
QByteArray withoutKernelLines(QByteArrayView text);

// UTF-8 to text: escape sequences and control characters dropped, CR LF as LF, ends trimmed.
QString plainText(QByteArrayView bytes);
// What stands behind the last line end, escape sequences dropped.
QString lastLine(QByteArrayView text);

struct Patterns {
    QRegularExpression login, password, refused, prompt, bootLoader; // bootLoader may be empty
};
enum class Seen { Nothing, Loop, Login, Password, Refused, Prompt, BootLoader, Other };
Seen classify(QByteArrayView text, const Patterns &patterns);

// One word for a POSIX shell: 'it'\''s'.
QString shellWord(const QString &text);
// The argument of printf '%b' that prints these bytes: ASCII without control characters.
QByteArray forPrintf(QByteArrayView bytes);
// The CRC of POSIX cksum, length included.
quint32 cksum(QByteArrayView bytes);

} // namespace slipway::console
