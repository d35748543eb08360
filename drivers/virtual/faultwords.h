#pragma once
// Trouble in words, the same for every virtual device: NAME[:KEY=VALUE,...], "silence:after=20",
// "late:delay=800ms,every=3". A fault is any struct with a Kind and such of the members after, every, times, delay and
// value as mean something for it. Throws virtual.fault with the nearest name, virtual.fault-option.

#include <QString>
#include <QStringList>

#include <chrono>
#include <optional>
#include <type_traits>

namespace slipway {

template <typename Kind> struct FaultName {
    const char *name;
    Kind kind;
};

struct FaultWords {
    QString name;
    std::optional<qint64> after, every, times; // after from 0 on, the others from 1 on, up to 2^31 - 1
    std::optional<std::chrono::milliseconds> delay;
    std::optional<double> value; // decimal or 0x
};
// keys: what there may be besides the name.
FaultWords parseFaultWords(const QString &text, const QStringList &names, const QStringList &keys);

template <typename Kind, size_t N> QStringList faultNames(const FaultName<Kind> (&kinds)[N])
{
    QStringList out;
    for (const FaultName<Kind> &kind : kinds)
        out << QLatin1String(kind.name);
    return out;
}

template <typename VirtualFault, size_t N>
VirtualFault parseFault(const QString &text, const FaultName<typename VirtualFault::Kind> (&kinds)[N])
{
    constexpr bool hasDelay = requires(VirtualFault fault)
    {
        fault.delay;
    };
    constexpr bool hasTimes = requires(VirtualFault fault)
    {
        fault.times;
    };
    constexpr bool hasValue = requires(VirtualFault fault)
    {
        fault.value;
    };
    QStringList keys{QStringLiteral("after"), QStringLiteral("every")};
    if (hasDelay)
        keys << QStringLiteral("delay");
    if (hasTimes)
        keys << QStringLiteral("times");
    if (hasValue)
        keys << QStringLiteral("value");
    const FaultWords words = parseFaultWords(text, faultNames(kinds), keys);
    VirtualFault fault;
    for (const auto &kind : kinds) {
        if (words.name == QLatin1String(kind.name))
            fault.kind = kind.kind;
    }
    const auto set = [](auto &member, const auto &given) {
        if (given)
            member = static_cast<std::remove_reference_t<decltype(member)>>(*given);
    };
    set(fault.after, words.after);
    set(fault.every, words.every);
    if constexpr (hasDelay)
        set(fault.delay, words.delay);
    if constexpr (hasTimes)
        set(fault.times, words.times);
    if constexpr (hasValue)
        set(fault.value, words.value);
    return fault;
}

} // namespace slipway
