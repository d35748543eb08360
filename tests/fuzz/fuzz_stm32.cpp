// libFuzzer: the driver's side of the STM32 boot loader. The input is what a device says, in whatever order, to
// everything the driver asks while it finds the loader, identifies the chip, writes and reads back; and, with another
// first byte, a file of quirks. Nothing but a Fault comes out of it, and no wait is endless.

#include "core/base/fault.h"
#include "drivers/stm32/stm32device.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

namespace {

// Gives the fuzzer's bytes, a few for each thing that was sent, and then nothing more.
class Babble final : public ByteLink
{
public:
    explicit Babble(QByteArrayView bytes) : m_bytes(bytes) { m_info.port = QStringLiteral("fuzz"); }
    const LinkInfo &info() const override { return m_info; }
    int wait(int wanted, Deadline, const std::stop_token &) override
    {
        if (wanted & Writable)
            return Writable;
        if (m_left > 0 && !m_bytes.isEmpty())
            return Readable;
        if (++m_dry > 200)
            throw Fault("link.gone", {m_info.port});
        return 0;
    }
    qsizetype readSome(char *to, qsizetype size) override
    {
        const qsizetype n = std::min({size, m_left, m_bytes.size()});
        std::copy_n(m_bytes.data(), n, to);
        m_bytes = m_bytes.sliced(n);
        m_left -= n;
        return n;
    }
    qsizetype writeSome(QByteArrayView bytes) override
    {
        m_left = m_bytes.isEmpty() ? 0 : 1 + quint8(m_bytes[0]) % 64;
        m_bytes = m_bytes.sliced(std::min<qsizetype>(1, m_bytes.size()));
        return bytes.size();
    }
    void discardInput() override {}
    void reopen(const Task &) override {}
    void setBaud(int) override {}

private:
    LinkInfo m_info;
    QByteArrayView m_bytes;
    qsizetype m_left = 0;
    int m_dry = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const QByteArrayView bytes(reinterpret_cast<const char *>(data) + 1, qsizetype(size - 1));
    if (data[0] == '{') {
        try {
            const Stm32Products products = Stm32Products::parse(bytes.toByteArray(), QStringLiteral("fuzz"));
            for (const Stm32Product &product : products.products()) {
                if (product.pages(product.mostFlash).isEmpty())
                    std::abort();
            }
        } catch (const Fault &fault) {
            if (!fault.is("stm32.quirks"))
                std::abort();
        }
        return 0;
    }
    (void)stm32::parseGet(bytes);
    (void)stm32::parseId(bytes);
    (void)stm32::parseVersion(bytes);
    static const Stm32Products products = Stm32Products::load();
    const auto &product = products.products().at(data[0] % products.products().size());
    try {
        auto client = std::make_unique<Stm32Client>(std::make_unique<Babble>(bytes));
        client->synchronise({});
        stm32::Loader loader = client->get({});
        (void)client->id({});
        Stm32Device device(std::move(client), std::move(loader), product, {});
        (void)device.facts({});
        (void)device.memory()->write({{Stm32Product::flashAt, QByteArray(300, 'x')}}, {}, {});
        device.locker()->lock(QStringLiteral("readout"), {});
    } catch (const Fault &) {
    }
    return 0;
}
