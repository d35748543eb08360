#pragma once
// Secrets that come in through a file descriptor: never an argument, never the environment.

#include "core/base/secret.h"

namespace slipway {

// Everything up to its end, at most 64 KiB. Throws cli.secret.
SecretBytes secretFromFd(int fd);

} // namespace slipway
