#include "core/identity/ordercheck.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/name.h"
#include "core/mud/mudurl.h"

namespace slipway {

OrderPatterns::OrderPatterns(const Profile &profile)
    : serial(QRegularExpression::anchoredPattern(profile.serialPattern)), mudUrl(profile.mudUrlPattern)
{
    serial.optimize();
    mudUrl.optimize();
}

void checkSerial(const Profile &profile, const OrderPatterns &patterns, const QString &serial)
{
    QString reason;
    if (serial.isEmpty() || serial.size() > 64)
        reason = QStringLiteral("it must have 1 to 64 characters"); // ub-serial-number, RFC 5280 appendix A.1
    else if (!isPrintableString(serial))
        reason = QStringLiteral("a certificate takes only letters, digits, space and '()+,-./:=? in it");
    else if (!profile.serialPattern.isEmpty() && !patterns.serial.match(serial).hasMatch())
        reason = QStringLiteral("the profile wants the form %1").arg(profile.serialPattern);
    if (!reason.isEmpty())
        throw Fault("identity.serial", {oneLine(serial, 80), reason});
}

void checkMudUrl(const Profile &profile, const OrderPatterns &patterns, const QString &url)
{
    if (url.isEmpty()) {
        if (profile.mudUrlRequired)
            throw Fault("identity.mud-url-missing", {profile.name});
        return;
    }
    QString reason = MudUrl::whyNot(url);
    if (reason.isEmpty() && !profile.mudUrlPattern.isEmpty() && !patterns.mudUrl.match(url).hasMatch())
        reason = QStringLiteral("it does not match %1").arg(profile.mudUrlPattern);
    if (!reason.isEmpty())
        throw Fault("identity.mud-url", {oneLine(url, 100), profile.name, reason});
}

void checkRequest(const Profile &profile, const IssueOrder &order)
{
    if (order.request.serialNumber != order.serial)
        throw Fault("identity.csr-serial", {oneLine(order.request.serialNumber, 80), order.serial});
    if (order.request.keyType != profile.keyType)
        throw Fault("identity.csr-key", {order.request.keyType, profile.name, profile.keyType});
}

} // namespace slipway
