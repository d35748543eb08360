// `slipway mud publish`, `slipway mud headers` and `slipway mud serve`.

#include "app/cli/mudcommand.h"
#include "app/common/mudserver.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/mudsignature.h"
#include "core/mud/mudcheck.h"
#include "core/mud/mudsite.h"

#include <QEventLoop>
#include <QTimer>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 certificateLimit = 256 * 1024;
constexpr qint64 signatureLimit = 1024 * 1024;

struct SiteWords {
    std::string file, signature, site, at, anchors, server, out, address = "127.0.0.1", certificate, key;
    int port = 0;
    bool correct = false;
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

int publish(CliContext &context, const SiteWords &words)
{
    MudPublication publication;
    publication.file = readFile(text(words.file), MudFile::MaximumBytes, u"a MUD file"_s);
    publication.signature = readFile(text(words.signature), signatureLimit, u"a signature"_s);
    publication.at = text(words.at);
    publication.correction = words.correct;
    // What managers would refuse is not published: a signature that does not hold, by whomever.
    try {
        if (!words.anchors.empty())
            (void)verifyMudSignature(
                publication.file, publication.signature,
                {readFile(text(words.anchors), certificateLimit, u"a file of trust anchors"_s), {}, {}});
        else
            checkMudSignature(publication.file, publication.signature);
        const MudPublished done = publishMudFile(text(words.site), publication);
        for (const QString &remark : done.remarks)
            context.say(remark);
        context.object({{u"url"_s, done.url},
                        {u"signature-url"_s, done.signatureUrl},
                        {u"path"_s, done.path},
                        {u"signature-path"_s, done.signaturePath},
                        {u"etag"_s, done.etag},
                        {u"max-age"_s, done.maxAge},
                        {u"was-there"_s, done.wasThere},
                        {u"corrected"_s, done.corrected}});
        context.result(done.wasThere ? u"%1 was published already, with this very content."_s.arg(done.url)
                       : done.corrected
                           ? u"%1 is corrected in place; its signature is at %2."_s.arg(done.url, done.signatureUrl)
                           : u"%1 is published; its signature is at %2."_s.arg(done.url, done.signatureUrl));
        return 0;
    } catch (const Fault &fault) {
        static const QStringList refused{u"mud.unfit"_s,     u"mud.published"_s, u"mud.older"_s,
                                         u"mud.line-ends"_s, u"cms.content"_s,   u"cms.untrusted"_s,
                                         u"cms.expired"_s,   u"cms.key-usage"_s, u"cms.not-yet-valid"_s,
                                         u"cms.no-issuer"_s, u"cms.weak"_s};
        if (!refused.contains(QLatin1String(fault.code())))
            throw;
        context.say(fault);
        return 1;
    }
}

int headers(CliContext &context, const SiteWords &words)
{
    const QList<MudPage> pages = mudPages(text(words.site));
    const QByteArray lines = mudServerLines(text(words.server), pages);
    for (const MudPage &page : pages)
        context.object({{u"path"_s, page.path},
                        {u"content-type"_s, QString::fromLatin1(page.mediaType)},
                        {u"cache-control"_s, QString::fromLatin1(page.cacheControl)},
                        {u"etag"_s, QString::fromLatin1(page.etag)}});
    if (!words.out.empty()) {
        writeFile(text(words.out), lines);
        context.say(u"Lines for %1 files are in %2."_s.arg(pages.size()).arg(text(words.out)));
    } else if (!lines.isEmpty()) {
        context.result(QString::fromUtf8(lines).chopped(1));
    }
    return 0;
}

int serve(CliContext &context, const SiteWords &words)
{
    MudServer::Options options;
    options.folder = text(words.site);
    if (!options.address.setAddress(text(words.address)))
        throw Fault("base.usage", {u"\"%1\" is no address."_s.arg(oneLine(text(words.address), 80)),
                                   u"Give one of this computer, such as 127.0.0.1 or ::1."_s});
    options.port = quint16(words.port);
    if (!words.certificate.empty()) {
        options.certificatePem = readFile(text(words.certificate), certificateLimit, u"a certificate chain"_s);
        options.keyPem = readFile(text(words.key), certificateLimit, u"a private key"_s);
        options.passphrase = context.passphrase();
    }
    const MudServer server(options, [&context](const MudServer::Request &request) {
        context.object({{u"peer"_s, request.peer},
                        {u"method"_s, request.method},
                        {u"path"_s, request.path},
                        {u"status"_s, request.status},
                        {u"bytes"_s, request.bytes}});
        context.result(u"%1 %2 %3 %4 %5"_s.arg(request.peer, request.method, request.path,
                                               QString::number(request.status), QString::number(request.bytes)));
    });
    cleanse(options.keyPem);
    cleanse(options.passphrase);
    context.object({{u"ready"_s, server.url()}});
    context.say(u"Serving %1 at %2 until it is stopped."_s.arg(options.folder, server.url()));
    QEventLoop loop;
    QTimer watch;
    QObject::connect(&watch, &QTimer::timeout, &loop, [&] {
        if (context.stop().stop_requested())
            loop.quit();
    });
    watch.start(100);
    loop.exec();
    return 0;
}

} // namespace

