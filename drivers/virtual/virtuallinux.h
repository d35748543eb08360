#pragma once
// A Linux gateway's console without a gateway: a real shell (bash or busybox ash) on a pseudo-terminal of its own,
// behind a boot loader's countdown, a few boot messages and a login, in a scratch folder that is its home. Its PATH
// begins with bin/ there: "reboot" starts it anew; for ash that folder, filled with busybox's programs, is all there
// is, and programs can be left out. Commands with paths of their own reach the machine it runs on: it is no cage.
//
// Trouble on demand, by setFault(): slow-echo (delay between bytes it sends), kernel (a kernel's message after every so
// many bytes it sends), hang (nothing more after so many bytes it got), logout and reboot (after so many bytes it got),
// deny (no login), and nothing else: the shell is what it is. Throws virtual.link, virtual.fault, virtual.shell.

#include <QString>
#include <QStringList>

#include <chrono>
#include <memory>

namespace slipway {

struct LinuxFault {
    enum class Kind { SlowEcho, Kernel, Hang, Logout, Reboot, Deny };
    Kind kind = Kind::SlowEcho;
    qint64 after = 0; // bytes
    qint64 every = 300;
    std::chrono::milliseconds delay{5};

    // "kernel:every=200", "hang:after=5000", "slow-echo:delay=10ms". Throws virtual.fault, virtual.fault-option.
    static LinuxFault parse(const QString &text);
    static QStringList names();
};

struct VirtualLinuxOptions {
    QString ptyLink = {};                   // symlink to the console; empty: only path()
    QString shell = QStringLiteral("auto"); // "bash", "ash" or "auto": bash where there is one
    QString folder = {};                    // home; empty: a temporary one, removed in the end
    QString user = QStringLiteral("root"), password = {};
    QString hostName = QStringLiteral("gateway");
    QString serial = QStringLiteral("GW-00000001");
    QStringList without = {};  // programs that its PATH lacks; with ash only
    QStringList tools = {};    // folders that its PATH begins with
    bool loggedIn = false;     // comes up with a shell instead of a login
    bool unprivileged = false; // the shell runs as nobody, where this program may decide that
    std::chrono::milliseconds countdown{300}, bootTime{300};
};

class VirtualLinux
{
public:
    explicit VirtualLinux(VirtualLinuxOptions options);
    VirtualLinux(const VirtualLinux &) = delete;
    VirtualLinux &operator=(const VirtualLinux &) = delete;
    ~VirtualLinux();

    void start(); // throws virtual.link, virtual.shell
    void stop();
    QString path() const;   // of the console
    QString folder() const; // its home
    void setFault(const LinuxFault &fault);
    void clearFaults();
    void reboot();
    void cut(bool cut); // the cable: nothing passes either way

    struct Facts {
        int boots = 0, logins = 0, refusals = 0;
        bool interrupted = false; // somebody typed during the countdown: it stands in its boot loader
        qint64 received = 0, sent = 0;
        QString trouble; // why its thread ended
    };
    Facts facts() const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
