// `slipway identity list | import | schema`.

#include "app/cli/identitysubcommands.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/steps/identitylist.h"

#include <QCryptographicHash>
#include <QFile>
#include <QJsonDocument>
#include <QRegularExpression>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 listLimit = 64 * 1024 * 1024;

struct ListWords {
    std::string out, format, since, state, station;
    std::vector<std::string> files;
    bool training = false, certificates = false;
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

int list(CliContext &context, const ListWords &words)
{
    const Home home = context.openHome();
    ListOrder order;
    order.mode = words.training ? Mode::Training : Mode::Production;
    order.since = text(words.since);
    order.state = text(words.state);
    order.certificates = words.certificates;
    const QString out = text(words.out);
    const bool csv = words.format == "csv" || (words.format.empty() && out.endsWith(u".csv"_s, Qt::CaseInsensitive));
    const auto journal = home.openJournal();
    const QJsonArray certificates = issuedCertificates(*journal, order);
    const QByteArray content = csv ? listCsv(certificates) : listDocument(certificates, home.stationName());
    writeFile(out, content);
    const QByteArray sha256 = QCryptographicHash::hash(content, QCryptographicHash::Sha256);
    journal->appendDurably(
        {u"identity.listed"_s,
         QString(),
         QString(),
         {{u"format"_s, csv ? u"csv"_s : u"json"_s}, {u"sha256"_s, sha256}, {u"certificates"_s, certificates.size()}}});
    context.object({{u"out"_s, out},
                    {u"format"_s, csv ? u"csv"_s : u"json"_s},
                    {u"certificates"_s, certificates.size()},
                    {u"sha256"_s, hex(sha256)}});
    context.result(u"%1 certificates are listed in %2."_s.arg(certificates.size()).arg(out));
    return 0;
}

bool isDatabase(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) && file.read(15) == "SQLite format 3";
}

int import(CliContext &context, const ListWords &words)
{
    const Home home = context.openHome();
    struct Wanted {
        QString file, station;
        QJsonArray rows;
        QByteArray sha256;
    };
    std::vector<Wanted> lists; // all are read before any is taken
    for (const std::string &file : words.files) {
        Wanted wanted;
        wanted.file = text(file);
        QByteArray content;
        if (isDatabase(wanted.file)) {
            wanted.rows = certificatesOfJournal(wanted.file, &wanted.station);
            content = listCsv(wanted.rows);
        } else {
            content = readFile(wanted.file, listLimit, u"a list of certificates"_s);
            wanted.rows = readList(content, &wanted.station);
        }
        if (!words.station.empty())
            wanted.station = oneLine(text(words.station), 80);
        if (wanted.station.isEmpty())
            throw Fault("base.usage", {u"The list %1 does not say which station it is of."_s.arg(wanted.file),
                                       u"Name it with --station."_s});
        wanted.sha256 = QCryptographicHash::hash(content, QCryptographicHash::Sha256);
        lists.push_back(std::move(wanted));
    }
    const auto journal = home.openJournal();
    int conflicts = 0;
    for (const Wanted &wanted : lists) {
        const ImportResult result = importList(*journal, wanted.rows, wanted.station, wanted.sha256);
        for (const ImportConflict &conflict : result.conflicts) {
            context.object({{u"conflict"_s, conflict.what},
                            {u"serial"_s, conflict.serial},
                            {u"certificate-serial"_s, conflict.certificateSerial},
                            {u"with"_s, conflict.with},
                            {u"station"_s, wanted.station}});
            context.result(u"  DOUBLE %1: certificate %2 of %3 (%4), and %5 here"_s.arg(
                conflict.what, conflict.certificateSerial, conflict.serial, wanted.station, conflict.with));
        }
        conflicts += int(result.conflicts.size());
        context.object({{u"file"_s, wanted.file},
                        {u"station"_s, wanted.station},
                        {u"rows"_s, result.rows},
                        {u"new"_s, result.added},
                        {u"known"_s, result.known},
                        {u"conflicts"_s, result.conflicts.size()}});
        context.result(u"%1: %2 of %3 certificates of %4 are new, %5 were known."_s.arg(wanted.file)
                           .arg(result.added)
                           .arg(result.rows)
                           .arg(wanted.station)
                           .arg(result.known));
    }
    if (conflicts > 0)
        context.say(u"%1 contradict what this station knows. Take the units out and find out which one is right."_s.arg(
            conflicts));
    return conflicts > 0 ? 1 : 0;
}

} // namespace

void addIdentityListCommands(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<ListWords>();
    CLI::App *command = noun.add_subcommand("list", "Write down what was issued, as JSON or CSV, for the manufacturer");
    command->add_option("--out", words->out, "Where the list goes")->type_name("FILE")->required();
    command->add_option("--format", words->format, "json or csv (default: by the file's ending, else json)")
        ->type_name("F")
        ->check(CLI::IsMember({"json", "csv"}));
    command->add_option("--since", words->since, "Only what was issued or revoked then or later: 2026-11-21")
        ->type_name("DAY")
        ->check([](const std::string &word) {
            static const QRegularExpression form(u"^[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-9:.]{5,12}Z)?$"_s);
            return form.match(QString::fromStdString(word)).hasMatch() ? std::string()
                                                                       : std::string("a day such as 2026-11-21");
        });
    command->add_option("--state", words->state, "Only good or only revoked ones")
        ->type_name("S")
        ->check(CLI::IsMember({"good", "revoked"}));
    command->add_flag("--certificates", words->certificates, "With the certificates themselves (JSON)");
    command->add_flag("--training", words->training, "Of the training record");
    CliContext::examples(command, {u"slipway identity list --out issued.json --home H"_s,
                                   u"slipway identity list --out issued.csv --since 2026-11-21 --home H"_s});
    context.action(command, [&context, words] { return list(context, *words); });

    command = noun.add_subcommand(
        "import",
        "Take in other stations' lists, so that nothing of theirs is used here; exit 1 where something is double");
    command->add_option("files", words->files, "Lists, JSON or CSV, or journals of other stations")
        ->type_name("FILE")
        ->required();
    command->add_option("--station", words->station, "Whose list it is, where it does not say so")->type_name("NAME");
    CliContext::examples(command, {u"slipway identity import line2.json line3.json --home H"_s});
    context.action(command, [&context, words] { return import(context, *words); });

    command = noun.add_subcommand("schema", "Print the JSON Schema of these lists");
    CliContext::examples(command, {u"slipway identity schema > identities-schema.json"_s});
    context.action(command, [&context] {
        const QByteArray schema = identitiesSchema();
        if (context.json())
            context.object(QJsonDocument::fromJson(schema).object());
        else
            context.result(QString::fromUtf8(schema).trimmed());
        return 0;
    });
}

} // namespace slipway
