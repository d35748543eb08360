#include "drivers/linux/linuxboards.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestFile = 1024 * 1024, longestPassword = 512;

// One object of the file with the path to it, so that messages say where. Members that nobody asked for are mistakes.
class Node
{
public:
    Node(QJsonObject object, QString file, QString path)
        : m_object(std::move(object)), m_file(std::move(file)), m_path(std::move(path))
    {}

    [[noreturn]] void wrong(const QString &member, const QString &sentence) const
    {
        throw Fault("linux.quirks", {m_file, path(member), sentence});
    }
    void only(const QStringList &known) const
    {
        for (const QString &key : m_object.keys()) {
            if (!known.contains(key))
                wrong(key, u"is not known."_s + didYouMean(key, known));
        }
    }
    bool has(QLatin1String name) const { return m_object.contains(name); }
    QStringList keys() const { return m_object.keys(); }
    QString text(QLatin1String name, const QString &fallback = {}) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined())
            return fallback;
        if (!value.isString() || value.toString().isEmpty())
            wrong(name, u"must be a text."_s);
        return value.toString();
    }
    QString needed(QLatin1String name) const
    {
        if (!has(name))
            wrong(name, u"is missing."_s);
        return text(name);
    }
    int number(QLatin1String name, int fallback, int least, int most) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined())
            return fallback;
        const double number = value.toDouble(-1);
        if (!value.isDouble() || number < least || number > most || number != int(number))
            wrong(name, u"must be a whole number from %1 to %2."_s.arg(least).arg(most));
        return int(number);
    }
    QRegularExpression pattern(QLatin1String name, const QString &fallback = {}) const
    {
        const QRegularExpression expression(text(name, fallback));
        if (!expression.isValid())
            wrong(name, u"is no regular expression: %1."_s.arg(expression.errorString()));
        return expression;
    }
    Node child(const QString &name, bool required = false) const
    {
        const QJsonValue value = m_object.value(name);
        if (value.isUndefined() && !required)
            return {{}, m_file, path(name)};
        if (!value.isObject())
            wrong(name, u"must be an object."_s);
        return {value.toObject(), m_file, path(name)};
    }
    // {"command": ..., PATTERN: ...}
    LinuxCommand command(QLatin1String name, QLatin1String pattern, const QStringList &more = {}) const
    {
        if (!has(name))
            return {};
        const Node node = child(name);
        node.only(QStringList{u"command"_s, QString(pattern)} + more);
        return {node.needed("command"_L1), node.pattern(pattern)};
    }

private:
    QString path(const QString &name) const { return m_path.isEmpty() ? name : m_path + u'.' + name; }

    QJsonObject m_object;
    QString m_file, m_path;
};

void readSession(LinuxBoard &out, const Node &node, const QString &file)
{
    const Node link = node.child(u"link"_s);
    link.only({u"baud"_s});
    out.baud = link.number("baud"_L1, 0, 1200, 12'000'000);

    const Node login = node.child(u"login"_s);
    login.only({u"user"_s, u"password-file"_s, u"seconds"_s, u"prompt"_s, u"password"_s, u"refused"_s});
    out.user = login.text("user"_L1, u"root"_s);
    if (const QString name = login.text("password-file"_L1); !name.isEmpty())
        out.passwordFile = QFileInfo(file).absoluteDir().absoluteFilePath(name);
    out.loginTime = std::chrono::seconds(login.number("seconds"_L1, 30, 1, 3600));
    out.patterns.login = login.pattern("prompt"_L1, u"(?i)\\b(login|username|user name): ?$"_s);
    out.patterns.password = login.pattern("password"_L1, u"(?i)\\b(password|passphrase)\\b[^:]{0,80}: ?$"_s);
    out.patterns.refused = login.pattern(
        "refused"_L1,
        u"(?i)(login incorrect|authentication failure|login failed|incorrect password|maximum number of tries)"_s);

    const Node shell = node.child(u"shell"_s);
    shell.only({u"prompt"_s, u"start"_s});
    out.patterns.prompt = shell.pattern("prompt"_L1, u"[$#%>] ?$"_s);
    out.shellStart = shell.text("start"_L1);

    const Node loader = node.child(u"boot-loader"_s);
    loader.only({u"prompt"_s, u"command"_s});
    out.patterns.bootLoader = loader.pattern("prompt"_L1, u"^(=>|U-Boot>|barebox@.*:/|grub>) ?$"_s);
    out.bootLoaderCommand = loader.text("command"_L1);

    out.scratch = node.text("scratch"_L1, u"/tmp"_s);
    const Node transfer = node.child(u"transfer"_s);
    transfer.only({u"encoding"_s, u"chunk-bytes"_s});
    const QString encoding = transfer.text("encoding"_L1, u"best"_s);
    const QStringList encodings{u"best"_s, u"raw"_s, u"base64"_s, u"text"_s};
    if (!encodings.contains(encoding))
        transfer.wrong(u"encoding"_s, u"must be one of %1."_s.arg(encodings.join(u", "_s)));
    out.encoding = LinuxEncoding(encodings.indexOf(encoding));
    out.chunk = transfer.number("chunk-bytes"_L1, 0, 1024, 1024 * 1024);

    const Node restart = node.child(u"restart"_s);
    restart.only({u"command"_s, u"seconds"_s, u"proof"_s});
    out.restart = restart.text("command"_L1, u"reboot"_s);
    out.restartProof = restart.text("proof"_L1, u"cat /proc/sys/kernel/random/boot_id"_s);
    out.restartTime = std::chrono::seconds(restart.number("seconds"_L1, 180, 1, 3600));

    const Node clock = node.child(u"clock"_s);
    clock.only({u"read"_s, u"set"_s});
    out.clockRead = clock.text("read"_L1, u"date -u +%s"_s);
    out.clockSet = clock.text("set"_L1, u"date -u -s ${time}"_s);
}

