// `slipway mud url`, `accept` and `history`: MUD URLs, and which later ones are taken.

#include "app/cli/mudcommand.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/mudsignature.h"
#include "core/journal/queries.h"
#include "core/mud/mudemission.h"
#include "core/mud/mudfile.h"
#include "core/steps/mudrecord.h"

#include <QCryptographicHash>
#include <QJsonArray>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 256 * 1024;

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

struct UrlWords {
    std::string source, as, company, model;
};

int url(CliContext &context, const UrlWords &words)
{
    const QString source = text(words.source);
    MudUrl found;
    if (source.startsWith("https:"_L1, Qt::CaseInsensitive)) {
        found = MudUrl::parse(source);
    } else if (source.startsWith("[)>"_L1)) {
        found = mudLabelFrom(source).url;
    } else {
        const QByteArray der = certificateFromFile(readFile(source, fileLimit, u"a certificate"_s));
        const QString inside = certificateFacts(der).mudUrl;
        if (inside.isEmpty() && !inside.isNull())
            throw Fault("mud.extension", {u"it holds no URL, or not as IA5String (RFC 8520 section 11)"_s});
        if (inside.isNull()) {
            context.say(u"%1 has no MUD URL. RFC 8520 section 11 has it in the extension %2."_s.arg(
                oneLine(source), QLatin1String(MudUrl::ExtensionOid)));
            return 1;
        }
        found = MudUrl::parse(inside);
    }
    const QString form = text(words.as);
    QByteArray octets;
    if (form == "extension"_L1)
        octets = found.extensionValue();
    else if (form == "dhcpv4"_L1)
        octets = mudDhcp4Option(found);
    else if (form == "dhcpv6"_L1)
        octets = mudDhcp6Option(found);
    else if (form == "lldp"_L1)
        octets = mudLldpTlv(found);
    else if (form == "label"_L1)
        octets = mudLabelText({text(words.company), {}, text(words.model), {}, found});
    QJsonObject object{{u"mud-url"_s, found.text()}, {u"normal-form"_s, normalMudUrl(found.text())}};
    if (!form.isEmpty())
        object.insert(form, hex(octets));
    const QStringList advice = mudUrlAdvice(found.text());
    object.insert(u"advice"_s, QJsonArray::fromStringList(advice));
    context.object(object);
    context.result(form.isEmpty() ? found.text() : hex(octets));
    for (const QString &line : advice)
        context.say(u"Note: %1."_s.arg(line));
    return 0;
}

struct AcceptWords {
    std::string canonical, product, device, offered, source = "typed", redirect, file, signature, anchors, certificate;
    std::string previousFile, previousSignature, reason;
    std::vector<std::string> used;
    bool record = false, override = false, training = false;

    MudSubject subject() const { return {training ? Mode::Training : Mode::Production, text(product), text(device)}; }
};

struct SignedFile {
    MudSigner signer;
    QString mudUrl, sha256;
};

// The signature before anything else of the file. anchor: instead of those of the words.
SignedFile readSigned(const std::string &file, const std::string &signature, const AcceptWords &words,
                      const QByteArray &anchor = {})
{
    const QByteArray bytes = readFile(text(file), MudFile::MaximumBytes, u"a MUD file"_s);
    MudSignatureRules rules;
    rules.anchorsPem = anchor.isEmpty() ? readFile(text(words.anchors), fileLimit, u"trust anchors"_s) : anchor;
    if (!words.certificate.empty())
        rules.deviceCertificate = certificateFromFile(readFile(text(words.certificate), fileLimit, u"a certificate"_s));
    const MudSignature verified =
        verifyMudSignature(bytes, readFile(text(signature), fileLimit, u"a signature"_s), rules);
    const MudFile parsed = MudFile::parse(bytes, oneLine(text(file)));
    return {mudSignerOf(verified.signers.first()), parsed.mudUrl.valueOr({}),
            hex(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256))};
}

bool isCheckThatFailed(const Fault &fault)
{
    static const QStringList codes{u"cms.content"_s,       u"cms.untrusted"_s, u"cms.expired"_s,
                                   u"cms.not-yet-valid"_s, u"cms.no-issuer"_s, u"cms.key-usage"_s,
                                   u"cms.weak"_s,          u"mud.signer"_s,    u"mud.line-ends"_s};
    return codes.contains(QLatin1String(fault.code()));
}

