#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/codec/cose.h"
#include "core/firmware/signerkey.h"
#include "core/firmware/suitmanifest.h"

#include <QCborArray>

namespace slipway {

namespace {

constexpr char envelopeFault[] = "firmware.suit";

[[noreturn]] void refuse(const QString &what)
{
    throw Fault(envelopeFault, {what});
}

} // namespace

bool SuitEnvelope::looksLike(QByteArrayView bytes)
{
    // Tag 107 in its shortest form, then a map.
    return bytes.size() >= 3 && quint8(bytes[0]) == 0xd8 && quint8(bytes[1]) == suit::EnvelopeTag &&
           quint8(bytes[2]) >> 5 == 5;
}

SuitEnvelope SuitEnvelope::parse(const QByteArray &bytes)
{
    if (!looksLike(bytes))
        refuse(QStringLiteral("it does not begin as one"));
    const QCborValue whole = suit::strictCbor(bytes, QStringLiteral("it"), envelopeFault);
    const QCborMap map = whole.taggedValue().toMap();
    if (map.isEmpty() || map.constBegin().key() != QCborValue(suit::Authentication))
        refuse(QStringLiteral("its signatures do not come first"));
    SuitEnvelope envelope;
    QByteArray authentication;
    for (auto it = map.constBegin(); it != map.constEnd(); ++it) {
        if (!it.value().isByteArray())
            refuse(QStringLiteral("one of its parts is not wrapped as a byte string"));
        const QByteArray part = it.value().toByteArray();
        if (it.key().isString()) {
            envelope.m_integrated.insert(it.key().toString(), part);
            continue;
        }
        switch (it.key().isInteger() ? it.key().toInteger() : -1) {
        case suit::Authentication:
            authentication = part;
            break;
        case suit::Manifest:
            envelope.m_manifest = part;
            break;
        case suit::PayloadFetch:
        case suit::Install:
        case suit::Text:
            envelope.m_severable.insert(int(it.key().toInteger()), part);
            break;
        default:
            throw Fault("firmware.suit-unsupported",
                        {QStringLiteral("part %1 of the envelope").arg(it.key().toInteger())});
        }
    }
    if (envelope.m_manifest.isEmpty())
        refuse(QStringLiteral("it has no manifest"));
    const QString what = QStringLiteral("its list of signatures");
    const QCborValue list = suit::strictCbor(authentication, what, envelopeFault);
    const QCborArray items = list.toArray();
    if (items.isEmpty() || items.size() > 1 + MaximumSignatures)
        refuse(QStringLiteral("it has not one digest and at most %1 signatures").arg(MaximumSignatures));
    for (const QCborValue &item : items) {
        if (!item.isByteArray())
            refuse(QStringLiteral("one of its signatures is not wrapped as a byte string"));
        envelope.m_blocks.append(item.toByteArray());
    }
    envelope.m_digestBytes = envelope.m_blocks.takeFirst();
    const QString digest = QStringLiteral("its digest");
    envelope.m_digest =
        suit::Digest::read(suit::strictCbor(envelope.m_digestBytes, digest, envelopeFault), digest, envelopeFault);
    return envelope;
}

QStringList SuitEnvelope::signatureNames() const
{
    QStringList names;
    for (const QByteArray &block : m_blocks) {
        try {
            const CoseMessage message = CoseMessage::parse(block);
            if (message.signatures.isEmpty())
                names << QStringLiteral("MAC");
            for (const CoseSignature &signature : message.signatures)
                names << signature.algorithmName();
        } catch (const Fault &) {
            names << QStringLiteral("not readable");
        }
    }
    return names;
}

SuitManifest SuitEnvelope::open(const QByteArray &publicKeyPem) const
{
    const PublicKey key = publicKeyFromPem(publicKeyPem);
    if (m_blocks.isEmpty())
        throw Fault("firmware.suit-unsigned");
    bool held = false;
    for (const QByteArray &block : m_blocks) {
        try {
            const CoseMessage message = CoseMessage::parse(block);
            // What is signed is the digest beside it, never one that the signature brings along.
            held = held || (!message.payload && message.holds(key.get(), m_digestBytes));
        } catch (const Fault &fault) {
            if (!fault.is("codec.cose"))
                throw;
        }
    }
    if (!held) {
        throw Fault("firmware.suit-key",
                    {signatureNames().join(QStringLiteral(", ")), hex(publicKeyHash(key.get()).left(8))});
    }
    if (!m_digest.isOfWrapped(m_manifest))
        throw Fault("firmware.suit-digest");
    SuitManifest manifest;
    manifest.read(m_manifest, *this);
    return manifest;
}

} // namespace slipway
