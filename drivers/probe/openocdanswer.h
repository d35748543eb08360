#pragma once
// What OpenOCD says: answers of its Tcl server (commands and answers end in 0x1a, OpenOCD User's Guide section 21.3),
// the table of "flash info" (section 12), and the log that it writes beside them. All of it is text from outside: sizes
// are limited, nothing recurses. Pure functions; nothing throws.

#include <QByteArray>
#include <QList>
#include <QString>

#include <optional>

namespace slipway::openocd {

constexpr char terminator = 0x1a;
constexpr qsizetype longestAnswer = 1024 * 1024;

// "set c [catch {command} r]; ...": its answer is "NUMBER CODE RESULT", whatever the command does.
QByteArray request(int number, const QByteArray &command);

struct Answer {
    bool ok = false; // Tcl's code was 0
    QByteArray text;
};
// Without the terminator. What a script printed before it is passed over. Nothing: it is no answer to that request.
std::optional<Answer> parseAnswer(const QByteArray &bytes, int number);

struct Bank {
    QString name;
    quint64 at = 0, size = 0;
};
// "NAME BASE SIZE" a line, numbers decimal.
std::optional<QList<Bank>> parseBanks(const QByteArray &text);

struct Sector {
    quint64 offset = 0, size = 0;
    std::optional<bool> isProtected;
};
// "#  0: 0x00000000 (0x400 1kB) not protected" lines among others. Nothing: none, or they do not follow each other.
std::optional<QList<Sector>> parseSectors(const QByteArray &text);

// "0x411fc231 0x0": as read_memory prints them, exactly that many.
std::optional<QList<quint32>> parseWords(const QByteArray &text, qsizetype count);

// What a log says went wrong: the code of a fault and what fills it, or nothing.
struct Trouble {
    const char *code = nullptr; // probe.no-target, link.usb-permission, ...
    QString what;
};
std::optional<Trouble> troubleIn(const QByteArray &log);
// Its errors in one line, for people.
QString errorsOf(const QByteArray &log);
// "3.3 V"; empty: not told.
QString voltageIn(const QByteArray &log);

} // namespace slipway::openocd
