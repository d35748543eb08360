// libFuzzer: SUIT envelopes. First as they come, which never opens under a key that the fuzzer does not have; then with
// the same bytes as the manifest of an envelope that is signed well, so that what lies behind the signature is reached.
// The virtual device's own processor gets both as well.

#include "core/base/fault.h"
#include "core/firmware/suitmanifest.h"
#include "drivers/virtual/suitprocessor.h"
#include "tests/support/suitmaker.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    static const test::SuitSigner signer(nullptr, -19);
    static const QByteArray pem = signer.publicPem();
    const QByteArray bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    SuitDevice device;
    device.keys = {pem};
    device.vendor = QByteArray(16, 'v');
    device.deviceClass = QByteArray(16, 'c');
    device.capacity = 1 << 20;
    if (processSuit(bytes, device).error.isEmpty())
        std::abort(); // nobody signed it
    try {
        const SuitEnvelope envelope = SuitEnvelope::parse(bytes);
        (void)envelope.signatureNames();
        (void)envelope.open(pem);
        std::abort();
    } catch (const Fault &) {
    }
    try {
        const QByteArray digest = test::suitBytes(test::suitDigest(test::suitWrapped(bytes)));
        test::SuitMaker maker;
        maker.integrated = false;
        const QByteArray whole = maker.wrap(test::suitBytes(QCborArray{digest, signer.cose(digest)}), bytes);
        (void)processSuit(whole, device);
        const SuitManifest manifest = SuitEnvelope::parse(whole).open(pem);
        (void)manifest.toJson();
        SuitTarget target;
        target.slot = 1;
        target.vendor = QUuid::fromRfc4122(QByteArray(16, 'v'));
        (void)manifest.check(target);
        (void)manifest.checkPayloads({bytes});
    } catch (const Fault &) {
    }
    return 0;
}
