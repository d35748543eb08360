#include "app/cli/journalcommand.h"

#include "app/cli/usage.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/cms.h"
#include "core/journal/entryjson.h"
#include "core/journal/export.h"
#include "core/journal/headfile.h"
#include "core/journal/passport.h"
#include "core/journal/queries.h"
#include "core/journal/rebuild.h"
#include "core/journal/verify.h"

#include <QDir>
#include <QFileInfo>
#include <QJsonArray>

#include <algorithm>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

QString journalPath(const CliContext &context)
{
    return context.homePath() + u"/journal.db"_s;
}

QString counted(qint64 number, const QString &one, const QString &many)
{
    return u"%1 %2"_s.arg(number).arg(number == 1 ? one : many);
}

QString entriesCounted(qint64 number)
{
    return counted(number, u"entry"_s, u"entries"_s);
}

struct ShowOptions {
    std::string run, device, kind;
    int last = 0;
};

int show(CliContext &context, const ShowOptions &options)
{
    JournalReader reader(journalPath(context));
    EntryFilter filter;
    filter.run = QString::fromStdString(options.run);
    filter.device = QString::fromStdString(options.device);
    filter.kind = QString::fromStdString(options.kind);
    filter.last = options.last;
    if (!filter.run.isEmpty() && !reader.run(filter.run))
        throw Fault("journal.no-run", {oneLine(filter.run, 60)});
    const Task task = context.task();
    bool any = false;
    reader.forEachEntry(filter, [&](const Entry &entry) {
        task.check(u"Showing the journal"_s);
        any = true;
        context.object(toJson(entry));
        const QString training = entry.mode == Mode::Training ? u"TRAINING  "_s : QString();
        context.result(u"%1  %2  %3  %4  %5%6"_s.arg(entry.seq, 6)
                           .arg(entry.at, entry.kind.leftJustified(14), entry.device.leftJustified(12), training,
                                entryWords(entry)));
        return true;
    });
    if (!any && !filter.device.isEmpty())
        throw Fault("journal.no-unit",
                    {oneLine(filter.device, 60), didYouMean(filter.device, reader.serialsLike(filter.device))});
    return 0;
}

QJsonObject reportJson(const JournalReport &report)
{
    QJsonArray findings;
    for (const JournalFinding &finding : report.findings) {
        QJsonObject object{{u"sentence"_s, finding.sentence}};
        if (finding.entry > 0)
            object.insert(u"entry"_s, finding.entry);
        findings.append(object);
    }
    QJsonObject object{{u"good"_s, report.good() && report.signaturesChecked},
                       {u"entries"_s, report.entries},
                       {u"last-entry"_s, report.lastEntry},
                       {u"last-hash"_s, hex(report.lastHash)},
                       {u"checkpoints"_s, report.checkpoints},
                       {u"last-checkpoint"_s, report.lastCheckpoint},
                       {u"signatures-checked"_s, report.signaturesChecked},
                       {u"findings"_s, findings},
                       {u"more"_s, report.more},
                       {u"notes"_s, QJsonArray::fromStringList(report.notes)}};
    if (!report.findings.empty() && report.findings.front().entry > 0)
        object.insert(u"first-bad-entry"_s, report.findings.front().entry);
    return object;
}

// What vouches for the journal: what --certificate names, else, in a home, the station's CA. That a home lacks what it
// was made with goes into the words.
std::optional<JournalVerifier> voucher(const CliContext &context, const QString &given, QString &words)
{
    const QString keys = context.homePath() + u"/keys/"_s;
    const QString anchor = keys + u"station-ca.pem"_s;
    const QString station = keys + u"station.pem"_s;
    const bool home = Home::exists(context.homePath()) || QFileInfo::exists(anchor) || QFileInfo::exists(station);
    if (given.isEmpty() && !home)
        return {};
    try {
        return JournalVerifier::fromFile(given.isEmpty() ? anchor : given, station);
    } catch (const Fault &fault) {
        if (!given.isEmpty() && !fault.is("journal.not-vouched"))
            throw;
        words = fault.sentence();
        return {};
    }
}

