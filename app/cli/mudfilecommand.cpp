// `slipway mud check`.

#include "app/cli/mudcommand.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/mud/mudcheck.h"

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct CheckWords {
    std::string file;
    std::string url;
    bool inIdevid = false;
};

int check(CliContext &context, const CheckWords &words)
{
    const QString path = QString::fromStdString(words.file);
    const QByteArray bytes = readFile(path, MudFile::MaximumBytes, u"a MUD file"_s);
    const MudFile file = MudFile::parse(bytes, oneLine(path));
    MudCheckOptions options;
    options.urlInCertificate = words.inIdevid;
    if (!words.url.empty())
        options.url = QString::fromStdString(words.url);
    int errors = 0;
    int warnings = 0;
    for (const MudFinding &finding : checkMudFile(file, options)) {
        errors += finding.severity == MudFinding::Severity::Error;
        warnings += finding.severity == MudFinding::Severity::Warning;
        context.object(finding.toJson());
        const QString place = finding.line > 0 ? u"%1:%2"_s.arg(path, QString::number(finding.line)) : path;
        context.result(u"%1: %2: %3%4"_s.arg(place, toString(finding.severity), finding.message,
                                             finding.clause.isEmpty() ? QString() : u" (%1)"_s.arg(finding.clause)));
        if (!finding.path.isEmpty())
            context.result(u"    %1"_s.arg(finding.path));
    }
    const auto counted = [](int number, const QString &what) {
        return u"%1 %2%3"_s.arg(number).arg(what, number == 1 ? QString() : u"s"_s);
    };
    context.result(u"%1: %2, %3."_s.arg(path, counted(errors, u"error"_s), counted(warnings, u"warning"_s)));
    return errors == 0 ? 0 : 1;
}

} // namespace

void addMudFileCommands(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<CheckWords>();
    CLI::App *command = noun.add_subcommand(
        "check", "Judge a MUD file against RFC 8520, RFC 8519 and known extensions; exit 1 when it has errors");
    command->add_option("file", words->file, "MUD file, JSON")->type_name("FILE")->required();
    command->add_option("--url", words->url, "The MUD URL under which it will be published")->type_name("URL");
    command->add_flag("--in-idevid", words->inIdevid,
                      "The product's MUD URL stands in its certificate, which firmware cannot change");
    CliContext::examples(command, {u"slipway mud check t1.json"_s,
                                   u"slipway mud check t1.json --url https://mud.example/t1/1.4.json --json"_s});
    context.action(command, [&context, words] { return check(context, *words); });
}

} // namespace slipway
