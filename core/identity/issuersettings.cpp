#include "core/identity/issuersettings.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/cmpissuer.h"
#include "core/identity/estissuer.h"
#include "core/identity/fileissuer.h"

#include <QUrl>

namespace slipway {

namespace {

constexpr qint64 chainLimit = 256 * 1024;

QList<QByteArray> certificates(const QString &path)
{
    return certificatesFromPem(readFile(path, chainLimit, QStringLiteral("a certificate chain")));
}

} // namespace

IssuerSettings::Kind IssuerSettings::kind() const
{
    if (use == u"file")
        return Kind::File;
    if (use.startsWith(u"pkcs11:"))
        return Kind::Token;
    if (use.startsWith(u"est:"))
        return Kind::Est;
    if (use.startsWith(u"cmp:"))
        return Kind::Cmp;
    throw Fault("issuer.url", {oneLine(use, 120)});
}

std::unique_ptr<Issuer> openIssuer(const IssuerSettings &settings, const QByteArray &passphrase, const AskSecret &ask)
{
    const auto lacks = [&](const QString &why) { return Fault("issuer.settings", {oneLine(settings.use, 120), why}); };
    const SecretSource secret{settings.secretFile, ask};
    const IssuerSettings::Kind kind = settings.kind();
    if (settings.certificate.isEmpty())
        throw lacks(QStringLiteral("\"certificate\" is missing, the chain of that authority"));
    OutagePolicy outage;
    outage.patience = settings.patience.value_or(usualPatience);
    if (kind == IssuerSettings::Kind::Token || kind == IssuerSettings::Kind::File) {
        auto issuer = FileIssuer::open(settings.use, settings.certificate, passphrase, secret);
        issuer->setOutage(outage);
        return issuer;
    }
    RemoteAccess access;
    access.url = settings.use.mid(4);
    access.chain = certificates(settings.certificate);
    access.outage = outage;
    access.answerWithin = settings.answerWithin;
    access.askAgain = settings.askAgain;
    access.needsCmcRa = settings.needsCmcRa;
    access.anchors =
        settings.anchors.isEmpty() ? QList<QByteArray>{access.chain.back()} : certificates(settings.anchors);
    if (settings.key.isEmpty() != settings.keyCertificate.isEmpty())
        throw lacks(QStringLiteral("\"key\" and \"key-certificate\" go together"));
    if (!settings.key.isEmpty()) {
        access.keyChain = certificates(settings.keyCertificate);
        const QByteArray publicKey = certificateFacts(access.keyChain.front()).publicKeyDer;
        std::shared_ptr<Signer> signer = Signer::open(settings.key, passphrase, secret, publicKey);
        if (publicKeyInfo(signer->key()) != publicKey)
            throw Fault("issuer.mismatch", {settings.key, settings.keyCertificate});
        access.key = std::move(signer);
    }
    if (kind == IssuerSettings::Kind::Est) {
        if (!access.key)
            throw lacks(QStringLiteral("\"key\" and \"key-certificate\" are missing, with which the station shows who "
                                       "it is"));
        return std::make_unique<EstIssuer>(std::move(access));
    }
    if (!access.key && settings.reference.isEmpty())
        throw lacks(QStringLiteral("it needs \"reference\" (with a shared secret) or \"key\" and \"key-certificate\""));
    CmpSettings cmp;
    cmp.p10cr = settings.p10cr;
    cmp.implicitConfirm = settings.implicitConfirm;
    cmp.reference = settings.reference;
    cmp.secret = secret;
    return std::make_unique<CmpIssuer>(std::move(access), std::move(cmp));
}

} // namespace slipway
