// Names of keys in tokens, and what EST servers answer.

#include "core/base/fault.h"
#include "core/identity/estmessages.h"
#include "core/identity/pkcs11uri.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 1)
        return 0;
    const QByteArray bytes(reinterpret_cast<const char *>(data) + 1, qsizetype(size) - 1);
    try {
        switch (data[0] % 3) {
        case 0:
            slipway::Pkcs11Uri::parse(QLatin1String("pkcs11:") + QString::fromUtf8(bytes)).words();
            break;
        case 1:
            slipway::estCertificates(bytes, QStringLiteral("it"));
            break;
        default:
            slipway::estAttributes(bytes, QStringLiteral("it"));
        }
    } catch (const slipway::Fault &) {
    }
    return 0;
}
