#include "app/cli/outputs.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <sys/stat.h>

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
    if (refused)
        throw Fault("cli.own-file", {oneLine(output, 200), home});
}

} // namespace

void refuseOwnFiles(const CLI::App &app, const QString &homePath)
{
    const QString home = QFileInfo(homePath).canonicalFilePath();
    if (home.isEmpty())
        return;
    for (const char *name : {"--out", "--backup"}) {
        const CLI::Option *option = app.get_option_no_throw(name);
        if (!option || option->empty())
            continue;
        for (const std::string &output : option->results()) {
            if (!output.empty())
                refuseOwnFile(QString::fromStdString(output), home);
        }
    }
    for (const CLI::App *sub : app.get_subcommands())
        refuseOwnFiles(*sub, homePath);
}

} // namespace slipway
