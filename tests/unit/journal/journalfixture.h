#pragma once
// What the journal's tests share: a station key made on the spot with its self-signed certificate, a journal in a
// temporary folder laid out as a home, entries of a run as the station writes them, and the sqlite3 program.

#include "core/journal/journal.h"

#include <QTemporaryDir>

#include <memory>

struct evp_pkey_st;

namespace slipway::test {

class KeySigner final : public JournalSigner
{
public:
    KeySigner();
    explicit KeySigner(const QString &keyFile); // PEM, as privateKeyPem() gives it
    QByteArray sign(const QByteArray &message) const override;
    QByteArray publicKeyDer() const override;
    QByteArray certificatePem() const;
    QByteArray privateKeyPem() const;

private:
    std::shared_ptr<evp_pkey_st> m_key;
};

struct Fixture {
    Fixture();

    QTemporaryDir folder;
    std::shared_ptr<KeySigner> signer = std::make_shared<KeySigner>();

    QString path(const QString &name = QStringLiteral("journal.db")) const { return folder.filePath(name); }
    std::unique_ptr<Journal> open(Journal::Loss loss = Journal::Loss::Refuse) const
    {
        return Journal::open(path(), signer, loss);
    }
    // Copies journal.db and journal.head (the journal is closed) into a sub-folder with the certificate; its path.
    QString copy(const QString &name) const;
};

// One whole run of a unit, 13 entries. Returns its id.
QString writeRun(Journal &journal, const QString &serial, const QString &verdict = QStringLiteral("PASS"),
                 const QString &mode = QStringLiteral("production"));

struct ToolResult {
    int status = -1;
    QByteArray out, err;
};
ToolResult runTool(const QString &program, const QStringList &arguments, const QString &folder = {});
// Computes hashes and links anew from an entry on, as somebody would who knows the form of the journal but not the key.
void rechain(const QString &database, qint64 from);
// Runs SQL with the sqlite3 program; fails the test when that fails.
bool sqlite3Program(const QString &database, const QString &sql);

} // namespace slipway::test