int verify(CliContext &context, const std::string &certificate)
{
    QString doubt;
    const std::optional<JournalVerifier> verifier = voucher(context, QString::fromStdString(certificate), doubt);
    ProgressLine line(context, u"Checking"_s);
    JournalReport report = verifyJournal(journalPath(context), verifier ? &*verifier : nullptr, line.task());
    if (Home::exists(context.homePath()) && report.firstKind != u"station.created") {
        const auto first = std::find_if(report.findings.begin(), report.findings.end(),
                                        [](const JournalFinding &finding) { return finding.entry != 1; });
        report.findings.insert(first, {1, u"entry 1: is not how this station began: init writes station.created"_s});
    }
    const bool chainGood = report.good();
    if (!doubt.isEmpty())
        report.findings.push_back({0, doubt});
    QJsonObject object = reportJson(report);
    object.insert(u"chain-good"_s, chainGood);
    if (verifier)
        object.insert(u"anchor-sha256"_s, hex(verifier->anchorSha256()));
    context.object(object);
    for (const JournalFinding &finding : report.findings)
        context.result(finding.sentence);
    for (const QString &note : report.notes)
        context.say(note);
    if (!chainGood) {
        context.result(u"The journal is NOT as it was written%1."_s.arg(
            report.more ? u"; more than these findings were left out"_s : QString()));
        return 1;
    }
    const QString whole = entriesCounted(report.entries);
    if (!doubt.isEmpty()) {
        context.result(
            u"The journal is NOT verified: its chain of %1 is whole, but nothing vouches for it."_s.arg(whole));
        return 1;
    }
    if (!verifier) {
        context.result(u"The chain of %1 is whole, but nothing vouches for it: without the station's key anybody can "
                       "have written it. Give --certificate."_s.arg(whole));
        return 2;
    }
    context.result(u"The journal is as it was written: %1, %2, signatures good."_s.arg(
        whole, counted(report.checkpoints, u"checkpoint"_s, u"checkpoints"_s)));
    context.result(u"All of it rests on %1: compare this with the one noted when the station was made."_s.arg(
        hex(verifier->anchorSha256())));
    return 0;
}

struct PassportOptions {
    std::string serial, out;
    bool training = false;
};

int passport(CliContext &context, const PassportOptions &options)
{
    const Home home = context.openHome();
    JournalReader reader(home.file(u"journal.db"_s));
    const QString serial = QString::fromStdString(options.serial);
    QJsonObject made;
    try {
        const JournalVerifier verifier =
            JournalVerifier::fromFile(home.file(u"keys/station-ca.pem"_s), home.file(u"keys/station.pem"_s));
        ProgressLine line(context, u"Checking"_s);
        made = makePassport(reader, verifier, options.training ? std::optional(Mode::Training) : std::nullopt, serial,
                            {home.stationName(), u"slipway " SLIPWAY_VERSION ""_s, {}}, line.task());
    } catch (const Fault &fault) {
        if (!fault.is("journal.unproven") && !fault.is("journal.not-vouched"))
            throw;
        context.say(fault); // a check that did not hold
        return 1;
    }
    const QByteArray bytes = passportBytes(made);
    const QByteArray signature = cmsSignDetached(*home.openStationKey(), bytes);
    const QString folder = QString::fromStdString(options.out);
    if (!QDir().mkpath(folder))
        throw Fault("file.unwritable", {folder, u"the folder could not be made"_s});
    const QString base = QDir(folder).filePath(passportFileName(serial));
    writePassportPdf(made, base + u".pdf"_s);
    writeFile(base + u".json"_s, bytes);
    writeFile(base + u".json.p7s"_s, signature);
    const bool training = made.value(u"mode"_s).toString() == u"training";
    context.object({{u"serial"_s, serial},
                    {u"mode"_s, made.value(u"mode"_s)},
                    {u"verdict"_s, made.value(u"device"_s).toObject().value(u"verdict"_s)},
                    {u"json"_s, base + u".json"_s},
                    {u"signature"_s, base + u".json.p7s"_s},
                    {u"pdf"_s, base + u".pdf"_s}});
    context.result(
        u"%1Passport of %2: %3.json, .json.p7s and .pdf"_s.arg(training ? u"TRAINING. "_s : QString(), serial, base));
    return 0;
}

