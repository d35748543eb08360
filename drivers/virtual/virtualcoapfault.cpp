#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/virtualcoap.h"

#include <algorithm>

namespace slipway {

namespace {

using Kind = VirtualCoapFault::Kind;

constexpr struct {
    const char *name;
    Kind kind;
} kinds[] = {
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
    QStringList all;
    for (const auto &kind : kinds)
        all.append(QLatin1String(kind.name));
    return all;
}

VirtualCoapFault VirtualCoapFault::parse(const QString &text)
{
    const QString name = text.section(u':', 0, 0).trimmed();
    const auto *found = std::find_if(std::begin(kinds), std::end(kinds),
                                     [&](const auto &kind) { return name == QLatin1String(kind.name); });
    if (found == std::end(kinds))
        throw Fault("virtual.fault", {name, didYouMean(name, names()), names().join(QStringLiteral(", "))});
    VirtualCoapFault fault;
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
        }
        if (!ok)
            throw Fault("virtual.fault-option", {option, name});
    }
    return fault;
}

} // namespace slipway
