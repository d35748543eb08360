#include "app/cli/secretinput.h"

#include "core/base/fault.h"

#include <unistd.h>

#include <cerrno>

namespace slipway {

SecretBytes secretFromFd(int fd)
{
    constexpr qsizetype longest = 64 * 1024;
    const auto failed = [fd] { return Fault("cli.secret", {QString::number(fd)}); };
    SecretBytes read, piece(4096);
    for (;;) {
        const ssize_t n = ::read(fd, piece.data(), size_t(piece.size()));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || read.size() + n > longest)
            throw failed();
        if (n == 0)
            break;
        read.append(piece.view().first(n));
    }
    if (read.isEmpty())
        throw failed();
    return read;
}

} // namespace slipway