struct ExportOptions {
    std::string format, out, backup;
};

int exportJournal(CliContext &context, const ExportOptions &options)
{
    if (options.out.empty() && options.backup.empty())
        throw Fault("base.usage", {u"There is nothing to export to."_s, u"Give --out with --format, or --backup."_s});
    ProgressLine line(context, u"Export"_s);
    if (!options.backup.empty()) {
        const QString file = QString::fromStdString(options.backup);
        backupJournal(journalPath(context), file, line.task());
        context.object({{u"backup"_s, file}, {u"head"_s, headFilePath(file)}});
        context.result(u"Copied to %1, with %2 beside it"_s.arg(file, QFileInfo(headFilePath(file)).fileName()));
    }
    if (!options.out.empty()) {
        const QString out = QString::fromStdString(options.out);
        const bool csv = options.format == "csv";
        const qint64 rows = csv ? exportCsv(journalPath(context), out, line.task())
                                : exportJson(journalPath(context), out, line.task());
        context.object({{u"out"_s, out}, {u"format"_s, csv ? u"csv"_s : u"json"_s}, {u"rows"_s, rows}});
        context.result(u"Wrote %1 to %2"_s.arg(counted(rows, u"row"_s, u"rows"_s), out));
    }
    return 0;
}

int checkpoint(CliContext &context, bool acceptLoss)
{
    const Home home = context.openHome();
    Journal::open(home.file(u"journal.db"_s), home.signer(), acceptLoss ? Journal::Loss::Accept : Journal::Loss::Refuse)
        ->checkpoint();
    const std::optional<Checkpoint> made = readHeadFile(home.file(u"journal.db"_s));
    if (!made)
        throw Fault("journal.tampered", {u"journal.head is missing"_s});
    context.object({{u"entry"_s, made->seq},
                    {u"at"_s, QString::fromUtf8(made->at)},
                    {u"hash"_s, hex(made->hash)},
                    {u"signature"_s, hex(made->signature)}});
    context.result(u"Entry %1 is signed: %2 on %3"_s.arg(made->seq).arg(hex(made->hash), QString::fromUtf8(made->at)));
    return 0;
}

int rebuild(CliContext &context)
{
    ProgressLine line(context, u"Rebuild"_s);
    const qint64 entries = rebuildProjections(journalPath(context), line.task());
    context.object({{u"entries"_s, entries}});
    context.result(u"Derived tables rebuilt from %1"_s.arg(entriesCounted(entries)));
    return 0;
}

void addShow(CLI::App &journal, CliContext &context)
{
    CLI::App *command = journal.add_subcommand("show", "Print entries, first to last");
    const auto options = std::make_shared<ShowOptions>();
    command->add_option("--run", options->run, "Only this run")->type_name("ID");
    command->add_option("--device", options->device, "Only the runs of this unit")->type_name("SERIAL");
    command->add_option("--kind", options->kind, "Only entries of this kind, such as run.ended")->type_name("KIND");
    command->add_option("--last", options->last, "Only the last N of them")->type_name("N")->check(wholeNumber(1));
    CliContext::examples(command, {u"slipway journal show --home ~/line1 --last 20"_s,
                                   u"slipway journal show --device T1-00000001 --json"_s,
                                   u"slipway journal show --kind certificate --json | jq .body"_s});
    context.action(command, [&context, options] { return show(context, *options); });
}

