#include "drivers/virtual/faultwords.h"
#include "drivers/virtual/virtualsmp.h"

namespace slipway {

namespace {

using Kind = VirtualFault::Kind;

constexpr FaultName<Kind> kinds[] = {
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

} // namespace

QStringList VirtualFault::names()
{
    return faultNames(kinds);
}

VirtualFault VirtualFault::parse(const QString &text)
{
    return parseFault<VirtualFault>(text, kinds);
}

} // namespace slipway
