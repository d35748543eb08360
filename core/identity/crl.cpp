#include "core/identity/crl.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/extensions.h"
#include "core/identity/validity.h"

#include <QDateTime>

namespace slipway {

namespace {

constexpr char crlNumber[] = "\x55\x1d\x14";
constexpr char reasonCode[] = "\x55\x1d\x15";
constexpr char deltaIndicator[] = "\x55\x1d\x1b";
constexpr char freshestCrl[] = "\x55\x1d\x2e";

// RFC 5280 section 5.3.1; the numbers are the list's indexes but for the gap at 7.
const QStringList &reasons()
{
    static const QStringList names{QStringLiteral("unspecified"),     QStringLiteral("keyCompromise"),
                                   QStringLiteral("cACompromise"),    QStringLiteral("affiliationChanged"),
                                   QStringLiteral("superseded"),      QStringLiteral("cessationOfOperation"),
                                   QStringLiteral("certificateHold"), QString(),
                                   QStringLiteral("removeFromCRL"),   QStringLiteral("privilegeWithdrawn"),
                                   QStringLiteral("aACompromise")};
    return names;
}

QByteArray timeDer(const QString &text)
{
    return text < QLatin1String("20500101000000Z") ? der::tlv(der::UtcTime, text.mid(2).toLatin1())
                                                   : der::tlv(der::GeneralizedTime, text.toLatin1());
}

QByteArray extension(QByteArrayView oid, const QByteArray &value)
{
    return extensionDer(oid, false, value);
}

QByteArray numberDer(qint64 number)
{
    QByteArray bytes;
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes += char(number >> shift & 0xff);
    return der::unsignedInteger(bytes);
}

QByteArray entryDer(const CrlEntry &entry, bool delta)
{
    const auto serial = fromHex(entry.certificateSerial);
    const QDateTime at = QDateTime::fromString(entry.at, Qt::ISODateWithMs);
    if (!serial || serial->isEmpty() || !at.isValid())
        throw Fault("issuer.defect", {QStringLiteral("revocation")}, entry.certificateSerial + u' ' + entry.at);
    QByteArray extensions;
    if (!entry.reason.isEmpty()) {
        const qsizetype reason = reasons().indexOf(entry.reason);
        if (reason < 0 || (!delta && entry.reason == u"removeFromCRL"))
            throw Fault("identity.reason", {entry.reason, QString(), revocationReasons().join(QLatin1String(", "))});
        if (reason > 0) // "unspecified" is said by leaving the extension out
            extensions =
                der::tlv(der::Sequence, extension(oid::view(reasonCode), der::tlv(0x0a, QByteArray(1, char(reason)))));
    }
    return der::tlv(der::Sequence,
                    {der::unsignedInteger(*serial), timeDer(timeFromSeconds(at.toSecsSinceEpoch())), extensions});
}

} // namespace

QStringList revocationReasons()
{
    QStringList names = reasons();
    names.removeAll(QString());
    names.removeAll(QStringLiteral("removeFromCRL")); // has a meaning in delta CRLs only
    return names;
}

qsizetype revocationReasonNumber(const QString &reason)
{
    return reason.isEmpty() ? -1 : reasons().indexOf(reason);
}

QByteArray buildCrl(const Signer &signer, const QByteArray &issuerName, const QByteArray &issuerKeyId,
                    const QList<CrlEntry> &revoked, const CrlForm &form)
{
    const qint64 now = form.at;
    QByteArray entries;
    for (const CrlEntry &entry : revoked)
        entries += entryDer(entry, form.base.has_value());
    QByteArray extensions = extension(oid::view(oid::authorityKeyIdentifier),
                                      der::tlv(der::Sequence, der::tlv(der::ContextPrimitive, issuerKeyId))) +
                            extension(oid::view(crlNumber), numberDer(form.number));
    if (form.base) // must be critical; such a list says nothing of a still fresher one
        extensions += extensionDer(oid::view(deltaIndicator), true, numberDer(*form.base));
    else if (!form.freshestUrls.isEmpty())
        extensions += extension(oid::view(freshestCrl), distributionPoints(form.freshestUrls));
    const QByteArray tbs =
        der::tlv(der::Sequence, {der::unsignedInteger("\x01"), signer.algorithm(), issuerName,
                                 timeDer(timeFromSeconds(now)), timeDer(timeFromSeconds(now + form.seconds)),
                                 // An empty list must be absent, RFC 5280 section 5.1.2.6.
                                 entries.isEmpty() ? QByteArray() : der::tlv(der::Sequence, entries),
                                 der::tlv(der::Context, der::tlv(der::Sequence, extensions))});
    return der::tlv(der::Sequence,
                    {tbs, signer.algorithm(), der::tlv(der::BitString, QByteArray(1, '\0') + signer.sign(tbs))});
}

} // namespace slipway
