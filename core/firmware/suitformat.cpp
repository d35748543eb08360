#include "core/firmware/suitformat.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/firmware/firmwarefile.h"

#include <QCborArray>
#include <QCryptographicHash>
#include <QUuid>

#include <optional>

namespace slipway::suit {

namespace {

std::optional<QCryptographicHash::Algorithm> hashOf(qint64 algorithm)
{
    switch (algorithm) {
    case -16:
        return QCryptographicHash::Sha256;
    case -43:
        return QCryptographicHash::Sha384;
    case -44:
        return QCryptographicHash::Sha512;
    default:
        return {};
    }
}

} // namespace

QCborValue strictCbor(QByteArrayView bytes, const QString &what, const char *code)
{
    const CborDecoded decoded = decodeCbor(bytes, {FirmwareFile::MaximumBytes, 12, 16384});
    if (!decoded.ok())
        throw Fault(code, {QStringLiteral("%1 is damaged (%2)").arg(what, decoded.error)});
    if (decoded.used != bytes.size())
        throw Fault(code, {QStringLiteral("%1 has %2 bytes too many").arg(what).arg(bytes.size() - decoded.used)});
    QByteArray again;
    try {
        again = toDeterministicCbor(decoded.value);
    } catch (const Fault &) {
        throw Fault(code, {QStringLiteral("%1 has a key twice").arg(what)});
    }
    if (again != bytes)
        throw Fault(code, {QStringLiteral("%1 is not in the one form that is allowed").arg(what)});
    return decoded.value;
}

Digest Digest::read(const QCborValue &value, const QString &what, const char *code)
{
    const QCborArray array = value.toArray();
    if (!value.isArray() || array.size() != 2 || !array[0].isInteger() || !array[1].isByteArray())
        throw Fault(code, {QStringLiteral("%1 is no digest").arg(what)});
    const Digest digest{array[0].toInteger(), array[1].toByteArray()};
    const auto hash = hashOf(digest.algorithm);
    if (!hash)
        throw Fault("firmware.suit-unsupported", {QStringLiteral("digests of algorithm %1").arg(digest.algorithm)});
    if (digest.bytes.size() != QCryptographicHash::hashLength(*hash))
        throw Fault(code, {QStringLiteral("%1 is not as long as its algorithm says").arg(what)});
    return digest;
}

QString Digest::algorithmName() const
{
    return algorithm == -16   ? QStringLiteral("SHA-256")
           : algorithm == -43 ? QStringLiteral("SHA-384")
                              : QStringLiteral("SHA-512");
}

bool Digest::isOf(QByteArrayView content) const
{
    const auto hash = hashOf(algorithm);
    return hash && QCryptographicHash::hash(content, *hash) == bytes;
}

bool Digest::isOfWrapped(QByteArrayView content) const
{
    const auto algorithmHash = hashOf(algorithm);
    if (!algorithmHash)
        return false;
    QByteArray head;
    appendCborHead(head, 2, quint64(content.size()));
    QCryptographicHash hash(*algorithmHash);
    hash.addData(head);
    hash.addData(content);
    return hash.result() == bytes;
}

QString idText(const QCborValue &id)
{
    if (id.isTag()) // 112: a relative object identifier under 1.3.6.1.4.1
        return QStringLiteral("PEN ") + hex(id.taggedValue().toByteArray());
    const QByteArray bytes = id.toByteArray();
    return bytes.size() == 16 ? QUuid::fromRfc4122(bytes).toString(QUuid::WithoutBraces) : hex(bytes);
}

} // namespace slipway::suit
