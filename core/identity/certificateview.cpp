#include "core/identity/certificateview.h"

#include "core/base/text.h"

#include <QString>

namespace slipway {

namespace {

QByteArrayView bits(const der::Element &element)
{
    if (element.content.isEmpty() || element.content[0] != 0)
        throw der::Error{"has a bit string with unused bits"};
    return element.content.sliced(1);
}

CertificateView::Extension readExtension(der::Reader reader)
{
    CertificateView::Extension extension;
    extension.oid = reader.next(der::Oid).content;
    if (reader.nextIs(der::Boolean)) {
        const der::Element critical = reader.next();
        if (critical.content.size() != 1)
            throw der::Error{"has a damaged extension"};
        extension.critical = critical.content[0] != 0;
        extension.criticalWritten = !extension.critical;
    }
    extension.value = reader.next(der::OctetString).content;
    reader.end();
    return extension;
}

} // namespace

CertificateView CertificateView::read(QByteArrayView bytes)
{
    CertificateView view;
    der::Reader outer(der::single(bytes, der::Sequence));
    const der::Element tbs = outer.next(der::Sequence);
    view.tbs = tbs.whole;
    view.outerAlgorithm = outer.next(der::Sequence).whole;
    view.signature = bits(outer.next(der::BitString));
    outer.end();

    der::Reader fields(tbs);
    if (fields.nextIs(der::Context)) {
        const der::Element version = der::single(fields.next().content, der::Integer);
        if (version.content.size() != 1)
            throw der::Error{"has no version"};
        view.version = version.content[0] + 1;
    }
    view.serial = fields.next(der::Integer).content;
    view.innerAlgorithm = fields.next(der::Sequence).whole;
    view.issuer = fields.next(der::Sequence).whole;
    der::Reader validity(fields.next(der::Sequence));
    view.notBefore = validity.next();
    view.notAfter = validity.next();
    validity.end();
    view.subject = fields.next(der::Sequence).whole;
    const der::Element key = fields.next(der::Sequence);
    view.publicKey = key.whole;
    der::Reader keyFields(key);
    keyFields.next(der::Sequence);
    view.keyBits = bits(keyFields.next(der::BitString));
    keyFields.end();
    for (const quint8 uniqueId : {quint8(0x81), quint8(0x82)}) {
        if (fields.nextIs(uniqueId))
            fields.next();
    }
    if (fields.nextIs(der::Context + 3)) {
        der::Reader list(der::single(fields.next().content, der::Sequence));
        while (!list.atEnd()) {
            view.extensions.append(readExtension(der::Reader(list.next(der::Sequence))));
            if (view.extensions.size() > 64)
                throw der::Error{"has more than 64 extensions"};
        }
    }
    fields.end();
    return view;
}

const CertificateView::Extension *CertificateView::extension(QByteArrayView oidContent) const
{
    for (const Extension &extension : extensions) {
        if (extension.oid == oidContent)
            return &extension;
    }
    return nullptr;
}

QString CertificateView::serialText() const
{
    return hex(serial.size() > 1 && serial[0] == 0 ? serial.sliced(1) : serial);
}

QString keyTypeOf(QByteArrayView publicKeyInfo, QByteArrayView *keyBits)
{
    der::Reader info(der::single(publicKeyInfo, der::Sequence));
    der::Reader algorithm(info.next(der::Sequence));
    const QByteArrayView kind = algorithm.next(der::Oid).content;
    const QByteArrayView key = bits(info.next(der::BitString));
    info.end();
    if (keyBits)
        *keyBits = key;
    if (kind == oid::view(oid::ecPublicKey)) {
        if (!algorithm.nextIs(der::Oid))
            throw der::Error{"has an elliptic-curve key that does not name its curve"};
        const QByteArrayView curve = algorithm.next().content;
        algorithm.end();
        const qsizetype width = curve == oid::view(oid::p256) ? 32 : curve == oid::view(oid::p384) ? 48 : 0;
        if (width == 0)
            return {};
        if (key.size() != 1 + 2 * width || key[0] != 4)
            throw der::Error{"has an elliptic-curve key that is no uncompressed point"};
        return width == 32 ? QStringLiteral("P-256") : QStringLiteral("P-384");
    }
    if (kind == oid::view(oid::ed25519))
        return key.size() == 32 ? QStringLiteral("Ed25519") : QString();
    if (kind == oid::view(oid::rsaEncryption)) {
        der::Reader numbers(der::single(key, der::Sequence));
        QByteArrayView modulus = numbers.next(der::Integer).content;
        if (!modulus.isEmpty() && modulus[0] == 0)
            modulus = modulus.sliced(1);
        QByteArrayView exponent = numbers.next(der::Integer).content;
        if (!exponent.isEmpty() && exponent[0] == 0)
            exponent = exponent.sliced(1);
        // With 1 anybody signs, without a private key; an even one has no private key at all.
        if (modulus.isEmpty() || exponent.isEmpty() || !(modulus.back() & 1) || !(exponent.back() & 1) ||
            (exponent.size() == 1 && exponent[0] == 1))
            throw der::Error{"has an RSA key that proves nothing: its modulus or exponent is no odd number from 3"};
        return QStringLiteral("RSA-%1").arg(modulus.size() * 8);
    }
    return {};
}

QString timeText(const der::Element &time)
{
    const qsizetype length = time.is(der::UtcTime) ? 13 : time.is(der::GeneralizedTime) ? 15 : 0;
    if (length == 0 || time.content.size() != length || time.content.back() != 'Z')
        return {};
    for (const char c : time.content.chopped(1)) {
        if (c < '0' || c > '9')
            return {};
    }
    const QString text = QString::fromLatin1(time.content);
    if (length == 15)
        return text;
    return (text[0] < u'5' ? QLatin1String("20") : QLatin1String("19")) + text; // RFC 5280 section 4.1.2.5.1
}

} // namespace slipway
