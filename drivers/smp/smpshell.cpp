#include "drivers/smp/smpshell.h"

#include "core/base/text.h"

#include <QCborArray>

namespace slipway::smp {

using namespace Qt::StringLiterals;

namespace {

constexpr quint8 exec = 0, storageErase = 0;
constexpr qsizetype longestOutput = 16 * 1024;
constexpr std::chrono::milliseconds shellAnswer{8000}; // key generation takes seconds on small devices
constexpr std::chrono::milliseconds eraseAnswer{30000};

} // namespace

QStringList shellWords(const QString &command)
{
    QStringList words;
    QString word;
    QChar quote;
    bool inWord = false;
    for (const QChar c : command) {
        if (!quote.isNull()) {
            if (c == quote)
                quote = QChar();
            else
                word += c;
        } else if (c == u'"' || c == u'\'') {
            quote = c;
            inWord = true;
        } else if (c.isSpace()) {
            if (inWord)
                words << word;
            word.clear();
            inWord = false;
        } else {
            word += c;
            inWord = true;
        }
    }
    if (inWord)
        words << word;
    return words;
}

// Drops ECMA-48 control sequences (ESC [ ... letter) and lone control characters, keeps line ends.
QString plainOutput(const QString &output)
{
    QString out;
    out.reserve(output.size());
    for (qsizetype i = 0; i < output.size(); ++i) {
        const QChar c = output[i];
        if (c == u'\x1b') {
            if (i + 1 < output.size() && output[i + 1] == u'[') {
                i += 2;
                while (i < output.size() && (output[i] < u'\x40' || output[i] > u'\x7e'))
                    ++i;
            } else {
                ++i;
            }
        } else if (c == u'\n' || c == u'\t' || c >= u' ') {
            out += c;
        }
    }
    return out.trimmed();
}

Shell::Result runShell(SmpClient &client, const QString &command, bool safeTwice, const Task &task)
{
    QCborArray argv;
    for (const QString &word : shellWords(command))
        argv << word;
    const SmpReply reply =
        client.demand(SmpRequest::write(ShellGroup, exec, {{"argv"_L1, argv}}),
                      u"run the command \"%1\""_s.arg(oneLine(command, 60)), task, {shellAnswer, safeTwice ? 3 : 1});
    Shell::Result result;
    result.status = static_cast<int>(reply.integer("ret"_L1).value_or(0));
    result.output = plainOutput(reply.body.value("o"_L1).toString().left(longestOutput));
    return result;
}

void eraseStorage(SmpClient &client, const Task &task)
{
    client.demand(SmpRequest::write(Basic, storageErase), u"erase its storage"_s, task, {eraseAnswer, 2});
}

} // namespace slipway::smp
