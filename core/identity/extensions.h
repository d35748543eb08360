#pragma once
// The extensions that a profile asks for as data, laid out in DER: key usage, extended key usage, certificate policies,
// alternative names, distribution points, access to the authority, and any other by its OID. The issuer puts them into
// certificates and the check holds certificates against the same octets. Room-internal.
// RFC 5280 sections 4.2.1.3 to 4.2.1.15 and 4.2.2.1; RFC 4043 (permanentIdentifier); RFC 4108 section 5.

#include "core/identity/der.h"
#include "core/identity/profile.h"

#include <QList>

namespace slipway {

struct LaidExtension {
    QByteArray oid; // content
    bool critical = false;
    QByteArray value;         // of the OCTET STRING
    const char *field = "";   // as findings name it: "extended-key-usage"
    const char *clause = "";  // "RFC 5280 4.2.1.12"
    QByteArray whole() const; // the Extension, DER
};

// KeyUsage's value; empty list: nothing is to be put in.
QByteArray keyUsageValue(const QStringList &usages);
// "digitalSignature, keyAgreement" of a value; throws der::Error.
QString keyUsageText(QByteArrayView value);
QStringList knownKeyUsages(); // those that a device's certificate may have
// OID of serverAuth, clientAuth ... or of a dotted one; nothing when it is none.
std::optional<QByteArray> extendedKeyUsageOid(const QString &word);

// Why a template cannot be what it is to be, with that serial number; "" when it can.
QString whyNot(const NameTemplate &name, const QString &serial);
// SubjectAltName's value, hardwareModuleName first; empty when the profile wants none. Throws identity.serial where
// the serial number cannot stand in one of the names.
QByteArray alternativeNames(const Profile &profile, const QString &serial);

// In the order of the certificate: behind the basic constraints (extended key usage, policies), and at the end.
QList<LaidExtension> usageExtensions(const Profile &profile);
QList<LaidExtension> lastExtensions(const Profile &profile);

// Extensions that a profile has words of its own for, so that none comes in a second time: dotted OIDs.
QStringList ownExtensions();

// CRLDistributionPoints, also FreshestCRL: one point for each URL.
QByteArray distributionPoints(const QStringList &urls);
QByteArray extensionDer(QByteArrayView oid, bool critical, const QByteArray &value);

} // namespace slipway
