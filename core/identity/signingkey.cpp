#include "core/identity/signingkey.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/keyfile.h"

#include <openssl/rand.h>

namespace slipway {

struct SigningKey::Private {
    Signer signer;
    QList<QByteArray> chain;
};

SigningKey::SigningKey(std::unique_ptr<Private> p) : d(std::move(p)) {}
SigningKey::~SigningKey() = default;

std::unique_ptr<SigningKey> SigningKey::open(const QString &keyPath, const QString &certificatePath,
                                             const QByteArray &passphrase)
{
    std::unique_ptr<Private> p(new Private{Signer(loadKey(keyPath, passphrase)), {}});
    try {
        p->chain = certificatesFromPem(readFile(certificatePath, 256 * 1024, QStringLiteral("a certificate chain")));
    } catch (const Fault &fault) {
        throw Fault("issuer.certificate", {certificatePath, QStringLiteral("it holds no certificate in PEM form")},
                    fault.sentence());
    }
    if (publicKeyInfo(p->signer.key()) != certificateFacts(p->chain.front()).publicKeyDer)
        throw Fault("issuer.mismatch", {keyPath, certificatePath});
    return std::unique_ptr<SigningKey>(new SigningKey(std::move(p)));
}

QByteArray SigningKey::sign(const QByteArray &message) const
{
    return d->signer.signSha256(message);
}

QByteArray SigningKey::certificate() const
{
    return d->chain.front();
}

QList<QByteArray> SigningKey::chain() const
{
    return d->chain;
}

evp_pkey_st *SigningKey::key() const
{
    return d->signer.key();
}

QByteArray newChallenge()
{
    QByteArray challenge(32, Qt::Uninitialized);
    if (RAND_bytes(reinterpret_cast<unsigned char *>(challenge.data()), int(challenge.size())) != 1)
        throw Fault("issuer.sign", {}, ssl::errors());
    return challenge;
}

} // namespace slipway
