#include "app/cli/firmwarefindcommand.h"

#include "app/common/httpfetch.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/firmware/candidates.h"
#include "core/firmware/removable.h"
#include "core/firmware/vault.h"
#include "core/journal/queries.h"

#include <QCryptographicHash>
#include <QDir>
#include <QDirIterator>
#include <QJsonArray>
#include <QJsonDocument>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 keyLimit = 64 * 1024;
constexpr qint64 indexLimit = 1024 * 1024;
constexpr int mostFiles = 2000; // of one folder
constexpr int mostListed = 200; // of one server
constexpr int deepest = 5;

struct FindWords {
    std::string product, board, chip, running, signer, anchors;
    std::vector<std::string> formats, folders, urls;
    bool usb = false, older = false;
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

class Finder
{
public:
    Finder(CliContext &context, const FindWords &words, FirmwareWish wish)
        : m_context(context), m_search(wish), m_signerGiven(!wish.signer.isEmpty())
    {
        if (!words.anchors.empty())
            m_anchors = readFile(text(words.anchors), 16 * keyLimit, u"a list of trust anchors"_s);
    }

    void lookInVault(const Home &home)
    {
        EntryFilter artifacts;
        artifacts.kind = u"artifact"_s;
        JournalReader(home.file(u"journal.db"_s)).forEachEntry(artifacts, [&](const Entry &entry) {
            if (entry.body.value(u"use"_s).toString() == u"admitted")
                m_admitted.insert(entry.body.value(u"sha256"_s).toByteArray(), entry);
            return true;
        });
        const Vault vault(home.file(u"vault"_s));
        const auto stored = vault.list();
        for (const QByteArray &sha256 : stored) {
            const Entry entry = m_admitted.value(sha256);
            const QString name = entry.body.value(u"name"_s).toString(hex(sha256.left(8)));
            if (!m_admitted.contains(sha256)) {
                m_search.reject(name, u"the vault"_s, u"It is not on record: nobody admitted it."_s);
                continue;
            }
            take(name, u"the vault"_s, [&] { return vault.get(sha256); });
        }
    }

    void lookInFolder(const QString &folder, const QString &source)
    {
        if (!QDir(folder).exists())
            throw Fault("file.unreadable", {folder, u"there is no such folder"_s});
        QStringList files;
        collect(QDir(folder), 1, files);
        files.sort();
        if (files.size() >= mostFiles)
            m_context.say(u"%1 holds more than %2 files; the rest was not looked at."_s.arg(folder).arg(mostFiles));
        for (const QString &file : std::as_const(files)) {
            m_context.task().check(u"Looking for firmware"_s);
            take(QFileInfo(file).fileName(), source,
                 [&file] { return readFile(file, FirmwareFile::MaximumBytes, u"a firmware file"_s); });
        }
    }

    void lookAt(const QString &address)
    {
        const QUrl url(address, QUrl::StrictMode);
        FetchOrder order{url, FirmwareFile::MaximumBytes, u"a firmware file"_s, m_signerGiven, m_anchors};
        checkFetch(order);
        const QString name = QFileInfo(url.path()).fileName();
        const auto content = obtain(name, url.host(), [&] { return get(order); });
        if (!content)
            return;
        // A list of files has the form of an object; no firmware file has.
        if (content->startsWith('{'))
            lookAtIndex(url, *content);
        else
            judge(name, url.host(), *content);
    }

    std::vector<FirmwareCandidate> choose() { return m_search.choose(); }
    bool failed() const { return m_failed; } // a source could not be asked

private:
    static void collect(const QDir &folder, int depth, QStringList &files)
    {
        const auto entries =
            folder.entryInfoList(QDir::Files | QDir::Dirs | QDir::NoDotAndDotDot | QDir::NoSymLinks, QDir::Name);
        for (const QFileInfo &entry : entries) {
            if (files.size() >= mostFiles)
                return;
            if (entry.isDir() && depth < deepest)
                collect(QDir(entry.filePath()), depth + 1, files);
            else if (entry.isFile())
                files << entry.filePath();
        }
    }

    // What content() gives, or nothing and the reason on the list.
    template <typename Content>
    std::optional<QByteArray> obtain(const QString &name, const QString &source, Content content)
    {
        try {
            return content();
        } catch (const Fault &fault) {
            if (fault.is("base.stopped"))
                throw;
            m_failed = m_failed || fault.blame() == Blame::Station;
            m_search.reject(name, source, fault.sentence());
            return {};
        }
    }

    void judge(const QString &name, const QString &source, const QByteArray &bytes)
    {
        std::optional<FirmwareRecord> record;
        const auto known = m_admitted.constFind(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256));
        if (known != m_admitted.constEnd())
            record =
                FirmwareRecord{known->body.value(u"product"_s).toString(), known->body.value(u"version"_s).toString()};
        m_search.add(name, source, bytes, record);
    }

    template <typename Content> void take(const QString &name, const QString &source, Content content)
    {
        if (const auto bytes = obtain(name, source, content))
            judge(name, source, *bytes);
    }

    QByteArray get(const FetchOrder &order) { return fetch(order, m_context.task().within(std::chrono::minutes(5))); }

