#include "core/identity/mudsignature.h"

#include "core/base/fault.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/keyfile.h"
#include "core/identity/name.h"
#include "core/identity/openssl.h"

#include <openssl/err.h>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using NamePointer = std::unique_ptr<X509_NAME, ssl::Freer<X509_NAME_free>>;

NamePointer nameOf(QByteArrayView der)
{
    const unsigned char *p = ssl::data(der);
    NamePointer name(d2i_X509_NAME(nullptr, &p, long(der.size())));
    if (name && p != ssl::data(der) + der.size())
        name.reset();
    ERR_clear_error();
    return name;
}

QByteArray withLineEnds(const QByteArray &text, QByteArrayView end)
{
    QByteArray out;
    out.reserve(text.size() + text.size() / 16);
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
            continue;
        if (text[i] == '\n')
            out += end;
        else
            out += text[i];
    }
    return out;
}

// Which harmless-looking change a mail program, an editor or a file transfer made, if it was that.
void throwIfLineEnds(const QByteArray &file, const QByteArray &signature)
{
    const QString lf = u"lines that end in LF"_s;
    const QString crlf = u"lines that end in CR LF"_s;
    const QByteArray unix = withLineEnds(file, "\n");
    const QByteArray windows = withLineEnds(file, "\r\n");
    if (unix != file && cmsCovers(unix, signature))
        throw Fault("mud.line-ends", {crlf, lf});
    if (windows != file && cmsCovers(windows, signature))
        throw Fault("mud.line-ends", {lf, crlf});
    const QString with = u"a line end at its end"_s;
    const QString without = u"no line end at its end"_s;
    for (const QByteArray &end : {QByteArray("\n"), QByteArray("\r\n")}) {
        if (cmsCovers(file + end, signature))
            throw Fault("mud.line-ends", {without, with});
        if (file.endsWith(end) && cmsCovers(file.chopped(end.size()), signature))
            throw Fault("mud.line-ends", {with, without});
    }
}

bool sameName(QByteArrayView wanted, const QByteArray &certificate)
{
    const NamePointer expected = nameOf(wanted);
    const ssl::Certificate signer = ssl::certificate(certificate);
    return expected && signer && X509_NAME_cmp(expected.get(), X509_get_subject_name(signer.get())) == 0;
}

} // namespace

MudSignature verifyMudSignature(const QByteArray &file, const QByteArray &signature, const MudSignatureRules &rules)
{
    MudSignature result;
    try {
        result.signers = cmsSignersDetached(file, signature, rules.anchorsPem, {.at = rules.at, .anyAnchor = true});
    } catch (const Fault &fault) {
        if (fault.is("cms.content"))
            throwIfLineEnds(file, signature);
        throw;
    }
    if (rules.deviceCertificate.isEmpty())
        return result;
    try {
        result.deviceMudUrl = certificateFacts(rules.deviceCertificate).mudUrl;
        const CertificateView device = CertificateView::read(rules.deviceCertificate);
        if (const auto *extension = device.extension(oid::view(oid::mudSigner))) {
            result.expectedSigner = nameText(extension->value);
            bool matched = false;
            for (const CmsSigner &signer : std::as_const(result.signers))
                matched = matched || sameName(extension->value, signer.certificate);
            if (!matched)
                throw Fault("mud.signer", {result.signers.front().subject, result.expectedSigner});
        }
    } catch (const der::Error &error) {
        throw Fault("identity.certificate", {u"its mudsigner extension is damaged"_s}, QString::fromLatin1(error.what));
    }
    return result;
}

void checkMudSignature(const QByteArray &file, const QByteArray &signature)
{
    if (cmsCovers(file, signature))
        return;
    throwIfLineEnds(file, signature);
    throw Fault("cms.content");
}

QByteArray signMudFile(const SigningKey &key, const QByteArray &file, const QList<QByteArray> &above)
{
    const ssl::Certificate own = ssl::certificate(key.certificate());
    const QString subject = certificateFacts(key.certificate()).subject;
    if (!own || !(X509_get_extension_flags(own.get()) & EXFLAG_KUSAGE) ||
        !(X509_get_key_usage(own.get()) & KU_DIGITAL_SIGNATURE))
        throw Fault("cms.key-usage", {subject});
    if (const QString type = keyTypeOf(publicKeyInfo(key.key())); type == u"Ed25519")
        throw Fault("signer.key", {u"of \"%1\""_s.arg(subject), u"OpenSSL 3.0 makes no CMS with Ed25519"_s});
    const QByteArray signature = cmsSignDetached(key, file, above);
    // As a manager would that trusts this very certificate: its validity, and that the signature holds.
    (void)verifyMudSignature(file, signature, {certificateToPem(key.certificate()), {}, {}});
    return signature;
}

} // namespace slipway