void addVerify(CLI::App &journal, CliContext &context)
{
    CLI::App *command = journal.add_subcommand(
        "verify", "Check that the journal is as it was written: entries, chain, signatures, derived tables. Without a "
                  "key the chain alone is checked, and the exit status is 2");
    const auto certificate = std::make_shared<std::string>();
    command
        ->add_option("--certificate", *certificate,
                     "What to trust: the station's CA, certificate or public key, kept elsewhere (default: "
                     "keys/station-ca.pem, which proves no more than that the home agrees with itself)")
        ->type_name("FILE");
    CliContext::examples(command, {u"slipway journal verify --home ~/line1"_s,
                                   u"slipway journal verify --home /mnt/line1 --certificate station-ca.pem --json"_s});
    context.action(command, [&context, certificate] { return verify(context, *certificate); });
}

void addPassport(CLI::App &journal, CliContext &context)
{
    CLI::App *command =
        journal.add_subcommand("passport", "Everything about one unit: signed JSON, and a PDF to hand out. The "
                                           "journal is checked first; where it does not hold, nothing is signed");
    const auto options = std::make_shared<PassportOptions>();
    command->add_option("serial", options->serial, "The unit's serial number")->type_name("SERIAL")->required();
    command->add_option("--out", options->out, "Folder for SERIAL.json, SERIAL.json.p7s and SERIAL.pdf")
        ->type_name("DIR")
        ->default_val(".");
    command->add_flag("--training", options->training, "The unit of training mode with this serial number");
    CliContext::examples(command,
                         {u"slipway journal passport T1-00000001 --home ~/line1 --out passports"_s,
                          u"openssl cms -verify -binary -inform DER -in T1-00000001.json.p7s \\"_s,
                          u"    -content T1-00000001.json -CAfile ~/line1/keys/station-ca.pem -purpose any"_s});
    context.action(command, [&context, options] { return passport(context, *options); });
}

void addExport(CLI::App &journal, CliContext &context)
{
    CLI::App *command = journal.add_subcommand("export", "Write the journal as CSV or JSON, or make a consistent copy");
    const auto options = std::make_shared<ExportOptions>();
    command
        ->add_option("--format", options->format,
                     "csv: a folder with a file for each table; json: one file, an object a line")
        ->check(CLI::IsMember({"csv", "json"}))
        ->default_val("json");
    command->add_option("--out", options->out, "The folder (csv) or file (json)")->type_name("PATH");
    command->add_option("--backup", options->backup, "Copy the database to this file, also while the station works")
        ->type_name("FILE");
    CliContext::examples(command, {u"slipway journal export --format csv --out tables --home ~/line1"_s,
                                   u"slipway journal export --backup /mnt/backup/journal.db --home ~/line1"_s});
    context.action(command, [&context, options] { return exportJournal(context, *options); });
}

} // namespace

void addJournalCommand(CLI::App &app, CliContext &context)
{
    CLI::App *journal = app.add_subcommand("journal", "Read, check and export the record");
    journal->require_subcommand(1);
    addShow(*journal, context);
    addVerify(*journal, context);
    addPassport(*journal, context);
    addExport(*journal, context);

    CLI::App *signing =
        journal->add_subcommand("checkpoint", "Sign the end of the journal now, and print what was signed");
    const auto acceptLoss = std::make_shared<bool>(false);
    signing->add_flag("--accept-loss", *acceptLoss,
                      "Go on although entries at the end are gone; a permanent entry says so");
    CliContext::examples(signing,
                         {u"slipway journal checkpoint --home ~/line1 --json >> /mnt/elsewhere/checkpoints"_s});
    context.action(signing, [&context, acceptLoss] { return checkpoint(context, *acceptLoss); });

    CLI::App *rebuilding = journal->add_subcommand("rebuild", "Drop the derived tables and fill them from the entries");
    CliContext::examples(rebuilding, {u"slipway journal rebuild --home ~/line1"_s});
    context.action(rebuilding, [&context] { return rebuild(context); });
}

} // namespace slipway