// The file that the offered URL gave, and whether its signer is equivalent. A signature that does not hold is a
// judgement, too, and one that nobody can overrule: *held is false then.
MudJudgement judgeFile(const MudStanding &before, const AcceptWords &words, SignedFile &file, bool *held)
{
    try {
        file = readSigned(words.file, words.signature, words);
        const MudJudgement judgement = judgeMudSigner(before, file.signer);
        if (judgement.accepted())
            return judgement;
        // Where several anchors are trusted the chain may have ended at another one than that of the signer before.
        for (const QByteArray &anchor :
             certificatesFromPem(readFile(text(words.anchors), fileLimit, u"trust anchors"_s))) {
            try {
                const SignedFile again = readSigned(words.file, words.signature, words, certificateToPem(anchor));
                const MudJudgement better = judgeMudSigner(before, again.signer);
                if (better.accepted()) {
                    file = again;
                    return better;
                }
            } catch (const Fault &fault) {
                if (!isCheckThatFailed(fault))
                    throw;
            }
        }
        return judgement;
    } catch (const Fault &fault) {
        if (!isCheckThatFailed(fault))
            throw;
        *held = false;
        MudJudgement judgement;
        judgement.outcome = MudOutcome::Reject;
        judgement.sentence = fault.sentence();
        if (judgement.sentence.endsWith(u'.'))
            judgement.sentence.chop(1);
        judgement.clause = u"RFC 8520 13.2"_s;
        return judgement;
    }
}

void show(CliContext &context, const QString &offered, const MudStanding &before, const MudStanding &after,
          const MudJudgement &judgement)
{
    context.object({{u"outcome"_s, toString(judgement.outcome)},
                    {u"offered"_s, offered},
                    {u"canonical"_s, before.canonical},
                    {u"canonical-after"_s, after.canonical},
                    {u"sentence"_s, judgement.sentence},
                    {u"clause"_s, judgement.clause},
                    {u"rollback"_s, judgement.rollback},
                    {u"warnings"_s, QJsonArray::fromStringList(judgement.warnings)}});
    context.result(u"%1 %2 (%3)."_s.arg(toString(judgement.outcome), judgement.sentence, judgement.clause));
    for (const QString &line : judgement.warnings)
        context.say(u"Note: %1."_s.arg(line));
    if (judgement.accepted() && after.canonical != before.canonical)
        context.say(u"The canonical URL is now %1."_s.arg(after.canonical));
}

MudStanding standingOf(CliContext &context, const AcceptWords &words)
{
    MudStanding standing;
    if (!words.product.empty()) {
        const Home home = context.openHome();
        JournalReader reader(home.file(u"journal.db"_s));
        standing = mudStandingFrom(mudHistory(reader, words.subject()));
    }
    if (!words.canonical.empty())
        standing.canonical = MudUrl::parse(text(words.canonical)).text();
    for (const std::string &used : words.used)
        standing.used << MudUrl::parse(text(used)).text();
    if (!words.previousFile.empty())
        standing.signer = readSigned(words.previousFile, words.previousSignature, words).signer;
    return standing;
}

