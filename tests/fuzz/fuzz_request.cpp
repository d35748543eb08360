// libFuzzer: certificate requests, certificates and MUD URL extensions, which all go through the same DER reader. The
// first byte chooses.

#include "core/base/fault.h"
#include "core/identity/check.h"
#include "core/identity/issuer.h"
#include "core/mud/mudurl.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size == 0)
        return 0;
    const QByteArray bytes(reinterpret_cast<const char *>(data + 1), qsizetype(size) - 1);
    try {
        switch (data[0] % 3) {
        case 0: {
            const CertificateRequest request = CertificateRequest::parse(bytes);
            if (request.publicKeyDer.isEmpty() || request.publicKeySha256.size() != 32 || request.keyType.isEmpty())
                std::abort();
            break;
        }
        case 1: {
            Profile profile;
            profile.keyType = QStringLiteral("P-256");
            profile.notAfter = QStringLiteral("99991231235959Z");
            profile.hwType = QStringLiteral("1.3.6.1.4.1.32473.1.7");
            const QByteArray der = certificateFromFile(bytes);
            (void)certificateFacts(der);
            const auto findings = checkCertificate(der, profile, {});
            if (allHold(findings)) // there is no issuer
                std::abort();
            break;
        }
        default:
            if (MudUrl::fromExtensionValue(bytes).extensionValue() != bytes)
                std::abort();
        }
    } catch (const Fault &) {
    }
    return 0;
}
