#include "core/identity/secret.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QFile>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace slipway {

namespace {

constexpr qsizetype maximumBytes = 1024;

struct Closer {
    int fd;
    ~Closer()
    {
        if (fd >= 0)
            ::close(fd);
    }
};

} // namespace

Secret::~Secret()
{
    cleanse(bytes);
}

Secret readSecretFile(const QString &path)
{
    const auto refuse = [&path](const QString &why) { return Fault("issuer.secret-file", {path, why}); };
    // Opened first and looked at afterwards, so that it is the same file.
    const Closer file{::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.fd < 0)
        throw refuse(QString::fromLocal8Bit(std::strerror(errno)));
    struct stat info {};
    if (::fstat(file.fd, &info) != 0 || !S_ISREG(info.st_mode))
        throw refuse(QStringLiteral("it is not a file"));
    if (info.st_uid != ::geteuid() && info.st_uid != 0)
        throw refuse(QStringLiteral("it belongs to somebody else"));
    if (info.st_mode & (S_IRWXG | S_IRWXO))
        throw refuse(QStringLiteral("others may read or change it"));
    Secret secret;
    secret.bytes.resize(maximumBytes + 2);
    ssize_t n = 0;
    do {
        n = ::read(file.fd, secret.bytes.data(), size_t(secret.bytes.size()));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        throw refuse(QString::fromLocal8Bit(std::strerror(errno)));
    qsizetype length = 0;
    while (length < n && secret.bytes[length] != '\n' && secret.bytes[length] != '\r')
        ++length;
    std::memset(secret.bytes.data() + length, 0, size_t(secret.bytes.size() - length));
    secret.bytes.truncate(length);
    if (length == 0)
        throw refuse(QStringLiteral("its first line is empty"));
    if (length > maximumBytes)
        throw refuse(QStringLiteral("its first line is longer than %1 bytes").arg(maximumBytes));
    return secret;
}

Secret fetchSecret(const SecretSource &source, const QString &what)
{
    if (!source.file.isEmpty())
        return readSecretFile(source.file);
    Secret secret;
    secret.attended = true;
    if (source.ask)
        secret.bytes = source.ask(what);
    if (secret.bytes.isEmpty())
        throw Fault("issuer.secret-missing", {what});
    return secret;
}

} // namespace slipway
