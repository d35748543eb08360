#pragma once
// Whether a certificate that somebody else issued leads to anchors that are trusted (RFC 5280 section 6): for devices
// and secure elements that come with an identity of their vendor.

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

// chain: end entity first; anchors: self-signed or not, whoever is in the list is trusted. DER each. Why it is not
// trusted, in a few words; empty: it is. At most 10 certificates and 100 anchors.
QString whyNotTrusted(const QList<QByteArray> &chain, const QList<QByteArray> &anchors);

} // namespace slipway
