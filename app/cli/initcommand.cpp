#include "app/cli/initcommand.h"

#include "app/common/demo.h"
#include "core/base/text.h"
#include "core/journal/verifier.h"

#include <QSysInfo>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

// Whoever makes a station at a terminal is asked; a script says --passphrase-fd or takes what that means.
QByteArray passphraseFor(CliContext &context, bool open)
{
    QByteArray passphrase = context.passphrase();
    if (!passphrase.isEmpty() || open || !context.inIsTerminal() || !context.errIsTerminal())
        return passphrase;
    passphrase = context.askAtTerminal(u"a passphrase for the station's keys (empty: they are not encrypted)"_s);
    if (passphrase.isEmpty())
        return passphrase;
    QByteArray again = context.askAtTerminal(u"it once more"_s);
    const bool same = again == passphrase;
    cleanse(again);
    if (!same)
        throw Fault("cli.passphrase-differs");
    return passphrase;
}

} // namespace

void addInitCommand(CLI::App &app, CliContext &context)
{
    CLI::App *init = app.add_subcommand("init", "Make a new station: its folder, keys, sample recipe and profile");
    const auto name = std::make_shared<std::string>();
    init->add_option("--name", *name, "Name of the station, on the screen and in every record")->type_name("NAME");
    const auto open = std::make_shared<bool>(false);
    init->add_flag("--no-passphrase", *open, "Do not ask for a passphrase: the station's keys lie open in its folder");
    CliContext::examples(init, {u"slipway init --home ~/line1 --name \"Line 1\""_s,
                                u"slipway init --home ~/line1 --passphrase-fd 3 3< passphrase"_s});
    context.action(init, [&context, name, open] {
        QString wanted = QString::fromStdString(*name);
        if (wanted.isEmpty())
            wanted = oneLine(QSysInfo::machineHostName(), 40).trimmed();
        if (wanted.isEmpty())
            wanted = u"Station"_s;
        const Home home = Home::create(context.homePath(), wanted, samplesFolder, passphraseFor(context, *open));
        const QString anchor =
            hex(JournalVerifier::fromFile(home.file(u"keys/station-ca.pem"_s), home.file(u"keys/station.pem"_s))
                    .anchorSha256());
        context.object({{u"home"_s, home.path()},
                        {u"name"_s, home.stationName()},
                        {u"keys-encrypted"_s, home.keysEncrypted()},
                        {u"anchor-sha256"_s, anchor}});
        context.result(u"Made station \"%1\" in %2."_s.arg(home.stationName(), home.path()));
        context.result(u"SHA-256 of its CA, keys/station-ca.pem: %1"_s.arg(anchor));
        context.say(u"Note that number elsewhere: what the station signs is its own only under this CA."_s);
        if (!home.keysEncrypted())
            context.say(u"Its keys are not encrypted: whoever reads the folder keys can issue. For production give a "
                        u"passphrase, at the "
                        "terminal or with --passphrase-fd."_s);
        context.say(u"Try it: slipway demo --headless --home %1%2"_s.arg(
            home.path(), home.keysEncrypted() ? u" --passphrase-fd 3 3< passphrase"_s : QString()));
        return 0;
    });
}

} // namespace slipway