void readFirmware(LinuxBoard &out, const Node &node)
{
    if (!node.has("firmware"_L1))
        return;
    const Node firmware = node.child(u"firmware"_s);
    firmware.only({u"kind"_s, u"file"_s, u"install"_s, u"activate"_s, u"confirm"_s, u"status"_s, u"version"_s,
                   u"slot"_s, u"slot-class"_s, u"install-seconds"_s});
    const QString kind = firmware.needed("kind"_L1);
    if (kind != "rauc"_L1 && kind != "commands"_L1)
        firmware.wrong(u"kind"_s, u"must be \"rauc\" or \"commands\"."_s);
    const bool rauc = kind == "rauc"_L1;
    out.update = rauc ? LinuxBoard::Update::Rauc : LinuxBoard::Update::Commands;
    out.firmwareFile = firmware.text("file"_L1, rauc ? u"/tmp/slipway.raucb"_s : u"/tmp/slipway.firmware"_s);
    out.install = rauc ? firmware.text("install"_L1, u"rauc install ${file}"_s) : firmware.needed("install"_L1);
    if (!out.install.contains("${file}"_L1))
        firmware.wrong(u"install"_s, u"must hold ${file}."_s);
    out.activate = firmware.text("activate"_L1, rauc ? u"rauc status mark-active ${slot}"_s : QString());
    out.confirm = firmware.text("confirm"_L1, rauc ? u"rauc status mark-good"_s : QString());
    out.installTime = std::chrono::seconds(firmware.number("install-seconds"_L1, 600, 1, 24 * 3600));
    out.slotClass = firmware.text("slot-class"_L1, u"rootfs"_s);
    out.status.command = firmware.text("status"_L1, u"rauc status --detailed --output-format=json"_s);
    out.version = firmware.command("version"_L1, "output"_L1);
    out.runningSlot = firmware.command("slot"_L1, "output"_L1);
    if (!rauc && !out.version.given())
        firmware.wrong(u"version"_s, u"is missing."_s);
}

void readStore(LinuxBoard &out, const Node &node)
{
    const Node facts = node.child(u"facts"_s);
    facts.only({u"board"_s, u"serial"_s, u"hardware-id"_s, u"boot-loader"_s, u"firmware"_s});
    for (const QString &key : facts.keys()) {
        const Node entry = facts.child(key, true);
        entry.only({u"command"_s, u"output"_s, u"form"_s});
        LinuxFact fact;
        fact.source = {entry.needed("command"_L1), entry.pattern("output"_L1)};
        const QString form = entry.text("form"_L1, u"text"_s);
        if (form != "text"_L1 && form != "eui64"_L1)
            entry.wrong(u"form"_s, u"must be \"text\" or \"eui64\"."_s);
        fact.form = form == "eui64"_L1 ? LinuxFact::Form::Eui64 : LinuxFact::Form::Text;
        out.facts.insert(key, fact);
    }

    const Node settings = node.child(u"settings"_s);
    settings.only({u"file"_s, u"read"_s, u"write"_s, u"remove"_s, u"commit"_s});
    out.settingsFile = settings.text("file"_L1);
    out.settingRead = settings.text("read"_L1);
    out.settingWrite = settings.text("write"_L1);
    out.settingRemove = settings.text("remove"_L1);
    out.settingsCommit = settings.text("commit"_L1);
    if (!out.settingsFile.isEmpty() && !(out.settingRead + out.settingWrite + out.settingRemove).isEmpty())
        settings.wrong(u"file"_s, u"and commands exclude each other."_s);

    const Node areas = node.child(u"areas"_s);
    for (const QString &key : areas.keys()) {
        const Node entry = areas.child(key, true);
        entry.only({u"erase"_s, u"blank"_s});
        out.areas.insert(key, {entry.needed("erase"_L1), entry.needed("blank"_L1)});
    }
}