void addMudSiteCommands(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<SiteWords>();
    CLI::App *command =
        noun.add_subcommand("publish", "Put a signed MUD file where its URL says, into a web server's folder");
    command->add_option("file", words->file, "MUD file, JSON")->type_name("FILE")->required();
    command->add_option("--signature", words->signature, "Its signature, DER")->type_name("FILE")->required();
    command->add_option("--out", words->site, "Folder that the web server serves as its root")
        ->type_name("DIR")
        ->required();
    command->add_option("--anchors", words->anchors, "Check that one of these stands above the signer")
        ->type_name("PEM");
    command->add_option("--at", words->at, "Publish it at this older URL instead: devices there move on to its own")
        ->type_name("URL");
    command->add_flag("--correct", words->correct, "Replace what is published at that URL: a wrong description");
    CliContext::examples(command, {u"slipway mud publish 1.4.json --signature 1.4.p7s --out /srv/mud"_s});
    context.action(command, [&context, words] { return publish(context, *words); });

    command = noun.add_subcommand("headers", "Lines for a web server's configuration: media types, caching");
    command->add_option("folder", words->site, "Folder that the web server serves as its root")
        ->type_name("DIR")
        ->required();
    std::string servers;
    for (const QString &name : mudServers())
        servers += (servers.empty() ? "" : ", ") + name.toStdString();
    command->add_option("--server", words->server, "One of " + servers)->type_name("NAME")->required();
    command->add_option("--out", words->out, "Where the lines go (standard output)")->type_name("FILE");
    CliContext::examples(command, {u"slipway mud headers /srv/mud --server nginx --out /etc/nginx/mud.conf"_s});
    context.action(command, [&context, words] { return headers(context, *words); });

    command = noun.add_subcommand("serve", "Serve MUD files to a bench over HTTP or HTTPS, until it is stopped");
    command->add_option("folder", words->site, "Folder of MUD files and signatures")->type_name("DIR")->required();
    command->add_option("--port", words->port, "Listen on this port (0: any)")
        ->type_name("PORT")
        ->check(CLI::Range(0, 65535))
        ->required();
    command->add_option("--address", words->address, "Address of this computer to listen on (127.0.0.1)")
        ->type_name("IP");
    CLI::Option *certificate =
        command->add_option("--cert", words->certificate, "HTTPS with this certificate, its chain behind it")
            ->type_name("PEM");
    CLI::Option *key = command->add_option("--key", words->key, "Private key of the certificate")
                           ->type_name("PEM")
                           ->needs(certificate);
    certificate->needs(key);
    CliContext::examples(command, {u"slipway mud serve /srv/mud --port 0"_s,
                                   u"slipway mud serve /srv/mud --port 8443 --cert web.pem --key web.key"_s});
    context.action(command, [&context, words] { return serve(context, *words); });
}

} // namespace slipway
