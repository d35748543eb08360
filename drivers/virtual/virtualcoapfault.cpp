#include "drivers/virtual/faultwords.h"
#include "drivers/virtual/virtualcoap.h"

namespace slipway {

namespace {

using Kind = VirtualCoapFault::Kind;

constexpr FaultName<Kind> kinds[] = {
    {"silence", Kind::Silence},
    {"lost", Kind::Lost},
    {"late", Kind::Late},
    {"duplicate", Kind::Duplicate},
    {"reboot-at", Kind::RebootAt},
    {"etag-changes", Kind::EtagChanges},
    {"endless", Kind::Endless},
    {"size-lies", Kind::SizeLies},
    {"large-blocks", Kind::LargeBlocks},
    {"wrong-block", Kind::WrongBlock},
    {"wrong-format", Kind::WrongFormat},
    {"refuse", Kind::Refuse},
    {"server-error", Kind::ServerError},
    {"busy", Kind::Busy},
    {"huge-links", Kind::HugeLinks},
    {"bad-links", Kind::BadLinks},
    {"image-refused", Kind::ImageRefused},
    {"wrong-hash", Kind::WrongHash},
    {"refuse-keygen", Kind::RefuseKeygen},
    {"csr-signature", Kind::CsrSignature},
    {"csr-serial", Kind::CsrSerial},
    {"sign-wrong", Kind::SignWrong},
    {"certificate-lost", Kind::CertificateLost},
    {"stuck-after-reset", Kind::StuckAfterReset},
};

} // namespace

QStringList VirtualCoapFault::names()
{
    return faultNames(kinds);
}

VirtualCoapFault VirtualCoapFault::parse(const QString &text)
{
    return parseFault<VirtualCoapFault>(text, kinds);
}

} // namespace slipway
