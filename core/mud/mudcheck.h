#pragma once
// Whether a MUD file makes sense: RFC 8520 (policies, terms, DNS names, URLs), the YANG rules of RFC 8519, owner and
// licence (draft-ietf-iotops-ol-03), quarantine. Pure function over the parsed file; it fetches nothing.

#include "core/mud/mudfile.h"

namespace slipway {

struct MudCheckOptions {
    QString url; // under which the file is, or will be, published; "" where that is not known
    // The product's MUD URL is in its IDevID, so that firmware can change and the URL cannot: firmware-rev and
    // software-rev must then be absent (RFC 8520 section 3.8).
    bool urlInCertificate = false;
    QDateTime now; // to judge last-update; invalid: not judged
};

// Everything, by line; what parse() found is among it.
QList<MudFinding> checkMudFile(const MudFile &file, const MudCheckOptions &options = {});

} // namespace slipway
