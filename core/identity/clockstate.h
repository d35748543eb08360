#pragma once
// Whether a certificate is valid to a device, and where it is not, whose clock is to blame: RFC 5280 section 6.1.3
// (a)(2) asks the reader's clock, and constrained devices have none, or a wrong one (draft-walther-iotops-iot-ops,
// "short certificate lifetimes"). Times are UTC.

#include "core/identity/check.h"

#include <QDateTime>

namespace slipway {

struct DeviceClock {
    bool asked = false; // false: nobody knows what the device's clock says
    QDateTime time;     // invalid: the device keeps no time
};

struct ClockState {
    // "fits"           within the certificate's validity, and near the station's time
    // "not-asked"      valid by the station's clock; nobody asked the device
    // "no-clock"       the device keeps no time, or nobody ever set its clock
    // "wrong-clock"    the device's clock is off
    // "not-yet-valid"  the certificate begins in the future of the station's clock too
    // "expired"        it has ended by the station's clock too
    QString state;
    QString sentence; // what is so
    QString remedy;   // what to do; "" when it fits
    bool good() const { return state == u"fits" || state == u"not-asked"; }
};

ClockState judgeClock(const CertificateFacts &certificate, const DeviceClock &device, const QDateTime &station);
// The clock of a device that has no certificate yet: "fits", "not-asked", "no-clock" or "wrong-clock".
ClockState judgeClock(const DeviceClock &device, const QDateTime &station);
// The same as a finding of a check: field "device-clock".
CertificateFinding clockFinding(const ClockState &state);

} // namespace slipway
