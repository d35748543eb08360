#include "drivers/esp/espentry.h"

namespace slipway::esp {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr int syncTries = 6;
constexpr int rounds = 2; // over all sequences
constexpr auto reappears = 3s;
constexpr auto settles = 50ms; // of what the change of rate leaves on the line

// Times pass listening: what a chip says while it starts tells what it starts.
bool play(EspClient &client, const QList<EspResetStep> &steps, const Task &task)
{
    for (const EspResetStep &step : steps) {
        if (!client.link().setSignals(step.dtr, step.rts))
            return false;
        if (step.ms > 0)
            client.listen(std::chrono::milliseconds(step.ms), task);
    }
    return true;
}

QStringList sequences(const EspAdapter *adapter)
{
    return adapter ? adapter->enter : QStringList{u"transistors"_s, u"transistors-slow"_s, u"inverted"_s};
}

} // namespace

bool synchronise(EspClient &client, const Task &task)
{
    for (int attempt = 0; attempt < syncTries; ++attempt) {
        if (client.sync(task))
            return true;
    }
    return false;
}

void enterLoader(EspClient &client, const EspQuirks &quirks, const EspAdapter *adapter, const Task &task)
{
    client.forget();
    const QStringList names = sequences(adapter);
    for (int round = 0; round < rounds; ++round) {
        for (const QString &name : names) {
            bool hasLines = false;
            try {
                hasLines = play(client, quirks.sequence(name), task);
            } catch (const Fault &fault) {
                // A chip's own USB goes away in a reset.
                if (!adapter || !adapter->native || !fault.is("link.gone"))
                    throw;
                client.link().reopen(task.within(reappears));
                hasLines = true;
            }
            if (synchronise(client, task)) {
                if (hasLines)
                    task.say(u"Reached the loader by the reset sequence \"%1\""_s.arg(name));
                return;
            }
            if (!hasLines)
                break; // the others would be the same
        }
    }
    const QString heard = client.heard();
    if (heard.contains(u"waiting for download"_s))
        client.noAnswer(u"it waits for download and hears nothing: "_s + heard.right(120));
    if (heard.contains(u"boot:0x"_s) || heard.contains(u"entry 0x"_s))
        throw Fault("esp.application-runs", {client.link().info().port}, heard.right(200));
    client.noAnswer(heard.isEmpty() ? u"silence"_s : heard.right(200));
}

bool runByLines(EspClient &client, const EspQuirks &quirks, const EspAdapter *adapter, const Task &task)
{
    try {
        return play(client, quirks.sequence(adapter ? adapter->run : u"run"_s), task);
    } catch (const Fault &fault) {
        // With its own USB, a chip that starts its application is gone from here.
        if (!adapter || !adapter->native || !fault.is("link.gone"))
            throw;
        return true;
    }
}

void runByLoader(EspClient &client, bool encryptionWord, const Task &task)
{
    constexpr quint32 restart = 0;
    constexpr quint32 blockBytes = 1024;
    const EspRequest begin = encryptionWord ? EspRequest::words(FlashBegin, {0, 0, blockBytes, 0, 0})
                                            : EspRequest::words(FlashBegin, {0, 0, blockBytes, 0});
    client.demand(begin, 0, u"prepare its restart"_s, task);
    const auto reply = client.ask(EspRequest::words(FlashEnd, {restart}), task, 300ms);
    if (reply && !reply->ok) // it may be gone before it could answer
        throw EspRefusal(u"restart"_s, *reply);
}

void changeRate(EspClient &client, int baud, const Task &task)
{
    const int before = client.link().info().baud;
    const auto reply = client.ask(EspRequest::words(ChangeBaudRate, {quint32(baud), 0}), task);
    if (!reply)
        client.noAnswer(commandName(ChangeBaudRate));
    if (!reply->ok) {
        task.say(u"The chip does not change to %1 baud: %2"_s.arg(baud).arg(errorText(reply->error)));
        return;
    }
    client.link().setBaud(baud);
    client.listen(settles, task);
    client.forget();
    if (synchronise(client, task))
        return;
    // It may have stayed where it was.
    client.link().setBaud(before > 0 ? before : romBaud);
    client.forget();
    if (!synchronise(client, task))
        throw Fault("esp.rate", {QString::number(baud)});
    task.say(u"The chip stayed at %1 baud"_s.arg(before > 0 ? before : romBaud));
}

} // namespace slipway::esp
