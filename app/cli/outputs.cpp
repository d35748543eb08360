#include "app/cli/outputs.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace slipway {

namespace {

// Where a write to this path would land: links followed, also for a file that is not there yet.
QString finalPath(const QString &path)
{
    constexpr int mostLinks = 40;
    constexpr qsizetype longest = 4096; // PATH_MAX: nothing can be opened under a longer one
    if (path.size() > longest)
        return path;
    QFileInfo info(QDir::cleanPath(QFileInfo(path).absoluteFilePath()));
    for (int i = 0; i < mostLinks && info.isSymLink() && !info.exists(); ++i) // leads to what is not there
        info.setFile(QDir::cleanPath(info.symLinkTarget()));
    if (info.exists())
        return info.canonicalFilePath();
    return info.isRoot() ? info.filePath() : finalPath(info.path()) + u'/' + info.fileName();
}

// Two names of one file, whatever the names.
bool isSameFile(const QString &a, const QString &b)
{
    struct stat ofA {
    }, ofB{};
    return ::stat(QFile::encodeName(a).constData(), &ofA) == 0 && ::stat(QFile::encodeName(b).constData(), &ofB) == 0 &&
           ofA.st_dev == ofB.st_dev && ofA.st_ino == ofB.st_ino;
}

void refuseOwnFile(const QString &output, const QString &home)
{
    const QString path = finalPath(output);
    const auto own = [&home](const char *name) { return home + u'/' + QLatin1String(name); };
    const QString keys = finalPath(own("keys"));
    bool refused = path == keys || path.startsWith(keys + u'/');
    for (const char *name : {"journal.db", "journal.db-wal", "journal.db-shm", "journal.head", "station.yaml"})
        refused = refused || path == finalPath(own(name)) || isSameFile(path, own(name));
    // What a person put there: profiles, recipes and the like. What commands made may be made again.
    refused = refused || (path.startsWith(home + u'/') && path.endsWith(u".yaml") && QFileInfo::exists(path));
    if (refused)
        throw Fault("cli.own-file", {oneLine(output, 200), home});
}

constexpr std::array outputs{std::string_view("--out"), std::string_view("--backup"), std::string_view("--new-keys")};

// Whether the option names a file that the command reads, by the word that stands for its value in the help.
bool isInput(const CLI::Option &option)
{
    static constexpr std::array kinds{std::string_view("FILE"), std::string_view("PEM"), std::string_view("KEY"),
                                      std::string_view("CERT"), std::string_view("P7S"), std::string_view("CERT|URL")};
    const auto isNamed = [&option](std::string_view name) { return option.check_name(std::string(name)); };
    return std::find(kinds.begin(), kinds.end(), option.get_type_name()) != kinds.end() &&
           std::none_of(outputs.begin(), outputs.end(), isNamed) &&
           !option.check_name("--merge"); // what is added to may be what is written
}

// A slip of the hand must not cost a private key, nor a request or MUD file.
void refuseInputs(const CLI::App &app, const QString &output)
{
    for (const CLI::Option *option : app.get_options()) {
        if (option->empty() || !isInput(*option))
            continue;
        for (const std::string &word : option->results()) {
            const QString input = QString::fromStdString(word);
            if (!input.isEmpty() && isSameFile(finalPath(output), input))
                throw Fault("cli.input-file", {oneLine(output, 200)});
        }
    }
}

} // namespace

void refuseOwnFiles(const CLI::App &app, const QString &homePath)
{
    const QString home = QFileInfo(homePath).canonicalFilePath();
    for (const std::string_view name : outputs) {
        const CLI::Option *option = app.get_option_no_throw(std::string(name));
        if (!option || option->empty())
            continue;
        for (const std::string &output : option->results()) {
            if (output.empty())
                continue;
            refuseInputs(app, QString::fromStdString(output));
            if (!home.isEmpty())
                refuseOwnFile(QString::fromStdString(output), home);
        }
    }
    for (const CLI::App *sub : app.get_subcommands())
        refuseOwnFiles(*sub, homePath);
}

} // namespace slipway
