#pragma once
// Whether an order may be carried out, before any issuer is asked: its serial number, its MUD URL and its request
// against the profile. Room-internal. Throws identity.serial, identity.mud-url*, identity.csr-*.

#include "core/identity/issuer.h"

#include <QRegularExpression>

namespace slipway {

// The patterns of a profile, compiled.
struct OrderPatterns {
    QRegularExpression serial, mudUrl;
    explicit OrderPatterns(const Profile &profile);
};

void checkSerial(const Profile &profile, const OrderPatterns &patterns, const QString &serial);
void checkMudUrl(const Profile &profile, const OrderPatterns &patterns, const QString &url);
void checkRequest(const Profile &profile, const IssueOrder &order);

} // namespace slipway
