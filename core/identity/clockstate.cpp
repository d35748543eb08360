#include "core/identity/clockstate.h"

#include "core/base/text.h"
#include "core/identity/validity.h"

#include <cstdlib>

namespace slipway {

namespace {

constexpr qint64 toleranceSeconds = 300;
// A clock that shows an earlier time has never been set: it began at 1970, 1980, 2000 ... when it was switched on.
constexpr char neverSetBefore[] = "20240101000000Z";

QString shown(const QString &time)
{
    return QStringLiteral("%1-%2-%3 %4:%5:%6 UTC")
        .arg(time.mid(0, 4), time.mid(4, 2), time.mid(6, 2), time.mid(8, 2), time.mid(10, 2), time.mid(12, 2));
}

// certificate: null where there is none.
ClockState ofDevice(const CertificateFacts *certificate, const DeviceClock &device, const QDateTime &station)
{
    const QString theirs = device.time.isValid() ? timeFromSeconds(device.time.toSecsSinceEpoch()) : QString();
    if (theirs.isEmpty() || theirs < QLatin1String(neverSetBefore)) {
        return {QStringLiteral("no-clock"),
                (theirs.isEmpty()
                     ? QStringLiteral("The device does not know the time")
                     : QStringLiteral("Nobody has set the device's clock (it says %1)").arg(shown(theirs))) +
                    QStringLiteral(", so certificates look not yet valid to it."),
                QStringLiteral("Set its clock (step time), or let its firmware take the time from the network or from "
                               "its build date before it judges certificates.")};
    }
    const qint64 off = device.time.toSecsSinceEpoch() - station.toSecsSinceEpoch();
    if (std::llabs(off) > toleranceSeconds) {
        const QString effect = !certificate ? QString()
                               : theirs < certificate->notBefore
                                   ? QStringLiteral("; its certificate looks not yet valid")
                               : theirs > certificate->notAfter ? QStringLiteral("; its certificate looks expired")
                                                                : QString();
        return {QStringLiteral("wrong-clock"),
                QStringLiteral("The device's clock is %1 %2 (it says %3)%4.")
                    .arg(humanSpan(double(std::llabs(off))), off < 0 ? QStringLiteral("slow") : QStringLiteral("fast"),
                         shown(theirs), effect),
                QStringLiteral("Set it (step time); where it is off again after a while, its battery or crystal is at "
                               "fault.")};
    }
    return {QStringLiteral("fits"),
            certificate ? QStringLiteral("The certificate is valid by the device's clock.")
                        : QStringLiteral("The device's clock is right."),
            {}};
}

} // namespace

ClockState judgeClock(const CertificateFacts &certificate, const DeviceClock &device, const QDateTime &station)
{
    const QString now = timeFromSeconds(station.toSecsSinceEpoch());
    if (now < certificate.notBefore) {
        return {
            QStringLiteral("not-yet-valid"),
            QStringLiteral("The certificate is not valid yet: it begins at %1, and the station's clock says %2.")
                .arg(shown(certificate.notBefore), shown(now)),
            QStringLiteral("Check the station's clock. If it is right, wait until then, or issue a certificate that "
                           "begins now.")};
    }
    if (now > certificate.notAfter) {
        return {QStringLiteral("expired"),
                QStringLiteral("The certificate ended at %1, and the station's clock says %2.")
                    .arg(shown(certificate.notAfter), shown(now)),
                QStringLiteral("Renew it; until then the device can be reached by its IDevID.")};
    }
    if (!device.asked)
        return {QStringLiteral("not-asked"), QStringLiteral("The certificate is valid by the station's clock."), {}};
    return ofDevice(&certificate, device, station);
}

ClockState judgeClock(const DeviceClock &device, const QDateTime &station)
{
    if (!device.asked)
        return {QStringLiteral("not-asked"), QStringLiteral("Nobody asked the device for its time."), {}};
    return ofDevice(nullptr, device, station);
}

CertificateFinding clockFinding(const ClockState &state)
{
    return {QStringLiteral("device-clock"),
            state.good(),
            QStringLiteral("fits"),
            state.state,
            QStringLiteral("RFC 5280 6.1.3 (a)(2)"),
            state.good() ? QString() : state.sentence.chopped(1) + QStringLiteral(". ") + state.remedy.chopped(1)};
}

} // namespace slipway
