#include "drivers/linux/linuxboards.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/device/quirksfile.h"

#include <QDir>
#include <QFileInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr QuirksForm quirksForm{"linux", "linux.quirks", "linux.board-unknown"};

constexpr qint64 longestFile = 1024 * 1024, longestPassword = 512;

// {"command": ..., PATTERN: ...}
LinuxCommand command(const QuirksNode &parent, const QString &name, const QString &pattern)
{
    if (!parent.has(name))
        return {};
    const QuirksNode node = parent.child(name);
    node.only({u"command"_s, pattern});
    return {node.text("command"_L1), node.pattern(pattern, QString())};
}

void readSession(LinuxBoard &out, const QuirksNode &node, const QString &file)
{
    const QuirksNode link = node.childOrEmpty(u"link"_s);
    link.only({u"baud"_s});
    out.baud = link.number("baud"_L1, 1200, 12'000'000, 0);

    const QuirksNode login = node.childOrEmpty(u"login"_s);
    login.only({u"user"_s, u"password-file"_s, u"seconds"_s, u"prompt"_s, u"password"_s, u"refused"_s});
    out.user = login.text("user"_L1, u"root"_s);
    if (const QString name = login.text("password-file"_L1, QString()); !name.isEmpty())
        out.passwordFile = QFileInfo(file).absoluteDir().absoluteFilePath(name);
    out.loginTime = std::chrono::seconds(login.number("seconds"_L1, 1, 3600, 30));
    out.patterns.login = login.pattern("prompt"_L1, u"(?i)\\b(login|username|user name): ?$"_s);
    out.patterns.password = login.pattern("password"_L1, u"(?i)\\b(password|passphrase)\\b[^:]{0,80}: ?$"_s);
    out.patterns.refused = login.pattern(
        "refused"_L1,
        u"(?i)(login incorrect|authentication failure|login failed|incorrect password|maximum number of tries)"_s);

    const QuirksNode shell = node.childOrEmpty(u"shell"_s);
    shell.only({u"prompt"_s, u"start"_s});
    out.patterns.prompt = shell.pattern("prompt"_L1, u"[$#%>] ?$"_s);
    out.shellStart = shell.text("start"_L1, QString());

    const QuirksNode loader = node.childOrEmpty(u"boot-loader"_s);
    loader.only({u"prompt"_s, u"command"_s});
    out.patterns.bootLoader = loader.pattern("prompt"_L1, u"^(=>|U-Boot>|barebox@.*:/|grub>) ?$"_s);
    out.bootLoaderCommand = loader.text("command"_L1, QString());

    out.scratch = node.text("scratch"_L1, u"/tmp"_s);
    const QuirksNode transfer = node.childOrEmpty(u"transfer"_s);
    transfer.only({u"encoding"_s, u"chunk-bytes"_s});
    const QString encoding = transfer.text("encoding"_L1, u"best"_s);
    const QStringList encodings{u"best"_s, u"raw"_s, u"base64"_s, u"text"_s};
    if (!encodings.contains(encoding))
        transfer.wrong(u"encoding"_s, u"must be one of %1."_s.arg(encodings.join(u", "_s)));
    out.encoding = LinuxEncoding(encodings.indexOf(encoding));
    out.chunk = transfer.number("chunk-bytes"_L1, 1024, 1024 * 1024, 0);

    const QuirksNode restart = node.childOrEmpty(u"restart"_s);
    restart.only({u"command"_s, u"seconds"_s, u"proof"_s});
    out.restart = restart.text("command"_L1, u"reboot"_s);
    out.restartProof = restart.text("proof"_L1, u"cat /proc/sys/kernel/random/boot_id"_s);
    out.restartTime = std::chrono::seconds(restart.number("seconds"_L1, 1, 3600, 180));

    const QuirksNode clock = node.childOrEmpty(u"clock"_s);
    clock.only({u"read"_s, u"set"_s});
    out.clockRead = clock.text("read"_L1, u"date -u +%s"_s);
    out.clockSet = clock.text("set"_L1, u"date -u -s ${time}"_s);
}

