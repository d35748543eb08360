#pragma once
// Where a PIN, a passphrase or a shared secret comes from: a file that belongs to its owner alone, or a person. Never
// from a command line, the environment or a setting. Whoever gets one cleanses it after use.

#include <QByteArray>
#include <QString>

#include <functional>

namespace slipway {

// Asks a person (or reads a file descriptor that the person gave) for the secret that the words name: "the PIN of token
// factory". Empty: nobody is there to answer. Thread-safe.
using AskSecret = std::function<QByteArray(const QString &what)>;

struct SecretSource {
    QString file;  // "": none; asked then
    AskSecret ask; // may be empty
};

struct Secret {
    QByteArray bytes;
    bool attended = false; // a person gave it just now
    Secret() = default;
    Secret(const Secret &) = delete;
    Secret &operator=(const Secret &) = delete;
    Secret(Secret &&other) noexcept : bytes(std::move(other.bytes)), attended(other.attended) { other.bytes.clear(); }
    Secret &operator=(Secret &&) = delete;
    ~Secret();
};

// The first line of the file, without its end; 1 to 1024 bytes. Throws issuer.secret-file: also where others than its
// owner may read it, or where it is not ours.
Secret readSecretFile(const QString &path);
// From the file where one is named, else from the person. Throws issuer.secret-missing, issuer.secret-file.
Secret fetchSecret(const SecretSource &source, const QString &what);

} // namespace slipway
