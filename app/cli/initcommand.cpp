#include "app/cli/initcommand.h"

#include "app/common/demo.h"
#include "core/base/text.h"
#include "core/journal/verifier.h"

#include <QSysInfo>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

void addInitCommand(CLI::App &app, CliContext &context)
{
    CLI::App *init = app.add_subcommand("init", "Make a new station: its folder, keys, sample recipe and profile");
    const auto name = std::make_shared<std::string>();
    init->add_option("--name", *name, "Name of the station, on the screen and in every record")->type_name("NAME");
    CliContext::examples(init, {u"slipway init --home ~/line1 --name \"Line 1\""_s,
                                u"slipway init --home ~/line1 --passphrase-fd 3 3< passphrase"_s});
    context.action(init, [&context, name] {
        QString wanted = QString::fromStdString(*name);
        if (wanted.isEmpty())
            wanted = oneLine(QSysInfo::machineHostName(), 40).trimmed();
        if (wanted.isEmpty())
            wanted = u"Station"_s;
        const Home home = Home::create(context.homePath(), wanted, samplesFolder, context.passphrase());
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
            context.say(u"Its keys are not encrypted. For production make it with --passphrase-fd."_s);
        context.say(u"Try it: slipway demo --headless --home %1"_s.arg(home.path()));
        return 0;
    });
}

} // namespace slipway
