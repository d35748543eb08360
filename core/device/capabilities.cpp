#include "core/device/capabilities.h"

#include "core/base/fault.h"

#include <array>

namespace slipway {

QString toString(Capability capability)
{
    static constexpr std::array names{"firmware", "blobs", "shell",  "keys",        "eraser",         "reset",
                                      "clock",    "lock",  "memory", "key-element", "key-derivation", "key-injection"};
    return QString::fromLatin1(names[size_t(capability)]);
}

QString toString(WriteStage stage)
{
    static constexpr std::array names{"check", "erase", "write", "verify", "restart"};
    return QString::fromLatin1(names[size_t(stage)]);
}

Keys::Element Keys::generateInElement(const Task &)
{
    throw Fault("device.lacks", {QStringLiteral("make a key in a secure element")});
}

void Keys::derive(const QString &, const Task &)
{
    throw Fault("device.lacks", {QStringLiteral("derive a key from a seed")});
}

void Keys::load(const SecretBytes &, const Task &)
{
    throw Fault("device.lacks", {QStringLiteral("take a key that was made elsewhere")});
}

} // namespace slipway