void readFirmware(LinuxBoard &out, const QuirksNode &node)
{
    if (!node.has("firmware"_L1))
        return;
    const QuirksNode firmware = node.childOrEmpty(u"firmware"_s);
    firmware.only({u"kind"_s, u"file"_s, u"install"_s, u"activate"_s, u"confirm"_s, u"status"_s, u"version"_s,
                   u"slot"_s, u"slot-class"_s, u"install-seconds"_s});
    const QString kind = firmware.text("kind"_L1);
    if (kind != "rauc"_L1 && kind != "commands"_L1)
        firmware.wrong(u"kind"_s, u"must be \"rauc\" or \"commands\"."_s);
    const bool rauc = kind == "rauc"_L1;
    out.update = rauc ? LinuxBoard::Update::Rauc : LinuxBoard::Update::Commands;
    out.firmwareFile = firmware.text("file"_L1, rauc ? u"/tmp/slipway.raucb"_s : u"/tmp/slipway.firmware"_s);
    out.install = rauc ? firmware.text("install"_L1, u"rauc install ${file}"_s) : firmware.text("install"_L1);
    if (!out.install.contains("${file}"_L1))
        firmware.wrong(u"install"_s, u"must hold ${file}."_s);
    out.activate = firmware.text("activate"_L1, rauc ? u"rauc status mark-active ${slot}"_s : QString());
    out.confirm = firmware.text("confirm"_L1, rauc ? u"rauc status mark-good"_s : QString());
    out.installTime = std::chrono::seconds(firmware.number("install-seconds"_L1, 1, 24 * 3600, 600));
    out.slotClass = firmware.text("slot-class"_L1, u"rootfs"_s);
    out.status.command = firmware.text("status"_L1, u"rauc status --detailed --output-format=json"_s);
    out.version = command(firmware, "version"_L1, "output"_L1);
    out.runningSlot = command(firmware, "slot"_L1, "output"_L1);
    if (!rauc && !out.version.given())
        firmware.wrong(u"version"_s, u"is missing."_s);
}

void readStore(LinuxBoard &out, const QuirksNode &node)
{
    const QuirksNode facts = node.childOrEmpty(u"facts"_s);
    facts.only({u"board"_s, u"serial"_s, u"hardware-id"_s, u"boot-loader"_s, u"firmware"_s});
    for (const QString &key : facts.keys()) {
        const QuirksNode entry = facts.child(key);
        entry.only({u"command"_s, u"output"_s, u"form"_s});
        LinuxFact fact;
        fact.source = {entry.text("command"_L1), entry.pattern("output"_L1, QString())};
        const QString form = entry.text("form"_L1, u"text"_s);
        if (form != "text"_L1 && form != "eui64"_L1)
            entry.wrong(u"form"_s, u"must be \"text\" or \"eui64\"."_s);
        fact.form = form == "eui64"_L1 ? LinuxFact::Form::Eui64 : LinuxFact::Form::Text;
        out.facts.insert(key, fact);
    }

    const QuirksNode settings = node.childOrEmpty(u"settings"_s);
    settings.only({u"file"_s, u"read"_s, u"write"_s, u"remove"_s, u"commit"_s});
    out.settingsFile = settings.text("file"_L1, QString());
    out.settingRead = settings.text("read"_L1, QString());
    out.settingWrite = settings.text("write"_L1, QString());
    out.settingRemove = settings.text("remove"_L1, QString());
    out.settingsCommit = settings.text("commit"_L1, QString());
    if (!out.settingsFile.isEmpty() && !(out.settingRead + out.settingWrite + out.settingRemove).isEmpty())
        settings.wrong(u"file"_s, u"and commands exclude each other."_s);

    const QuirksNode areas = node.childOrEmpty(u"areas"_s);
    for (const QString &key : areas.keys()) {
        const QuirksNode entry = areas.child(key);
        entry.only({u"erase"_s, u"blank"_s});
        out.areas.insert(key, {entry.text("erase"_L1), entry.text("blank"_L1)});
    }
}

