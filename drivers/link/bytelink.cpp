#include "drivers/link/bytelink.h"

#include "core/base/fault.h"
#include "drivers/link/datagramlink.h"
#include "drivers/link/seriallink.h"

namespace slipway {

QByteArray ByteLink::read(Deadline deadline, const std::stop_token &stop)
{
    QByteArray out;
    while (wait(Readable, deadline, stop) & Readable) {
        out.resize(4096);
        const qsizetype n = readSome(out.data(), out.size());
        out.resize(n);
        if (n > 0)
            return out;
    }
    return {};
}

void ByteLink::write(QByteArrayView bytes, Deadline deadline, const std::stop_token &stop)
{
    while (!bytes.isEmpty()) {
        bytes = bytes.sliced(writeSome(bytes));
        if (!bytes.isEmpty() && wait(Writable, deadline, stop) == 0)
            throw Fault("base.timeout", {QStringLiteral("Sending on %1").arg(info().port)});
    }
}

bool ByteLink::setSignals(bool, bool)
{
    return false;
}

std::unique_ptr<ByteLink> openLink(const LinkOptions &options, const Task &task)
{
    if (options.port.startsWith(QLatin1String("udp:")))
        return std::make_unique<DatagramLink>(options.port, options.defaultUdpPort);
    return std::make_unique<SerialLink>(options, task);
}

} // namespace slipway