void readIdentity(LinuxBoard &out, const Node &node)
{
    const Node keys = node.child(u"keys"_s);
    keys.only({u"generate"_s, u"request"_s, u"sign"_s, u"chain"_s, u"status"_s});
    out.generate = keys.command("generate"_L1, "locked"_L1);
    out.request = keys.text("request"_L1);
    out.sign = keys.text("sign"_L1);
    for (const auto &[name, command, words] :
         {std::tuple(u"request"_s, out.request, QStringList{u"${serial}"_s, u"${out}"_s}),
          std::tuple(u"sign"_s, out.sign, QStringList{u"${in}"_s, u"${out}"_s})}) {
        for (const QString &word : words) {
            if (!command.isEmpty() && !command.contains(word))
                keys.wrong(name, u"must hold %1."_s.arg(word));
        }
    }
    out.chainFile = keys.text("chain"_L1);
    out.identityStatus = keys.command("status"_L1, "present"_L1);

    const Node locks = node.child(u"locks"_s);
    for (const QString &key : locks.keys()) {
        const Node entry = locks.child(key, true);
        entry.only({u"lock"_s, u"status"_s, u"locked"_s});
        const LinuxLock lock{{entry.needed("lock"_L1), {}}, {entry.needed("status"_L1), entry.pattern("locked"_L1)}};
        if (lock.status.output.pattern().isEmpty())
            entry.wrong(u"locked"_s, u"is missing."_s);
        out.locks.insert(key, lock);
    }
}

LinuxBoard board(const QString &name, const Node &node, const QString &file)
{
    node.only({u"description"_s, u"source"_s, u"date"_s, u"recognise"_s, u"link"_s, u"login"_s, u"shell"_s,
               u"boot-loader"_s, u"scratch"_s, u"transfer"_s, u"facts"_s, u"firmware"_s, u"restart"_s, u"settings"_s,
               u"keys"_s, u"areas"_s, u"locks"_s, u"clock"_s});
    LinuxBoard out;
    out.name = name;
    out.description = node.needed("description"_L1);
    out.source = node.needed("source"_L1);
    out.date = node.needed("date"_L1);
    out.recognise = node.command("recognise"_L1, "matches"_L1);
    if (out.recognise.given() && out.recognise.output.pattern().isEmpty())
        node.child(u"recognise"_s).wrong(u"matches"_s, u"is missing."_s);
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
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault("linux.quirks",
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    const Node root(document.object(), file, QString());
    root.only({u"slipway-quirks"_s, u"driver"_s, u"boards"_s});
    if (root.number("slipway-quirks"_L1, 0, 0, 1000) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.needed("driver"_L1) != "linux"_L1)
        root.wrong(u"driver"_s, u"must be \"linux\"."_s);
    LinuxBoards out;
    const Node boards = root.child(u"boards"_s, true);
    for (const QString &name : boards.keys())
        out.m_boards << board(name, boards.child(name, true), file);
    return out;
}

LinuxBoards LinuxBoards::load()
{
    LinuxBoards out;
    const QString own = qEnvironmentVariable("SLIPWAY_LINUX_QUIRKS");
    if (!own.isEmpty())
        out = parse(readFile(own, longestFile, u"A file of quirks"_s), own);
    QFile builtIn(u":/slipway/linux/quirks.json"_s);
    if (!builtIn.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    const LinuxBoards shipped = parse(builtIn.readAll(), u"quirks.json"_s);
    for (const LinuxBoard &board : shipped.m_boards) {
        if (!out.names().contains(board.name))
            out.m_boards << board;
    }
    return out;
}

QStringList LinuxBoards::names() const
{
    QStringList out;
    for (const LinuxBoard &board : m_boards)
        out << board.name;
    return out;
}

const LinuxBoard &LinuxBoards::find(const QString &name) const
{
    for (const LinuxBoard &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("linux.board-unknown", {oneLine(name, 60), didYouMean(name, names()), names().join(u", "_s)});
}

} // namespace slipway
