#include "app/cli/virtuallinuxcommand.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/virtuallinux.h"

#include <QFile>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestPassword = 512;

struct LinuxWords {
    std::string pty, shell = "auto", folder, user = "root", serial = "GW-00000001", bootTime = "300ms";
    int passwordFd = -1;
    bool loggedIn = false;
    std::vector<std::string> faults, without, tools;
};

std::chrono::milliseconds span(const std::string &text, const QString &option)
{
    const auto ms = parseDurationMs(QString::fromStdString(text));
    if (!ms || *ms < 0)
        throw Fault("base.usage", {u"\"%1\" is no time for %2."_s.arg(QString::fromStdString(text), option),
                                   u"Write it as in %1 300ms."_s.arg(option)});
    return std::chrono::milliseconds(*ms);
}

QString passwordFrom(int fd)
{
    QFile file;
    if (!file.open(fd, QIODevice::ReadOnly))
        throw Fault("cli.passphrase", {QString::number(fd)});
    QByteArray line = file.readLine(longestPassword).trimmed();
    const QString password = QString::fromUtf8(line);
    cleanse(line);
    return password;
}

int runLinux(CliContext &context, const LinuxWords &words)
{
    VirtualLinuxOptions options;
    options.ptyLink = QString::fromStdString(words.pty);
    options.shell = QString::fromStdString(words.shell);
    options.folder = QString::fromStdString(words.folder);
    options.user = QString::fromStdString(words.user);
    options.serial = QString::fromStdString(words.serial);
    options.loggedIn = words.loggedIn;
    options.bootTime = span(words.bootTime, u"--boot-time"_s);
    if (words.passwordFd >= 0)
        options.password = passwordFrom(words.passwordFd);
    for (const std::string &name : words.without)
        options.without << QString::fromStdString(name);
    for (const std::string &path : words.tools)
        options.tools << QString::fromStdString(path);

    VirtualLinux gateway(options);
    std::vector<LinuxFault> faults;
    for (const std::string &fault : words.faults)
        faults.push_back(LinuxFault::parse(QString::fromStdString(fault)));
    gateway.start();
    for (const LinuxFault &fault : faults)
        gateway.setFault(fault);
    context.say(u"Virtual gateway ready at %1, at home in %2"_s.arg(gateway.path(), gateway.folder()));
    context.object({{u"ready"_s, gateway.path()}, {u"folder"_s, gateway.folder()}});
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!context.stop().stop_requested()) {
        stopped.wait_for(lock, context.stop(), std::chrono::seconds(1), [] { return false; });
        const QString trouble = gateway.facts().trouble;
        if (!trouble.isEmpty())
            throw Fault("virtual.link", {gateway.path(), trouble});
    }
    return 0;
}

} // namespace

void addVirtualLinuxCommand(CLI::App *noun, CliContext &context)
{
    auto words = std::make_shared<LinuxWords>();
    CLI::App *command =
        noun->add_subcommand("linux", "A gateway's console with a real shell behind it, until it is stopped");
    command->add_option("--pty", words->pty, "Make a pseudo-terminal and point this link to it")
        ->type_name("PATH")
        ->required();
    command->add_option("--shell", words->shell, "bash, ash (busybox), or auto: bash where there is one")
        ->check(CLI::IsMember({"auto", "bash", "ash"}));
    command->add_option("--folder", words->folder, "Its home, kept in the end (a temporary one)")->type_name("DIR");
    command->add_option("--user", words->user, "Who may log in (root)")->type_name("NAME");
    command->add_option("--password-fd", words->passwordFd, "Read the password from this descriptor (none is asked)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command->add_option("--serial", words->serial, "Its serial number (GW-00000001)")->type_name("SN");
    command->add_flag("--logged-in", words->loggedIn, "It comes up with a shell instead of a login");
    command->add_option("--boot-time", words->bootTime, "How long it starts (300ms)")->type_name("TIME");
    command->add_option("--without", words->without, "A program that it lacks, with ash")->type_name("NAME");
    command->add_option("--tools", words->tools, "A folder whose programs come first")->type_name("DIR");
    command
        ->add_option("--fault", words->faults,
                     "Trouble to play, as in kernel:every=200 or reboot:after=5000; one of " +
                         LinuxFault::names().join(u", "_s).toStdString())
        ->type_name("FAULT");
    CliContext::examples(command, {u"slipway virtual linux --pty /tmp/gw0"_s,
                                   u"slipway virtual linux --pty /tmp/gw0 --shell ash --without base64"_s,
                                   u"slipway virtual linux --pty /tmp/gw0 --fault kernel:every=200"_s});
    context.action(command, [&context, words] { return runLinux(context, *words); });
}

} // namespace slipway
