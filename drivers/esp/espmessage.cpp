#include "drivers/esp/espmessage.h"

#include <QtEndian>

#include <array>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

void put16(char *to, quint16 value)
{
    qToLittleEndian(value, to);
}

void put32(char *to, quint32 value)
{
    qToLittleEndian(value, to);
}

quint32 get32(QByteArrayView from, qsizetype at)
{
    return qFromLittleEndian<quint32>(from.data() + at);
}

quint16 get16(QByteArrayView from, qsizetype at)
{
    return qFromLittleEndian<quint16>(from.data() + at);
}

struct Word {
    quint8 code;
    const char *text;
};
constexpr std::array<Word, 14> commands{{{esp::FlashBegin, "FLASH_BEGIN"},
                                         {esp::FlashData, "FLASH_DATA"},
                                         {esp::FlashEnd, "FLASH_END"},
                                         {esp::Sync, "SYNC"},
                                         {esp::WriteRegister, "WRITE_REG"},
                                         {esp::ReadRegister, "READ_REG"},
                                         {esp::SpiSetParameters, "SPI_SET_PARAMS"},
                                         {esp::SpiAttach, "SPI_ATTACH"},
                                         {esp::ReadFlashSlow, "READ_FLASH_SLOW"},
                                         {esp::ChangeBaudRate, "CHANGE_BAUDRATE"},
                                         {esp::DeflateBegin, "FLASH_DEFL_BEGIN"},
                                         {esp::DeflateData, "FLASH_DEFL_DATA"},
                                         {esp::FlashMd5, "SPI_FLASH_MD5"},
                                         {esp::SecurityInfo, "GET_SECURITY_INFO"}}};
constexpr std::array<Word, 16> errors{{{0x00, "it does not say why"},
                                       {0x01, "a parameter is not valid"},
                                       {0x02, "it has no memory left"},
                                       {0x03, "it could not send"},
                                       {0x04, "it could not receive"},
                                       {0x05, "it does not know this or got it damaged"},
                                       {0x06, "it understood, and it did not work"},
                                       {0x07, "the checksum is wrong"},
                                       {0x08, "the flash memory did not take what was written"},
                                       {0x09, "the flash memory cannot be read"},
                                       {0x0a, "the length to be read is wrong"},
                                       {0x0b, "the data cannot be unpacked"},
                                       {0x0c, "the unpacked data has a wrong checksum"},
                                       {0x0d, "the packed data does not fit its announcement"},
                                       {0x0e, "the size in memory is not valid"},
                                       {0x0f, "the address in memory is not valid"}}};

} // namespace

QString esp::commandName(quint8 command)
{
    for (const Word &word : commands) {
        if (word.code == command)
            return QString::fromLatin1(word.text);
    }
    return u"command 0x%1"_s.arg(command, 2, 16, QChar(u'0'));
}

QString esp::errorText(quint8 error)
{
    for (const Word &word : errors) {
        if (word.code == error)
            return QString::fromLatin1(word.text);
    }
    return u"error 0x%1"_s.arg(error, 2, 16, QChar(u'0'));
}

QByteArray EspRequest::packet() const
{
    QByteArray out(esp::headerSize, '\0');
    out[1] = char(command);
    put16(out.data() + 2, quint16(data.size()));
    put32(out.data() + 4, checksum);
    return out + data;
}

EspRequest EspRequest::sync()
{
    return {esp::Sync, QByteArray::fromHex("07071220") + QByteArray(32, '\x55'), 0};
}

EspRequest EspRequest::words(esp::Command command, std::initializer_list<quint32> values)
{
    EspRequest out{command, QByteArray(qsizetype(4 * values.size()), '\0'), 0};
    char *to = out.data.data();
    for (const quint32 value : values) {
        put32(to, value);
        to += 4;
    }
    return out;
}

EspRequest EspRequest::block(esp::Command command, QByteArrayView bytes, quint32 sequence)
{
    EspRequest out = words(command, {quint32(bytes.size()), sequence, 0, 0});
    quint8 sum = esp::checksumSeed;
    for (const char c : bytes)
        sum ^= quint8(c);
    out.checksum = sum;
    out.data.append(bytes);
    return out;
}

std::optional<EspRequest> EspRequest::parse(QByteArrayView packet)
{
    if (packet.size() < esp::headerSize || packet[0] != 0 || get16(packet, 2) != packet.size() - esp::headerSize)
        return std::nullopt;
    return EspRequest{esp::Command(quint8(packet[1])), packet.sliced(esp::headerSize).toByteArray(), get32(packet, 4)};
}

std::optional<EspReply> EspReply::parse(QByteArrayView packet)
{
    if (packet.size() < esp::headerSize || packet[0] != 1)
        return std::nullopt;
    const QByteArrayView body = packet.sliced(esp::headerSize);
    if (get16(packet, 2) != body.size() || body.size() < 2)
        return std::nullopt;
    const qsizetype status = body.size() >= 4 ? 4 : 2; // two bytes only from loaders that are not this ROM
    EspReply out;
    out.command = quint8(packet[1]);
    out.value = get32(packet, 4);
    out.data = body.chopped(status).toByteArray();
    const QByteArrayView tail = body.last(status);
    out.ok = tail[0] == 0;
    out.error = out.ok ? 0 : quint8(tail[1]);
    return out;
}

std::optional<EspSecurityInfo> EspSecurityInfo::parse(QByteArrayView data)
{
    if (data.size() != 12 && data.size() != 20)
        return std::nullopt;
    EspSecurityInfo out;
    out.flags = get32(data, 0);
    out.cryptCount = quint8(data[4]);
    out.keyPurposes = data.sliced(5, 7).toByteArray();
    if (data.size() == 20) {
        out.chipId = get32(data, 12);
        out.ecoVersion = get32(data, 16);
    }
    return out;
}

} // namespace slipway
