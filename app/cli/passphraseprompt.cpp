#include "app/cli/passphraseprompt.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {

namespace {

// The terminal itself, whatever standard input and output are; without echo as long as it lives.
class QuietTerminal
{
public:
    QuietTerminal() : m_fd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY))
    {
        if (m_fd < 0 || ::tcgetattr(m_fd, &m_before) != 0)
            return;
        termios quiet = m_before;
        quiet.c_lflag &= ~tcflag_t(ECHO);
        quiet.c_lflag |= ECHONL;
        m_quiet = ::tcsetattr(m_fd, TCSAFLUSH, &quiet) == 0;
    }
    ~QuietTerminal()
    {
        if (m_quiet)
            ::tcsetattr(m_fd, TCSAFLUSH, &m_before);
        if (m_fd >= 0)
            ::close(m_fd);
    }
    QuietTerminal(const QuietTerminal &) = delete;
    QuietTerminal &operator=(const QuietTerminal &) = delete;
    bool ready() const { return m_quiet; }
    int fd() const { return m_fd; }

private:
    int m_fd;
    bool m_quiet = false;
    termios m_before{};
};

} // namespace

QByteArray promptForPassphrase(const QString &question)
{
    const QuietTerminal terminal;
    if (!terminal.ready())
        return {};
    const QByteArray words = question.toLocal8Bit();
    if (::write(terminal.fd(), words.constData(), size_t(words.size())) < 0)
        return {};
    QByteArray typed;
    typed.reserve(1024); // no copies of it are left behind by growing
    char c = 0;
    while (typed.size() < 1024) {
        const ssize_t n = ::read(terminal.fd(), &c, 1);
        if (n < 0 && errno == EINTR)
            break; // Ctrl-C: as if nothing had been typed
        if (n <= 0 || c == '\n')
            break;
        typed += c;
    }
    return typed;
}

} // namespace slipway