    // {"slipway-firmware": 1, "files": [{"url", "sha256"}]}: addresses relative to the list, on the same server.
    void lookAtIndex(const QUrl &url, const QByteArray &content)
    {
        const QString shown = oneLine(url.toDisplayString(), 200);
        QJsonParseError error;
        const QJsonObject index = QJsonDocument::fromJson(content, &error).object();
        if (content.size() > indexLimit || error.error != QJsonParseError::NoError ||
            index[u"slipway-firmware"_s].toInt() != 1 || !index[u"files"_s].isArray())
            throw Fault("firmware.index", {shown, u"it is no list of firmware"_s});
        const QJsonArray files = index[u"files"_s].toArray();
        if (files.size() > mostListed)
            throw Fault("firmware.index", {shown, u"it names more than %1 files"_s.arg(mostListed)});
        for (const QJsonValue value : files) {
            m_context.task().check(u"Looking for firmware"_s);
            QUrl file = url.resolved(QUrl(value[u"url"_s].toString(), QUrl::StrictMode));
            const QString name = QFileInfo(file.path()).fileName();
            if (file.host() != url.host() || file.scheme() != url.scheme() || file.port() != url.port()) {
                m_search.reject(name, url.host(), u"It lies on another server than its list."_s);
                continue;
            }
            file.setFragment(u"sha256="_s + value[u"sha256"_s].toString());
            take(name, url.host(), [&] {
                return get({file, FirmwareFile::MaximumBytes, u"a firmware file"_s, m_signerGiven, m_anchors});
            });
        }
    }

    CliContext &m_context;
    FirmwareSearch m_search;
    bool m_signerGiven;
    bool m_failed = false;
    QByteArray m_anchors;
    QHash<QByteArray, Entry> m_admitted; // the last one of each
};

int find(CliContext &context, const FindWords &words)
{
    FirmwareWish wish;
    wish.product = oneLine(text(words.product), 100);
    wish.board = oneLine(text(words.board), 100);
    wish.chip = oneLine(text(words.chip), 100);
    wish.running = oneLine(text(words.running), 100);
    wish.allowOlder = words.older;
    for (const std::string &format : words.formats)
        wish.formats << text(format);
    if (!words.signer.empty())
        wish.signer = readFile(text(words.signer), keyLimit, u"a public key"_s);
    if (wish.product.isEmpty() && wish.board.isEmpty() && wish.chip.isEmpty())
        throw Fault("base.usage",
                    {u"Nothing says for which device firmware is wanted."_s, u"Give --product, --board or --chip."_s});

    std::optional<Home> home;
    if (context.homeGiven() || Home::exists(context.homePath()))
        home = context.openHome();
    const bool named = !words.folders.empty() || !words.urls.empty() || words.usb;
    if (!named && !home)
        throw Fault("firmware.find");
    Finder finder(context, words, wish);
    if (home)
        finder.lookInVault(*home);
    for (const std::string &folder : words.folders)
        finder.lookInFolder(text(folder), text(folder));
    if (words.usb) {
        const QStringList volumes = removableVolumes();
        for (const QString &volume : volumes)
            finder.lookInFolder(volume, volume);
        if (volumes.isEmpty())
            context.say(u"No stick or card is mounted."_s);
    }
    for (const std::string &url : words.urls)
        finder.lookAt(text(url));
    if (!named) {
        const QStringList folders = home->firmwareFolders();
        for (const QString &folder : folders)
            finder.lookInFolder(folder, folder);
        const QStringList urls = home->firmwareUrls();
        for (const QString &url : urls)
            finder.lookAt(url);
    }

    const auto candidates = finder.choose();
    bool chosen = false;
    for (const FirmwareCandidate &candidate : candidates) {
        chosen = chosen || candidate.chosen;
        context.object(candidate.toJson());
        context.result(u"%1  %2, %3: %4"_s.arg(candidate.chosen ? u"chosen  "_s : u"rejected"_s, candidate.name,
                                               candidate.source, candidate.why));
    }
    if (!chosen)
        context.say(candidates.empty() ? u"No file was found."_s : u"None of the files is the one for this device."_s);
    return chosen ? 0 : finder.failed() ? 3 : 1;
}

} // namespace

void addFirmwareFindCommand(CLI::App *noun, CliContext &context)
{
    const auto words = std::make_shared<FindWords>();
    CLI::App *command =
        noun->add_subcommand("find", "Choose the firmware for a device and say why; exit 1 when none fits");
    command->add_option("--product", words->product, "Product it must be for")->type_name("NAME");
    command->add_option("--board", words->board, "Board it must be for")->type_name("NAME");
    command->add_option("--chip", words->chip, "Chip it must be for, where the file names one (esp32c3, RP2040)")
        ->type_name("NAME");
    command->add_option("--running", words->running, "Version that the device runs: only newer ones fit")
        ->type_name("VERSION");
    command->add_flag("--allow-downgrade", words->older, "Older ones fit too");
    command->add_option("--format", words->formats, "Format that the device takes, such as mcuboot; may be repeated")
        ->type_name("FORMAT");
    command->add_option("--signer", words->signer, "Public key or certificate that must have signed it")
        ->type_name("PEM");
    command->add_option("--in", words->folders, "Folder to look in; may be repeated")->type_name("FOLDER");
    command->add_flag("--usb", words->usb, "Look on mounted sticks and cards");
    command
        ->add_option("--url", words->urls,
                     "A file, or a list of files, on a server; #sha256=HEX states its digest; may be repeated")
        ->type_name("URL");
    command->add_option("--anchors", words->anchors, "Trust anchors for https instead of the system's")
        ->type_name("PEM");
    CliContext::examples(command,
                         {u"slipway firmware find --product t1 --running 1.4.1 --in releases --signer p256.pub.pem"_s,
                          u"slipway firmware find --board t1-rev-b --usb --json"_s,
                          u"slipway firmware find --product t1 --url https://releases.example/t1/firmware.json"_s});
    context.action(command, [&context, words] { return find(context, *words); });
}

} // namespace slipway