void readIdentity(LinuxBoard &out, const QuirksNode &node)
{
    const QuirksNode keys = node.childOrEmpty(u"keys"_s);
    keys.only(
        {u"generate"_s, u"request"_s, u"sign"_s, u"chain"_s, u"status"_s, u"derive"_s, u"element"_s, u"inject"_s});
    out.generate = command(keys, "generate"_L1, "locked"_L1);
    out.request = keys.text("request"_L1, QString());
    out.sign = keys.text("sign"_L1, QString());
    for (const auto &[name, command, words] :
         {std::tuple(u"request"_s, out.request, QStringList{u"${serial}"_s, u"${out}"_s}),
          std::tuple(u"sign"_s, out.sign, QStringList{u"${in}"_s, u"${out}"_s})}) {
        for (const QString &word : words) {
            if (!command.isEmpty() && !command.contains(word))
                keys.wrong(name, u"must hold %1."_s.arg(word));
        }
    }
    out.chainFile = keys.text("chain"_L1, QString());
    out.derive = keys.text("derive"_L1, QString());
    if (!out.derive.isEmpty() && !out.derive.contains(u"${serial}"_s))
        keys.wrong(u"derive"_s, u"must hold ${serial}."_s);
    if (keys.has("element"_L1)) {
        const QuirksNode element = keys.child(u"element"_s);
        element.only({u"name"_s, u"handle"_s, u"attestation"_s});
        out.element.name = element.text("name"_L1);
        out.element.handle = command(element, "handle"_L1, "output"_L1);
        out.element.attestationFile = element.text("attestation"_L1, QString());
        if (!out.element.handle.given())
            keys.wrong(u"element"_s, u"needs \"handle\"."_s);
    }
    out.injectFile = keys.text("inject"_L1, QString());
    out.identityStatus = command(keys, "status"_L1, "present"_L1);

    const QuirksNode locks = node.childOrEmpty(u"locks"_s);
    for (const QString &key : locks.keys()) {
        const QuirksNode entry = locks.child(key);
        entry.only({u"lock"_s, u"status"_s, u"locked"_s});
        const LinuxLock lock{{entry.text("lock"_L1), {}},
                             {entry.text("status"_L1), entry.pattern("locked"_L1, QString())}};
        if (lock.status.output.pattern().isEmpty())
            entry.wrong(u"locked"_s, u"is missing."_s);
        out.locks.insert(key, lock);
    }
}

LinuxBoard board(const QString &name, const QuirksNode &node, const QString &file)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"recognise"_s, u"link"_s, u"login"_s, u"shell"_s,
               u"boot-loader"_s, u"scratch"_s, u"transfer"_s, u"facts"_s, u"firmware"_s, u"restart"_s, u"settings"_s,
               u"keys"_s, u"areas"_s, u"locks"_s, u"clock"_s});
    LinuxBoard out;
    out.name = name;
    out.description = node.text("description"_L1);
    out.source = node.text("source"_L1);
    out.date = node.text("date"_L1);
    out.recognise = command(node, "recognise"_L1, "matches"_L1);
    if (out.recognise.given() && out.recognise.output.pattern().isEmpty())
        node.childOrEmpty(u"recognise"_s).wrong(u"matches"_s, u"is missing."_s);
    readSession(out, node, file);
    readFirmware(out, node);
    readStore(out, node);
    readIdentity(out, node);
    return out;
}

} // namespace

QString filledIn(QString command, const QMap<QString, QString> &values)
{
    QString out;
    for (qsizetype i = 0; i < command.size();) {
        bool found = false;
        if (command[i] == u'$') {
            for (auto it = values.begin(); it != values.end() && !found; ++it) {
                const QString word = u"${"_s + it.key() + u'}';
                if (QStringView(command).sliced(i).startsWith(word)) {
                    out += console::shellWord(it.value());
                    i += word.size();
                    found = true;
                }
            }
        }
        if (!found)
            out += command[i++];
    }
    return out;
}

QByteArray readPassword(const QString &path)
{
    const QFileInfo file(path);
    if (file.exists() &&
        (file.permissions() & (QFile::ReadGroup | QFile::ReadOther | QFile::WriteGroup | QFile::WriteOther)))
        throw Fault("linux.password-file", {path, u"others than its owner may read or change it"_s});
    QByteArray content;
    try {
        content = readFile(path, longestPassword, u"A password file"_s);
    } catch (const Fault &fault) {
        throw Fault("linux.password-file", {path, u"it cannot be read"_s}, QString::fromUtf8(fault.what()));
    }
    while (content.endsWith('\n') || content.endsWith('\r'))
        content.chop(1);
    for (const char c : content) {
        if (quint8(c) < ' ') {
            cleanse(content);
            throw Fault("linux.password-file", {path, u"it holds more than one line"_s});
        }
    }
    return content;
}

LinuxBoards LinuxBoards::parse(const QByteArray &json, const QString &file)
{
    const QuirksNode root = readQuirks(quirksForm, json, file, {u"boards"_s});
    LinuxBoards out;
    const QuirksNode boards = root.child(u"boards"_s);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name), file);
    return out;
}

LinuxBoards LinuxBoards::load()
{
    LinuxBoards out;
    if (const auto own = ownQuirks(quirksForm)) {
        out = parse(own->json, own->file);
    }
    const QuirksText shipped = shippedQuirks(quirksForm);
    addShipped(out.m_boards, parse(shipped.json, shipped.file).m_boards);
    return out;
}

QStringList LinuxBoards::names() const
{
    return boardNames(m_boards);
}

const LinuxBoard &LinuxBoards::find(const QString &name) const
{
    return findBoard(quirksForm, m_boards, name);
}

} // namespace slipway
