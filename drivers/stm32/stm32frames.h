#pragma once
// The frames of ST's USART boot loader (AN3155 section 3): what the host sends, and what an answer must look like.
// Every frame from the host ends in a checksum that makes the XOR of all its bytes zero (a command: 0xff); numbers are
// big-endian. Pure functions; nothing throws.

#include <QByteArray>
#include <QList>

#include <optional>

namespace slipway::stm32 {

constexpr char autobaud = 0x7f; // the first byte ever: the loader measures the rate by it
constexpr char ack = 0x79;
constexpr char nack = 0x1f;
constexpr qsizetype largestBlock = 256;   // of one read or write
constexpr qsizetype mostShortPages = 255; // in one frame of Erase
constexpr qsizetype mostLongPages = 512;  // in one frame of Extended Erase: STM32L1 take no more

enum class Command : quint8 {
    Get = 0x00,
    GetVersion = 0x01,
    GetId = 0x02,
    ReadMemory = 0x11,
    Go = 0x21,
    WriteMemory = 0x31,
    Erase = 0x43,
    ExtendedErase = 0x44,
    WriteProtect = 0x63,
    WriteUnprotect = 0x73,
    ReadoutProtect = 0x82,
    ReadoutUnprotect = 0x92,
};

QByteArray commandFrame(Command command);
QByteArray addressFrame(quint32 at);
QByteArray readCountFrame(qsizetype count);         // 1 to 256
QByteArray writeFrame(QByteArrayView block);        // 1 to 256 bytes
QByteArray eraseFrame(const QList<quint16> &pages); // page numbers below 256, at most 255 of them
QByteArray eraseAllFrame();
QByteArray extendedEraseFrame(const QList<quint16> &pages);
QByteArray extendedEraseAllFrame();
QByteArray sectorsFrame(const QList<quint16> &sectors); // of Write Protect: below 256, at most 256 of them

// What a host sends to get a loader out of a frame that was cut short: byte `index` of a run that goes on until a
// refusal comes. No such run completes a frame with a right checksum when the loader waits for the beginning of one,
// also not behind two autobaud bytes.
char filler(qsizetype index);
constexpr qsizetype longestFrame = 2 + 2 * (0x7f7f + 1) + 1; // Extended Erase, its count two autobaud bytes

// Answers behind the first ACK, with the closing ACK: how many bytes there will be at least, by what has come. Get and
// Get ID say it in their first byte.
qsizetype answerSize(Command command, QByteArrayView soFar);

struct Loader {
    quint8 version = 0; // 0x31: 3.1
    QList<quint8> commands;
    bool knows(Command command) const { return commands.contains(quint8(command)); }
};
// Nothing when it is not such an answer.
std::optional<Loader> parseGet(QByteArrayView answer);
std::optional<quint16> parseId(QByteArrayView answer);
struct VersionAnswer {
    quint8 version = 0, option1 = 0, option2 = 0;
};
std::optional<VersionAnswer> parseVersion(QByteArrayView answer);

// "read memory": what the loader was asked to do.
QString toText(Command command);

} // namespace slipway::stm32
