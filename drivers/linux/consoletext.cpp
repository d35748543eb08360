#include "drivers/linux/consoletext.h"

#include <algorithm>
#include <array>

namespace slipway::console {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longestWords = 400;       // of a mark
constexpr qsizetype longestKernelLine = 1100; // the kernel cuts a record at 1024 bytes

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

// The length of a kernel line that begins at `at`, line end included; 0: there is none.
qsizetype kernelLine(QByteArrayView text, qsizetype at)
{
    qsizetype i = at + 1;
    while (i < text.size() && text[i] == ' ')
        ++i;
    const qsizetype seconds = i;
    while (i < text.size() && isDigit(text[i]))
        ++i;
    if (i == seconds || i - seconds > 12 || i >= text.size() || text[i] != '.')
        return 0;
    const qsizetype fraction = ++i;
    while (i < text.size() && isDigit(text[i]))
        ++i;
    if (i - fraction != 6 || i >= text.size() || text[i] != ']')
        return 0;
    for (; i < text.size() && i - at < longestKernelLine; ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
            return i + 2 - at;
        if (quint8(text[i]) < ' ' && text[i] != '\t' && text[i] != '\r')
            return 0;
    }
    return 0;
}

// The end of an ECMA-48 sequence that begins with ESC at `at`.
qsizetype behindEscape(QByteArrayView text, qsizetype at)
{
    qsizetype i = at + 1;
    if (i >= text.size())
        return i;
    if (text[i] == '[') {
        ++i;
        while (i < text.size() && (text[i] < '\x40' || text[i] > '\x7e'))
            ++i;
        return std::min(i + 1, text.size());
    }
    if (text[i] == ']') { // a window's title, ended by BEL or ESC backslash
        while (i < text.size() && text[i] != '\x07' && text[i] != '\x1b')
            ++i;
        return i < text.size() && text[i] == '\x1b' ? std::min(i + 2, text.size()) : std::min(i + 1, text.size());
    }
    return i + 1;
}

QByteArray printable(QByteArrayView text)
{
    QByteArray out;
    out.reserve(text.size());
    for (qsizetype i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\x1b')
            i = behindEscape(text, i) - 1;
        else if (c == '\n' || c == '\t' || quint8(c) >= ' ')
            out += c;
        else if (c == '\r' && i + 1 < text.size() && text[i + 1] != '\n' && text[i + 1] != '\r')
            out += '\n'; // a bar that is drawn over itself
    }
    return out;
}

} // namespace

std::optional<Mark> findMark(QByteArrayView text, char kind, QByteArrayView token, qsizetype from)
{
    const QByteArray head = QByteArray(1, markByte) + kind + token.toByteArray();
    for (qsizetype at = text.indexOf(head, from); at >= 0; at = text.indexOf(head, at + 1)) {
        const qsizetype begin = at + head.size();
        const qsizetype end = text.sliced(begin, std::min(longestWords, text.size() - begin)).indexOf('\n');
        if (end < 0)
            continue;
        QByteArrayView words = text.sliced(begin, end);
        while (words.endsWith('\r'))
            words.chop(1);
        if (!words.isEmpty() && words.front() != ' ') // of a longer token
            continue;
        // Ours hold no brackets: one that does was torn by a kernel message.
        if (std::any_of(words.begin(), words.end(), [](char c) { return quint8(c) < ' ' || c == '['; }))
            continue;
        return Mark{words.trimmed().toByteArray(), at, begin + end + 1};
    }
    return std::nullopt;
}

QByteArray withoutKernelLines(QByteArrayView text)
{
    QByteArray out;
    out.reserve(text.size());
    qsizetype from = 0;
    for (qsizetype at = text.indexOf('['); at >= 0; at = text.indexOf('[', at)) {
        const qsizetype length = kernelLine(text, at);
        if (length == 0) {
            ++at;
            continue;
        }
        out += text.sliced(from, at - from);
        at += length;
        from = at;
    }
    return out + text.sliced(from).toByteArray();
}

QString plainText(QByteArrayView bytes)
{
    return QString::fromUtf8(printable(bytes)).trimmed();
}

QString lastLine(QByteArrayView text)
{
    const QByteArray plain = printable(text);
    return QString::fromUtf8(plain.mid(plain.lastIndexOf('\n') + 1));
}

Seen classify(QByteArrayView text, const Patterns &patterns)
{
    if (text.isEmpty())
        return Seen::Nothing;
    if (findMark(text, 'I', {}))
        return Seen::Loop;
    if (patterns.refused.match(plainText(text)).hasMatch())
        return Seen::Refused;
    const QString line = lastLine(text);
    if (line.trimmed().isEmpty())
        return Seen::Other;
    if (!patterns.bootLoader.pattern().isEmpty() && patterns.bootLoader.match(line).hasMatch())
        return Seen::BootLoader;
    if (patterns.password.match(line).hasMatch())
        return Seen::Password;
    if (patterns.login.match(line).hasMatch())
        return Seen::Login;
    return patterns.prompt.match(line).hasMatch() ? Seen::Prompt : Seen::Other;
}

QString shellWord(const QString &text)
{
    QString out = text;
    out.replace(u'\'', u"'\\''"_s);
    return u'\'' + out + u'\'';
}

QByteArray forPrintf(QByteArrayView bytes)
{
    QByteArray out;
    out.reserve(bytes.size() + bytes.size() / 4);
    for (const char c : bytes) {
        const quint8 value = quint8(c);
        if (value > ' ' && value < 0x7f && c != '\\') {
            out += c;
        } else if (c == ' ') {
            out += c;
        } else {
            out += "\\0";
            out += char('0' + (value >> 6));
            out += char('0' + ((value >> 3) & 7));
            out += char('0' + (value & 7));
        }
    }
    return out;
}

quint32 cksum(QByteArrayView bytes)
{
    static const auto table = [] {
        std::array<quint32, 256> t{};
        for (quint32 i = 0; i < 256; ++i) {
            quint32 value = i << 24;
            for (int bit = 0; bit < 8; ++bit)
                value = (value << 1) ^ (value & 0x80000000u ? 0x04c11db7u : 0u);
            t[i] = value;
        }
        return t;
    }();
    quint32 crc = 0;
    const auto add = [&crc](quint8 byte) { crc = (crc << 8) ^ table[((crc >> 24) ^ byte) & 0xff]; };
    for (const char c : bytes)
        add(quint8(c));
    for (quint64 left = quint64(bytes.size()); left > 0; left >>= 8)
        add(quint8(left & 0xff));
    return ~crc;
}

} // namespace slipway::console
