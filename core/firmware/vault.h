#pragma once
// The station's store of firmware and other artifacts: files named by the SHA-256 of their content, in the home's
// vault/ as ab/abcdef... . Content never changes under a name; writing is atomic and writing twice does nothing. What
// an artifact is (product, version, who admitted it) stands in the journal, which lies above this room: the caller
// records it. Thread-safe, and safe between processes.
// Throws vault.missing, vault.damaged, file.*.

#include <QByteArray>
#include <QString>
#include <QStringList>

namespace slipway {

class Vault
{
public:
    static constexpr qint64 MaximumBytes = 64 * 1024 * 1024;

    explicit Vault(QString folder) : m_folder(std::move(folder)) {}

    // Its SHA-256 (32 bytes); on disk, synced, when it returns. Repairs a file that was damaged under that name.
    QByteArray put(const QByteArray &content);
    // Read and hashed again: what comes back is what the name says.
    QByteArray get(const QByteArray &sha256) const;
    bool contains(const QByteArray &sha256) const;
    QString path(const QByteArray &sha256) const;
    QList<QByteArray> list() const; // sorted
    QString folder() const { return m_folder; }

private:
    QString m_folder;
};

} // namespace slipway
