#include "core/identity/layout.h"

#include "core/base/fault.h"
#include "core/identity/certificateview.h"
#include "core/identity/extensions.h"
#include "core/identity/name.h"
#include "core/identity/openssl.h"
#include "core/identity/validity.h"
#include "core/mud/mudurl.h"

#include <array>

namespace slipway {

namespace {

constexpr qint64 backdatedSeconds = 600; // so that a device or registrar whose clock is slow accepts it at once

constexpr auto extension = extensionDer;

Fault badProfile(const Profile &profile, const QString &sentence)
{
    return Fault("identity.profile", {profile.file.isEmpty() ? profile.name : profile.file, QStringLiteral("1"),
                                      QStringLiteral("1"), sentence});
}

QByteArray timeDer(const QString &text)
{
    // RFC 5280 section 4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050.
    if (text >= QLatin1String("19500101000000Z") && text < QLatin1String("20500101000000Z"))
        return der::tlv(der::UtcTime, text.mid(2).toLatin1());
    return der::tlv(der::GeneralizedTime, text.toLatin1());
}

// What stands in every certificate with a content of its own is written in one piece rather than put together.
QByteArray serialNumberRdn(const QByteArray &serialNumber)
{
    const qsizetype size = serialNumber.size();
    if (size > 64) // ub-serial-number, RFC 5280 appendix A.1; below it all lengths have one octet
        throw Fault("issuer.defect", {QStringLiteral("subject serialNumber")});
    // SET { SEQUENCE { 2.5.4.5, PrintableString } }
    QByteArray out("\x31\x00\x30\x00\x06\x03\x55\x04\x05\x13\x00", 11);
    out[1] = char(size + 9);
    out[3] = char(size + 7);
    out[10] = char(size);
    return out.append(serialNumber);
}

QByteArray keyIdentifierExtension(const QByteArray &sha1) // RFC 5280 section 4.2.1.2
{
    static constexpr QByteArrayView head("\x30\x1d\x06\x03\x55\x1d\x0e\x04\x16\x04\x14", 11);
    QByteArray out;
    out.reserve(head.size() + sha1.size());
    return out.append(head).append(sha1);
}

// The parts in order; their sizes are known, so nothing is copied twice.
template <size_t n> void appendParts(QByteArray &out, const std::array<QByteArrayView, n> &parts)
{
    for (const QByteArrayView part : parts)
        out.append(part.data(), part.size());
}

template <size_t n> qsizetype sizeOf(const std::array<QByteArrayView, n> &parts)
{
    qsizetype size = 0;
    for (const QByteArrayView part : parts)
        size += part.size();
    return size;
}

} // namespace

CertificateLayout::CertificateLayout(const Profile &profile, QByteArrayView issuerName, QByteArrayView issuerKeyId,
                                     QByteArrayView algorithm)
    : m_profile(profile), m_issuerName(issuerName.toByteArray()), m_algorithm(algorithm.toByteArray())
{
    for (auto it = profile.subject.cbegin(); it != profile.subject.cend(); ++it)
        m_subjectVaries = m_subjectVaries || it.value().contains(QLatin1String("${serial}"));
    if (!m_subjectVaries)
        m_subjectFixed = subject(QString());

    m_before = extension(oid::view(oid::authorityKeyIdentifier), false,
                         der::tlv(der::Sequence, der::tlv(der::ContextPrimitive, issuerKeyId)));
    if (profile.keyUsage)
        m_middle += extension(oid::view(oid::keyUsage), true, keyUsageValue(profile.keyUsages));
    if (profile.basicConstraints) // CA:FALSE is the default, so the sequence is empty
        m_middle += extension(oid::view(oid::basicConstraints), true, der::tlv(der::Sequence, QByteArrayView()));
    for (const LaidExtension &usage : usageExtensions(profile))
        m_middle += usage.whole();
    if (!profile.hwType.isEmpty() && !der::oidContent(profile.hwType.toLatin1()))
        throw badProfile(profile, QStringLiteral("\"%1\" is no OID").arg(profile.hwType));
    if (!profile.masaUrl.isEmpty())
        m_after += extension(oid::view(oid::masaUrl), false, der::tlv(der::Ia5String, profile.masaUrl.toLatin1()));
    if (!profile.mudSigner.isEmpty()) {
        const auto name = nameFromText(profile.mudSigner);
        if (!name)
            throw badProfile(profile, QStringLiteral("\"%1\" is no name").arg(profile.mudSigner));
        m_after += extension(oid::view(oid::mudSigner), false, *name);
    }
    for (const LaidExtension &last : lastExtensions(profile))
        m_after += last.whole();
}

QByteArray CertificateLayout::subject(const QString &serial) const
{
    static const QStringList order{QStringLiteral("C"), QStringLiteral("ST"), QStringLiteral("L"),
                                   QStringLiteral("O"), QStringLiteral("OU"), QStringLiteral("CN")};
    QByteArray rdns;
    const auto add = [&](const QString &type) {
        if (!m_profile.subject.contains(type))
            return;
        const QString value = QString(m_profile.subject.value(type)).replace(QLatin1String("${serial}"), serial);
        const auto part = rdn(type, value);
        if (!part)
            throw badProfile(m_profile, QStringLiteral("subject %1 cannot be \"%2\"").arg(type, value));
        rdns += *part;
    };
    for (const QString &type : order)
        add(type);
    for (auto it = m_profile.subject.cbegin(); it != m_profile.subject.cend(); ++it) {
        if (!order.contains(it.key()))
            add(it.key());
    }
    return rdns;
}

CertificateLayout::Validity CertificateLayout::validityAt(qint64 now, const QString &earliest) const
{
    Validity validity;
    QString notBefore = timeFromSeconds(now - backdatedSeconds);
    if (notBefore < earliest)
        notBefore = earliest;
    const auto notAfter = notAfterOf(m_profile.notAfter, now);
    if (!notAfter)
        throw badProfile(m_profile, QStringLiteral("not-after cannot be \"%1\"").arg(m_profile.notAfter));
    validity.notAfter = *notAfter;
    validity.der = der::tlv(der::Sequence, {timeDer(notBefore), timeDer(*notAfter)});
    return validity;
}

QByteArray CertificateLayout::mudExtension(const QString &url)
{
    return extension(oid::view(oid::mudUrl), false, MudUrl::parse(url).extensionValue());
}

QByteArray CertificateLayout::tbs(const IssueOrder &order, const QByteArray &certificateSerial,
                                  const Validity &validity, const QByteArray &mudExtension) const
{
    using der::headerSize;
    const QByteArray serialNumber = order.serial.toLatin1();
    const QByteArrayView spki = order.request.publicKeyDer;

    // Subject: fixed RDNs, then SET { SEQUENCE { serialNumber, PrintableString } }.
    const QByteArray varying = m_subjectVaries ? subject(order.serial) : QByteArray();
    const QByteArrayView rdns = m_subjectVaries ? QByteArrayView(varying) : QByteArrayView(m_subjectFixed);
    const QByteArray serialRdn = serialNumberRdn(serialNumber);

    QByteArrayView keyBits;
    keyTypeOf(spki, &keyBits);
    const QByteArray ski = keyIdentifierExtension(ssl::sha1(keyBits));
    // An empty subject would make it critical (RFC 5280 section 4.2.1.6); ours always has a serialNumber.
    const QByteArray names = alternativeNames(m_profile, order.serial);
    const QByteArray san = names.isEmpty() ? QByteArray() : extension(oid::view(oid::subjectAltName), false, names);

    const std::array<QByteArrayView, 6> extensions{m_before, ski, m_middle, san, mudExtension, m_after};
    const qsizetype extensionBytes = sizeOf(extensions);
    const qsizetype listBytes = headerSize(extensionBytes) + extensionBytes;
    const qsizetype subjectBytes = rdns.size() + serialRdn.size();
    const QByteArray serialInteger = der::unsignedInteger(certificateSerial);
    static constexpr QByteArrayView version3("\xa0\x03\x02\x01\x02", 5);
    const std::array<QByteArrayView, 5> head{version3, serialInteger, m_algorithm, m_issuerName, validity.der};
    const qsizetype bytes =
        sizeOf(head) + headerSize(subjectBytes) + subjectBytes + spki.size() + headerSize(listBytes) + listBytes;

    QByteArray out;
    out.reserve(bytes + 5);
    der::appendHeader(out, der::Sequence, bytes);
    appendParts(out, head);
    der::appendHeader(out, der::Sequence, subjectBytes);
    appendParts(out, std::array<QByteArrayView, 3>{rdns, serialRdn, spki});
    der::appendHeader(out, der::Context + 3, listBytes);
    der::appendHeader(out, der::Sequence, extensionBytes);
    appendParts(out, extensions);
    return out;
}

} // namespace slipway
