#pragma once
// What Linux boards do their own way: quirks.json, described in drivers/linux/README.md. Throws linux.quirks with what
// is wrong where, linux.board-unknown with the nearest name, linux.password-file.

#include "drivers/linux/consoletext.h"

#include <QList>
#include <QMap>
#include <QStringList>

#include <chrono>

namespace slipway {

// A command of a board, and what its output means.
struct LinuxCommand {
    QString command;
    QRegularExpression output; // empty pattern: not given
    bool given() const { return !command.isEmpty(); }
};

struct LinuxFact {
    enum class Form { Text, Eui64 };
    LinuxCommand source;
    Form form = Form::Text;
};

struct LinuxLock {
    LinuxCommand lock, status; // status.output: locked
};

struct LinuxArea {
    QString erase, blank; // blank: status 0 says that it is
};

enum class LinuxEncoding { Best, Raw, Base64, Text };

struct LinuxBoard {
    QString name, description, source, date;
    LinuxCommand recognise;
    int baud = 0;

    QString user;
    QString passwordFile; // absolute; empty: none
    std::chrono::seconds loginTime{30};
    console::Patterns patterns;
    QString shellStart;        // typed at the first prompt, to get the shell that commands run in
    QString bootLoaderCommand; // typed at the boot loader's prompt, to go on

    QString scratch; // folder for files in passing
    LinuxEncoding encoding = LinuxEncoding::Best;
    int chunk = 0; // bytes of a file in one piece; 0: found while going
    QMap<QString, LinuxFact> facts;

    enum class Update { None, Rauc, Commands };
    Update update = Update::None;
    QString firmwareFile; // where the firmware goes for the installation
    QString install, activate, confirm;
    LinuxCommand status;               // Rauc: prints its JSON
    LinuxCommand version, runningSlot; // Commands
    QString slotClass;                 // Rauc: of the slots that are listed
    std::chrono::seconds installTime{600};

    QString restart, restartProof;
    std::chrono::seconds restartTime{180};

    QString settingsFile; // of KEY=VALUE lines
    QString settingRead, settingWrite, settingRemove, settingsCommit;

    LinuxCommand generate; // output: locked for good
    QString request, sign;
    QString chainFile;
    QString derive; // with ${serial}
    struct Element {
        QString name;
        LinuxCommand handle; // output: the handle; the key itself is made by `generate`
        QString attestationFile;
    } element;
    QString injectFile;          // takes PKCS#8, PEM
    LinuxCommand identityStatus; // output: present

    QMap<QString, LinuxArea> areas;
    QMap<QString, LinuxLock> locks;
    QString clockRead, clockSet;

    bool hasKeys() const { return generate.given() && !request.isEmpty() && !sign.isEmpty() && !chainFile.isEmpty(); }
};

// ${name} in a command of the board, replaced by the value as one shell word.
QString filledIn(QString command, const QMap<QString, QString> &values);
// The one line of a password file that only its owner may read.
QByteArray readPassword(const QString &path);

class LinuxBoards
{
public:
    // The built-in file, and before it the one that SLIPWAY_LINUX_QUIRKS names.
    static LinuxBoards load();
    // file: for messages, and the folder that password files are named from.
    static LinuxBoards parse(const QByteArray &json, const QString &file);

    const QList<LinuxBoard> &boards() const { return m_boards; }
    QStringList names() const;
    const LinuxBoard &find(const QString &name) const;

private:
    QList<LinuxBoard> m_boards;
};

} // namespace slipway