int accept(CliContext &context, const AcceptWords &words)
{
    if (words.product.empty() && words.canonical.empty())
        throw Fault("cli.together", {u"give --canonical URL, or --product NAME of this station"_s});
    if (words.product.empty() && (words.record || !words.device.empty()))
        throw Fault("cli.together", {u"--record and --device need --product"_s});
    if (words.override && (words.reason.empty() || !words.record))
        throw Fault("cli.together", {u"--override needs --record, and --reason for whoever reads the record"_s});
    if (words.file.empty() != words.signature.empty() || words.file.empty() != words.anchors.empty())
        throw Fault("cli.together", {u"--file, --signature and --anchors go together"_s});
    if (words.previousFile.empty() != words.previousSignature.empty() ||
        (!words.previousFile.empty() && words.file.empty()))
        throw Fault("cli.together", {u"--previous-file and --previous-signature go together, with --file"_s});

    const QString offered = text(words.offered);
    const MudStanding before = standingOf(context, words);
    MudUrlSource source = *mudUrlSourceFromString(text(words.source));
    MudJudgement judgement = judgeMudUrl(before, offered);
    if (judgement.accepted() && !words.redirect.empty()) {
        const MudJudgement redirected = judgeMudRedirect(offered, text(words.redirect));
        if (!redirected.accepted())
            judgement = redirected;
    }
    QString fileUrl = offered, fileSha256;
    std::optional<MudSigner> signer = before.signer;
    const bool mayOverride = words.override && MudUrl::whyNot(offered).isEmpty();
    bool held = true;
    if (!words.file.empty() && (judgement.accepted() || mayOverride)) {
        SignedFile file;
        MudJudgement second = judgeFile(before, words, file, &held);
        if (!held || (judgement.accepted() && !second.accepted())) {
            second.warnings = judgement.warnings + second.warnings;
            second.rollback = judgement.rollback;
            judgement = second;
        } else {
            judgement.warnings += second.warnings;
        }
        if (held) {
            signer = file.signer;
            fileSha256 = file.sha256;
            fileUrl = file.mudUrl;
            if (const QString why = MudUrl::whyNot(fileUrl); !why.isEmpty()) {
                held = false;
                judgement.outcome = MudOutcome::Reject;
                judgement.sentence = u"The mud-url inside the file is none: "_s + why;
                judgement.clause = u"RFC 8520 3.1"_s;
            } else if (normalMudUrl(fileUrl) != normalMudUrl(offered)) {
                judgement.warnings << u"The file names another URL, %1, for itself: a big change"_s.arg(fileUrl);
                // Who may move a product elsewhere: its signer, and none is known.
                if (judgement.accepted() && !before.canonical.isEmpty() && !before.signer) {
                    judgement.outcome = MudOutcome::Reject;
                    judgement.sentence = u"The file names another URL for itself, and no signer of the file before is "
                                         "known to compare its signer with"_s;
                    judgement.clause = u"draft-ietf-iotops-mud-acceptable-urls, big changes"_s;
                }
            }
        }
    }
    if (!judgement.accepted() && mayOverride && held) {
        judgement.warnings << u"By the rule it would be: %1 (%2)"_s.arg(toString(judgement.outcome),
                                                                        judgement.sentence);
        judgement.outcome = MudOutcome::Accept;
        judgement.sentence = u"A person decided so: "_s + oneLine(text(words.reason), 200);
        judgement.clause = u"station policy"_s;
    }
    const MudStanding after =
        judgement.accepted() ? mudStandingAfter(before, offered, fileUrl, signer, source) : before;
    if (words.record && judgement.accepted()) {
        const Home home = context.openHome();
        const auto journal = home.openJournal();
        recordMudAcceptance(*journal, words.subject(),
                            {.at = {},
                             .url = offered,
                             .canonical = fileUrl,
                             .reason = words.reason.empty() ? judgement.sentence : oneLine(text(words.reason), 200),
                             .fileSha256 = fileSha256,
                             .person = {},
                             .source = source,
                             .signer = signer});
    }
    show(context, offered, before, after, judgement);
    return judgement.accepted() ? 0 : 1;
}

struct HistoryWords {
    std::string product, device;
    bool training = false;
};

int history(CliContext &context, const HistoryWords &words)
{
    const Home home = context.openHome();
    JournalReader reader(home.file(u"journal.db"_s));
    const auto all = mudHistory(
        reader, {words.training ? Mode::Training : Mode::Production, text(words.product), text(words.device)});
    for (const MudAcceptance &one : all) {
        context.object({{u"at"_s, one.at},
                        {u"url"_s, one.url},
                        {u"canonical"_s, one.canonical},
                        {u"source"_s, toString(one.source)},
                        {u"source-means"_s, meaningOf(one.source)},
                        {u"signer"_s, one.signer ? one.signer->subject : QString()},
                        {u"file-sha256"_s, one.fileSha256},
                        {u"reason"_s, one.reason}});
        context.result(u"%1  %2  %3"_s.arg(one.at, one.url, meaningOf(one.source)));
        if (one.canonical != one.url)
            context.result(u"    its file says %1"_s.arg(one.canonical));
        if (one.signer)
            context.result(u"    signed by %1"_s.arg(one.signer->subject));
    }
    if (all.empty())
        context.say(u"No MUD URL of product \"%1\" is on record."_s.arg(oneLine(text(words.product), 60)));
    return 0;
}

} // namespace

