#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/virtualsmp.h"

namespace slipway {

namespace {

using Kind = VirtualFault::Kind;

constexpr struct {
    const char *name;
    Kind kind;
} kinds[] = {
    {"silence", Kind::Silence},
    {"late", Kind::Late},
    {"duplicate", Kind::Duplicate},
    {"corrupt", Kind::Corrupt},
    {"no-memory", Kind::NoMemory},
    {"reboot-at", Kind::RebootAt},
    {"disconnect", Kind::Disconnect},
    {"full-flash", Kind::FullFlash},
    {"wrong-hash", Kind::WrongHash},
    {"refuse-keygen", Kind::RefuseKeygen},
    {"csr-signature", Kind::CsrSignature},
    {"csr-serial", Kind::CsrSerial},
    {"csr-stale", Kind::CsrStale},
    {"sign-wrong", Kind::SignWrong},
    {"key-changes", Kind::KeyChanges},
    {"stuck-after-reset", Kind::StuckAfterReset},
    {"adc-outside", Kind::AdcOutside},
    {"shell-garbage", Kind::ShellGarbage},
    {"certificate-lost", Kind::CertificateLost},
    {"lock-fails", Kind::LockFails},
};

[[noreturn]] void badOption(const QString &option, const QString &name)
{
    throw Fault("virtual.fault-option", {option, name});
}

} // namespace

QStringList VirtualFault::names()
{
    QStringList all;
    for (const auto &kind : kinds)
        all.append(QLatin1String(kind.name));
    return all;
}

VirtualFault VirtualFault::parse(const QString &text)
{
    const QString name = text.section(u':', 0, 0).trimmed();
    const auto *found = std::find_if(std::begin(kinds), std::end(kinds),
                                     [&](const auto &kind) { return name == QLatin1String(kind.name); });
    if (found == std::end(kinds))
        throw Fault("virtual.fault", {name, didYouMean(name, names()), names().join(QStringLiteral(", "))});
    VirtualFault fault;
    fault.kind = found->kind;
    const QString options = text.section(u':', 1);
    if (options.isEmpty())
        return fault;
    for (const QString &option : options.split(u',')) {
        const QString key = option.section(u'=', 0, 0).trimmed(), value = option.section(u'=', 1).trimmed();
        bool ok = false;
        if (key == u"after") {
            fault.after = value.toLongLong(&ok);
            ok = ok && fault.after >= 0;
        } else if (key == u"every") {
            fault.every = value.toInt(&ok);
            ok = ok && fault.every > 0;
        } else if (key == u"delay") {
            const auto span = parseDurationMs(value);
            ok = span && *span >= 0;
            fault.delay = std::chrono::milliseconds(span.value_or(0));
        } else if (key == u"value") {
            fault.value = value.toDouble(&ok);
        }
        if (!ok)
            badOption(option, name);
    }
    return fault;
}

} // namespace slipway
