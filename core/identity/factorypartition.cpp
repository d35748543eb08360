#include "core/identity/factorypartition.h"

#include "core/identity/check.h"

#include <algorithm>

namespace slipway {

SecretBytes buildEspSecureCert(const QList<QByteArray> &chain, const PrivateKey &key, qsizetype size, bool filled)
{
    EspSecureCertBuilder builder;
    for (qsizetype i = 1; i < chain.size(); ++i)
        builder.addText(EspSecureCert::CaCertificate, quint8(i - 1), certificateToPem(chain[i]));
    if (!chain.isEmpty())
        builder.addText(EspSecureCert::DeviceCertificate, 0, certificateToPem(chain.first()));
    builder.addText(EspSecureCert::PrivateKey, 0, secretPem("EC PRIVATE KEY", key.sec1()));
    SecretBytes entries = builder.finish(size);
    if (!filled)
        return entries;
    SecretBytes whole(size);
    std::fill_n(whole.data(), size, '\xff');
    std::copy_n(entries.data(), entries.size(), whole.data());
    return whole;
}

} // namespace slipway