void addMudUrlCommands(CLI::App &noun, CliContext &context)
{
    const auto urlWords = std::make_shared<UrlWords>();
    CLI::App *command = noun.add_subcommand("url", "The MUD URL of a certificate or a label, and nothing else");
    command->add_option("source", urlWords->source, "Certificate (PEM or DER), URL, or a label's text as scanned")
        ->type_name("CERT|URL")
        ->required();
    command
        ->add_option("--as", urlWords->as,
                     "In hex as it stands in a certificate, a DHCP option, LLDP's TLV or a QR label (RFC 9238)")
        ->type_name("FORM")
        ->check(CLI::IsMember({"extension", "dhcpv4", "dhcpv6", "lldp", "label"}));
    command->add_option("--company", urlWords->company, "For a label: company")->type_name("TEXT");
    command->add_option("--model", urlWords->model, "For a label: model number")->type_name("TEXT");
    CliContext::examples(command,
                         {u"slipway mud url d.pem"_s, u"slipway mud url https://mud.example/t1/1.4.json --as lldp"_s});
    context.action(command, [&context, urlWords] { return url(context, *urlWords); });

    const auto words = std::make_shared<AcceptWords>();
    command = noun.add_subcommand(
        "accept",
        "Judge another MUD URL of a device (draft-ietf-iotops-mud-acceptable-urls): accept, refetch, reject or "
        "rollback; exit 1 for the last two. Nothing is fetched");
    command->add_option("--canonical", words->canonical, "The mud-url in the file accepted last")->type_name("URL");
    command->add_option("--product", words->product, "Instead: a product of this station (the name of its profile)")
        ->type_name("NAME");
    command->add_option("--device", words->device, "One unit of that product")->type_name("SN");
    command->add_option("--offered", words->offered, "The URL that is offered now")->type_name("URL")->required();
    command->add_option("--used", words->used, "A URL used before; may be given again")
        ->type_name("URL")
        ->allow_extra_args(false);
    command->add_option("--source", words->source, "How it was learned: idevid, label, typed, dhcp, lldp")
        ->type_name("SOURCE")
        ->check(CLI::IsMember({"idevid", "label", "typed", "dhcp", "lldp"}));
    command->add_option("--redirect", words->redirect, "Where the server redirects to")->type_name("URL");
    command->add_option("--file", words->file, "The MUD file that the offered URL gave")->type_name("FILE");
    command->add_option("--signature", words->signature, "Its detached signature")->type_name("P7S");
    command->add_option("--anchors", words->anchors, "Trust anchors of its signer")->type_name("PEM");
    command->add_option("--certificate", words->certificate, "The device's certificate, whose mudsigner must match")
        ->type_name("CERT");
    command->add_option("--previous-file", words->previousFile, "The MUD file accepted last, to compare signers")
        ->type_name("FILE");
    command->add_option("--previous-signature", words->previousSignature, "Its signature")->type_name("P7S");
    command->add_flag("--record", words->record, "Put the acceptance on record for the product or unit");
    command->add_flag("--override", words->override, "Accept against the rule; needs --reason and --record");
    command->add_option("--reason", words->reason, "Why, for the record")->type_name("TEXT");
    command->add_flag("--training", words->training, "In the training record");
    CliContext::examples(
        command,
        {u"slipway mud accept --canonical https://mud.example/t1/1.4.json --offered https://mud.example/t1/1.5.json"_s,
         u"slipway mud accept --product t1 --offered https://mud.example/t1/1.5.json --file 1.5.json --signature "
         "1.5.p7s --anchors mud-ca.pem --record --home H"_s});
    context.action(command, [&context, words] { return accept(context, *words); });

    const auto historyWords = std::make_shared<HistoryWords>();
    command = noun.add_subcommand("history", "The MUD URLs that were accepted for a product, or for one unit of it");
    command->add_option("product", historyWords->product, "Name of its certificate profile")
        ->type_name("NAME")
        ->required();
    command->add_option("--device", historyWords->device, "Serial number")->type_name("SN");
    command->add_flag("--training", historyWords->training, "Of the training record");
    CliContext::examples(command, {u"slipway mud history t1 --home H"_s});
    context.action(command, [&context, historyWords] { return history(context, *historyWords); });
}

} // namespace slipway
