#pragma once
// The version in an MCUboot image header: "1.4.2+7" (major.minor.revision+build), the build left out when 0.
// Order: all four numbers, as the boot loader's own downgrade check compares them with the build counted in.

#include <QString>

#include <compare>
#include <optional>

namespace slipway {

struct McubootVersion {
    quint8 major = 0;
    quint8 minor = 0;
    quint16 revision = 0;
    quint32 build = 0;

    auto operator<=>(const McubootVersion &) const = default;
    QString toString() const;
    // "1", "1.4", "1.4.2", "1.4.2+7", also "1.4.2.7" as the SMP image list writes the build. Nothing when it is none.
    static std::optional<McubootVersion> parse(const QString &text);
};

} // namespace slipway
