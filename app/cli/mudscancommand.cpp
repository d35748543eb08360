// `slipway mud scan`: an inventory of the devices on a link by the certificates that they show. Experimental.

#include "app/cli/mudcommand.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/trust.h"
#include "drivers/link/tlsidentity.h"
#include "drivers/link/waiter.h"

#include <QJsonArray>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 anchorLimit = 1024 * 1024;

struct ScanWords {
    std::string interface, anchors;
    std::vector<std::string> addresses;
    int port = 0, rate = 5, seconds = 5;
    bool dry = false;
};

struct Seen {
    QString address, outcome, sentence;
    TlsIdentity identity;
    std::optional<CertificateFacts> facts;
    bool trusted = false;
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

Seen judge(const QString &address, const TlsIdentity &identity, const std::optional<QList<QByteArray>> &anchors)
{
    Seen out{address, {}, {}, identity, {}, false};
    switch (identity.outcome) {
    case TlsIdentity::Outcome::Silent:
        out.outcome = u"silent"_s;
        out.sentence = u"does not answer"_s;
        return out;
    case TlsIdentity::Outcome::Refused:
        out.outcome = u"refused"_s;
        out.sentence = u"nobody listens there"_s;
        return out;
    case TlsIdentity::Outcome::NoTls:
        out.outcome = u"no-tls"_s;
        out.sentence = u"answers, but not with TLS"_s;
        return out;
    case TlsIdentity::Outcome::NoCertificate:
        out.outcome = u"no-certificate"_s;
        out.sentence = u"shows no certificate"_s;
        return out;
    case TlsIdentity::Outcome::Certificate:
        break;
    }
    try {
        out.facts = certificateFacts(identity.chain.first());
    } catch (const Fault &fault) {
        out.outcome = u"untrusted"_s;
        out.sentence = u"its certificate is damaged: "_s + fault.sentence();
        return out;
    }
    const QString why = anchors ? whyNotTrusted(identity.chain, *anchors) : u"no anchors were given"_s;
    out.trusted = why.isEmpty();
    out.outcome = out.trusted ? u"trusted"_s : u"untrusted"_s;
    out.sentence = out.trusted ? u"shows itself by a trusted certificate"_s : u"is not trusted: "_s + why;
    return out;
}

void record(Journal &journal, const ScanWords &words, const Seen &seen)
{
    QCborMap body{{u"interface"_s, text(words.interface)},
                  {u"address"_s, seen.address},
                  {u"port"_s, words.port},
                  {u"outcome"_s, seen.outcome},
                  {u"sentence"_s, seen.sentence}};
    if (seen.facts) {
        body.insert(u"serial"_s, seen.facts->subjectSerial);
        body.insert(u"mud-url"_s, seen.facts->mudUrl);
        body.insert(u"masa-url"_s, seen.facts->masaUrl);
        body.insert(u"not-after"_s, seen.facts->notAfter);
        body.insert(u"sha256"_s, seen.facts->sha256);
        body.insert(u"der"_s, seen.identity.chain.first());
    }
    // Under the unit's name only what a trusted certificate says.
    journal.appendDurably({u"device.seen"_s, {}, seen.trusted ? seen.facts->subjectSerial : QString(), body});
}

void show(CliContext &context, const Seen &seen)
{
    QJsonObject object{{u"address"_s, seen.address},
                       {u"outcome"_s, seen.outcome},
                       {u"sentence"_s, seen.sentence},
                       {u"protocol"_s, seen.identity.protocol}};
    QStringList words{seen.address, seen.outcome};
    if (seen.facts) {
        object.insert(u"serial"_s, seen.facts->subjectSerial);
        object.insert(u"subject"_s, seen.facts->subject);
        object.insert(u"issuer"_s, seen.facts->issuer);
        object.insert(u"mud-url"_s, seen.facts->mudUrl);
        object.insert(u"masa-url"_s, seen.facts->masaUrl);
        object.insert(u"not-after"_s, seen.facts->notAfter);
        object.insert(u"sha256"_s, hex(seen.facts->sha256));
        words << oneLine(seen.facts->subjectSerial, 80) << oneLine(seen.facts->mudUrl); // of anybody
    }
    context.object(object);
    words.removeAll(QString());
    context.result(words.join(u"  "_s));
    if (seen.outcome != "trusted"_L1)
        context.say(u"%1 %2."_s.arg(seen.address, seen.sentence));
}

int scan(CliContext &context, const ScanWords &words)
{
    const QString interface = text(words.interface);
    std::optional<QList<QByteArray>> anchors;
    if (!words.anchors.empty())
        anchors = certificatesFromPem(readFile(text(words.anchors), anchorLimit, u"trust anchors"_s));
    std::unique_ptr<Journal> journal;
    if (!words.dry && (context.homeGiven() || Home::exists(context.homePath())))
        journal = context.openHome().openJournal();
    context.say(
        u"This is an experimental inventory of %1: one TLS handshake with each neighbour on port %2."_s.arg(interface)
            .arg(words.port));
    Task task = context.task();
    task.log = [&context](const QString &line) { context.say(line); };
    QStringList addresses;
    for (const std::string &address : words.addresses) {
        const QString given = text(address);
        addresses << (given.contains(u'%') ? given : given + u'%' + interface);
    }
    if (addresses.isEmpty())
        addresses = linkLocalNeighbours(interface, task);
    Waiter waiter;
    int trusted = 0;
    for (const QString &address : addresses) {
        const Deadline next = Deadline::in(std::chrono::milliseconds(1000 / words.rate));
        context.transient(u"%1 ..."_s.arg(address));
        const Seen seen = judge(
            address, readTlsIdentity(address, quint16(words.port), task.within(std::chrono::seconds(words.seconds))),
            anchors);
        trusted += seen.trusted;
        if (journal)
            record(*journal, words, seen);
        show(context, seen);
        waiter.wait(-1, 0, next, task.stop);
    }
    context.say(addresses.isEmpty()
                    ? u"Nobody answers on %1."_s.arg(interface)
                    : u"%1 of %2 neighbours showed a trusted certificate."_s.arg(trusted).arg(addresses.size()));
    return trusted == addresses.size() ? 0 : 1;
}

} // namespace

void addMudScanCommand(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<ScanWords>();
    CLI::App *command = noun.add_subcommand(
        "scan",
        "Experimental: list the devices on a link by the certificates that they show in a TLS handshake; exit 1 "
        "where one is not trusted. Only link-local addresses, only where you are entitled to look");
    command->add_option("--interface", words->interface, "Network interface")->type_name("IF")->required();
    command->add_option("--port", words->port, "TCP port; there is no standard one")
        ->type_name("N")
        ->check(CLI::Range(1, 65535))
        ->required();
    command->add_option("--anchors", words->anchors, "Certificates of the manufacturers that are trusted")
        ->type_name("PEM");
    command->add_option("--address", words->addresses, "Only this link-local address; may be given again")
        ->type_name("ADDRESS")
        ->allow_extra_args(false);
    command->add_option("--rate", words->rate, "At most so many a second (5)")
        ->type_name("N")
        ->check(CLI::Range(1, 50));
    command->add_option("--seconds", words->seconds, "Patience with each (5)")
        ->type_name("N")
        ->check(CLI::Range(1, 60));
    command->add_flag("--no-record", words->dry, "Leave the journal alone");
    CliContext::examples(command,
                         {u"slipway mud scan --interface eth1 --port 8443 --anchors manufacturers.pem --home H"_s});
    context.action(command, [&context, words] { return scan(context, *words); });
}

} // namespace slipway
