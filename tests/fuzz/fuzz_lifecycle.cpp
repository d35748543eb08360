// libFuzzer: profiles, OCSP requests, lists of certificates from other stations, quotas and certificates under a
// profile that declares everything. The first byte chooses.

#include "core/base/fault.h"
#include "core/identity/authority.h"
#include "core/identity/check.h"
#include "core/identity/ocsp.h"
#include "core/identity/quota.h"
#include "core/steps/identitylist.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    static const Profile declared = Profile::parse(
        "slipway-profile: 1\nkind: ldevid\nextended-key-usage: [clientAuth]\ncertificate-policies: [1.2.3]\n"
        "subject-alt-name: [ { dns: \"${serial}.example\" } ]\nextensions: [ { oid: 1.2.3.4, hex: \"0500\" } ]\n",
        QStringLiteral("declared.yaml"));
    static const QList<QByteArray> issuers{
        certificatesFromPem(createDeviceCa(QStringLiteral("Fuzz"), {}).certificatePem).front()};
    if (size == 0)
        return 0;
    const QByteArray bytes(reinterpret_cast<const char *>(data + 1), qsizetype(size) - 1);
    try {
        switch (data[0] % 5) {
        case 0: {
            const Profile profile = Profile::parse(bytes, QStringLiteral("p.yaml"));
            if (profile.keyType.isEmpty() || profile.notAfter.isEmpty())
                std::abort();
            break;
        }
        case 1:
            if (ocspIssuerOf(bytes, issuers) > 0) // there is one issuer
                std::abort();
            break;
        case 2: {
            // What was read is written and read the same.
            const QJsonArray rows = readList(bytes, nullptr);
            if (readList(listCsv(rows), nullptr).size() != rows.size())
                std::abort();
            break;
        }
        case 3: {
            const Quota quota = Quota::parse(bytes);
            if (!quota.covers(quota.firstSerial) || !quota.covers(quota.lastSerial) ||
                Quota::parse(quota.json()).json() != quota.json())
                std::abort();
            break;
        }
        default:
            if (allHold(checkCertificate(certificateFromFile(bytes), declared, {}))) // there is no issuer
                std::abort();
        }
    } catch (const Fault &) {
    }
    return 0;
}
