#include "drivers/probe/openocdanswer.h"

#include "core/base/text.h"

#include <QRegularExpression>

namespace slipway::openocd {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostBanks = 64, mostSectors = 65536;

// In the order of what is said first; the first that is found counts. From OpenOCD 0.12's sources and, where they are
// in tests/unit/probe, from its own mouth.
struct Sign {
    const char *pattern;
    const char *code;
};
constexpr Sign signs[] = {
    {"LIBUSB_ERROR_ACCESS|insufficient permissions|[Pp]ermission denied", "link.usb-permission"},
    {"LIBUSB_ERROR_BUSY|[Rr]esource busy", "link.busy"},
    {"LIBUSB_ERROR_NO_DEVICE|[Nn]o such device|jaylink.*device not available", "link.gone"},
    {"Can't find ([^\\s]+)", "probe.script"},
    {"couldn't open ([^\\s]+\\.(?:cfg|tcl))", "probe.script"},
    {"invalid command name \"([^\"]+)\"|unable to select a session transport|doesn't support '([^']+)' transport|"
     "Debug adapter doesn't support any transports|[Tt]he specified (?:adapter|debug interface|target) .*not found",
     "probe.config"},
    {"unable to find a matching CMSIS-DAP device|No J-Link device found|[Nn]o device found|Error: open failed|"
     "unable to open ftdi device|read version failed|No .*devices? found|Failed to connect'|Invalid serial number|"
     "could not find .*(?:probe|adapter)",
     "probe.no-probe"},
    {"[Tt]arget voltage may be too low|Target voltage: 0\\.\\d|[Tt]arget has no power|VTref.*0\\.\\d",
     "probe.no-power"},
    {"UNEXPECTED(?: idcode)?: (0x[0-9a-f]{8})", "probe.wrong-chip-id"},
    {"scan chain interrogation failed|Error connecting DP|init mode failed|unable to connect to the target|"
     "Invalid ACK|Could not find MEM-AP|[Tt]arget not examined|examination failed|cannot read IDR",
     "probe.no-target"},
    {"invalid read response", "probe.no-probe"},
    {"Error on socket 'remote_bitbang", "link.gone"},
};

} // namespace

QByteArray request(int number, const QByteArray &command)
{
    return "set slipway_code [catch {" + command + "} slipway_result]; set slipway_answer \"" +
           QByteArray::number(number) + " $slipway_code $slipway_result\"" + terminator;
}

std::optional<Answer> parseAnswer(const QByteArray &bytes, int number)
{
    if (bytes.size() > longestAnswer)
        return {};
    // At the beginning of a line: scripts that print do it by lines.
    const QByteArray mark = QByteArray::number(number) + ' ';
    qsizetype at = bytes.startsWith(mark) ? 0 : bytes.indexOf('\n' + mark) + 1;
    if (at == 0 && !bytes.startsWith(mark))
        return {};
    at += mark.size();
    const bool negative = at < bytes.size() && bytes[at] == '-'; // OpenOCD's own codes are
    at += negative;
    if (at >= bytes.size() || bytes[at] < '0' || bytes[at] > '9')
        return {};
    const bool ok = !negative && bytes[at] == '0';
    while (at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9')
        ++at;
    if (at < bytes.size() && bytes[at] != ' ')
        return {};
    return Answer{ok, bytes.mid(at + 1)};
}

std::optional<QList<Bank>> parseBanks(const QByteArray &text)
{
    QList<Bank> out;
    for (const QByteArray &line : text.split('\n')) {
        if (line.trimmed().isEmpty())
            continue;
        const QList<QByteArray> words = line.simplified().split(' ');
        bool atOk = false, sizeOk = false;
        const Bank bank{QString::fromUtf8(words.value(0)), words.value(1).toULongLong(&atOk),
                        words.value(2).toULongLong(&sizeOk)};
        if (words.size() != 3 || !atOk || !sizeOk || bank.at > 0xffffffff || bank.size > 0x100000000 ||
            out.size() == mostBanks)
            return {};
        out << bank;
    }
    return out;
}

std::optional<QList<Sector>> parseSectors(const QByteArray &text)
{
    static const QRegularExpression line(
        u"^\\s*#\\s*(\\d{1,9}): 0x([0-9a-fA-F]{1,16}) \\(0x([0-9a-fA-F]{1,16}) \\d+kB\\)([^\\n]*)$"_s,
        QRegularExpression::MultilineOption);
    QList<Sector> out;
    auto it = line.globalMatch(QString::fromLatin1(text.left(longestAnswer)));
    quint64 end = 0;
    while (it.hasNext()) {
        const auto match = it.next();
        bool offsetOk = false, sizeOk = false;
        Sector sector{match.captured(2).toULongLong(&offsetOk, 16), match.captured(3).toULongLong(&sizeOk, 16), {}};
        if (!offsetOk || !sizeOk || sector.size == 0 || sector.size > 0x10000000 || sector.offset != end ||
            match.captured(1).toLongLong() != out.size() || out.size() == mostSectors)
            return {};
        end += sector.size;
        const QString state = match.captured(4).trimmed();
        if (state == "protected"_L1)
            sector.isProtected = true;
        else if (state == "not protected"_L1)
            sector.isProtected = false;
        out << sector;
    }
    if (out.isEmpty())
        return {};
    return out;
}

std::optional<QList<quint32>> parseWords(const QByteArray &text, qsizetype count)
{
    const QList<QByteArray> words = text.simplified().split(' ');
    if (words.size() != count)
        return {};
    QList<quint32> out;
    for (const QByteArray &word : words) {
        bool ok = false;
        out << (word.startsWith("0x") ? word.mid(2).toUInt(&ok, 16) : word.toUInt(&ok));
        if (!ok)
            return {};
    }
    return out;
}

std::optional<Trouble> troubleIn(const QByteArray &log)
{
    const QString text = QString::fromUtf8(log.left(longestAnswer));
    for (const Sign &sign : signs) {
        const auto match = QRegularExpression(QLatin1String(sign.pattern)).match(text);
        if (!match.hasMatch())
            continue;
        const QString what = match.captured(1).isEmpty() ? match.captured(0) : match.captured(1);
        return Trouble{sign.code, oneLine(what.trimmed(), 100)};
    }
    return {};
}

QString errorsOf(const QByteArray &log)
{
    QStringList out;
    for (const QByteArray &line : log.left(longestAnswer).split('\n')) {
        if (!line.contains("Error: ") || out.size() == 5)
            continue;
        const QString text = oneLine(QString::fromUtf8(line.mid(line.indexOf("Error: ") + 7).trimmed()), 120);
        if (!text.isEmpty() && !out.contains(text))
            out << text;
    }
    return out.join(u"; "_s);
}

QString voltageIn(const QByteArray &log)
{
    static const QRegularExpression volts(u"(?:Target voltage: |VTref = )([0-9]{1,2}\\.[0-9]{1,6})"_s);
    const auto match = volts.match(QString::fromUtf8(log.left(longestAnswer)));
    return match.hasMatch() ? u"%1 V"_s.arg(match.captured(1).toDouble(), 0, 'f', 2) : QString();
}

} // namespace slipway::openocd
