#include "drivers/stm32/stm32frames.h"

#include <QString>
#include <QtEndian>

namespace slipway::stm32 {

namespace {

char checksum(QByteArrayView bytes)
{
    char sum = 0;
    for (const char byte : bytes)
        sum = char(sum ^ byte);
    return sum;
}

QByteArray closed(QByteArray frame)
{
    frame.append(checksum(frame));
    return frame;
}

} // namespace

QByteArray commandFrame(Command command)
{
    const char code = char(command);
    return QByteArray().append(code).append(char(~code));
}

QByteArray addressFrame(quint32 at)
{
    QByteArray frame(4, '\0');
    qToBigEndian(at, frame.data());
    return closed(frame);
}

QByteArray readCountFrame(qsizetype count)
{
    const char code = char(count - 1);
    return QByteArray().append(code).append(char(~code));
}

QByteArray writeFrame(QByteArrayView block)
{
    QByteArray frame;
    frame.reserve(block.size() + 2);
    frame.append(char(block.size() - 1)).append(block);
    return closed(frame);
}

QByteArray eraseFrame(const QList<quint16> &pages)
{
    return sectorsFrame(pages);
}

QByteArray eraseAllFrame()
{
    return QByteArray("\xff\x00", 2);
}

QByteArray extendedEraseFrame(const QList<quint16> &pages)
{
    QByteArray frame(2 + 2 * pages.size(), '\0');
    qToBigEndian(quint16(pages.size() - 1), frame.data());
    for (qsizetype i = 0; i < pages.size(); ++i)
        qToBigEndian(pages[i], frame.data() + 2 + 2 * i);
    return closed(frame);
}

QByteArray extendedEraseAllFrame()
{
    return QByteArray("\xff\xff\x00", 3);
}

QByteArray sectorsFrame(const QList<quint16> &sectors)
{
    QByteArray frame;
    frame.append(char(sectors.size() - 1));
    for (const quint16 sector : sectors)
        frame.append(char(sector));
    return closed(frame);
}

// A frame that begins with its count takes an even number of equal bytes when the count is even, checksum included,
// so its XOR is not zero. Behind two autobaud bytes (a count of 0x7f and the first of 128) there are 128 fillers to
// the checksum, so one of them is another one.
char filler(qsizetype index)
{
    return index == 0 ? 0x5a : 0x2c;
}

qsizetype answerSize(Command command, QByteArrayView soFar)
{
    switch (command) {
    case Command::GetVersion:
        return 4;
    case Command::Get:
    case Command::GetId:
        return soFar.isEmpty() ? 1 : quint8(soFar[0]) + 3; // count, count + 1 bytes, ACK
    default:
        return 1;
    }
}

std::optional<Loader> parseGet(QByteArrayView answer)
{
    if (answer.size() < 3 || answer.size() != answerSize(Command::Get, answer) || answer.back() != ack)
        return {};
    Loader out;
    out.version = quint8(answer[1]);
    for (const char code : answer.sliced(2, answer.size() - 3))
        out.commands << quint8(code);
    return out;
}

std::optional<quint16> parseId(QByteArrayView answer)
{
    if (answer.size() != 4 || answer[0] != 1 || answer[3] != ack)
        return {};
    return qFromBigEndian<quint16>(answer.data() + 1);
}

std::optional<VersionAnswer> parseVersion(QByteArrayView answer)
{
    if (answer.size() != 4 || answer[3] != ack)
        return {};
    return VersionAnswer{quint8(answer[0]), quint8(answer[1]), quint8(answer[2])};
}

QString toText(Command command)
{
    switch (command) {
    case Command::Get:
        return QStringLiteral("say what it can");
    case Command::GetVersion:
        return QStringLiteral("tell its version");
    case Command::GetId:
        return QStringLiteral("tell the product's id");
    case Command::ReadMemory:
        return QStringLiteral("read memory");
    case Command::Go:
        return QStringLiteral("start the program");
    case Command::WriteMemory:
        return QStringLiteral("write memory");
    case Command::Erase:
    case Command::ExtendedErase:
        return QStringLiteral("erase flash");
    case Command::WriteProtect:
        return QStringLiteral("protect flash from writing");
    case Command::WriteUnprotect:
        return QStringLiteral("take the write protection off");
    case Command::ReadoutProtect:
        return QStringLiteral("protect flash from reading");
    case Command::ReadoutUnprotect:
        return QStringLiteral("take the readout protection off");
    }
    return QStringLiteral("do something");
}

} // namespace slipway::stm32
