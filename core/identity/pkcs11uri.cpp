#include "core/identity/pkcs11uri.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QDir>
#include <QFileInfo>
#include <QSet>

namespace slipway {

namespace {

constexpr qsizetype maximumLength = 2000;

[[noreturn]] void refuse(const QString &uri, const QString &why)
{
    throw Fault("issuer.token-uri", {oneLine(uri, 120), why});
}

// RFC 3986 section 2.1: "%" and two hex digits, everything else as it stands.
QByteArray decoded(const QString &uri, QStringView value)
{
    QByteArray out;
    const QByteArray bytes = value.toUtf8();
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != '%') {
            out += bytes[i];
            continue;
        }
        const auto octet = fromHex(QString::fromLatin1(bytes.mid(i + 1, 2)));
        if (!octet || octet->size() != 1)
            refuse(uri, QStringLiteral("behind \"%\" two hex digits must follow"));
        out += *octet;
        i += 2;
    }
    return out;
}

QString decodedText(const QString &uri, QStringView value)
{
    const QByteArray bytes = decoded(uri, value);
    const QString text = QString::fromUtf8(bytes);
    if (text.toUtf8() != bytes || text.contains(QChar(0)))
        refuse(uri, QStringLiteral("a value in it is no text"));
    return text;
}

QString sharedLibrary(const QString &folder, const QString &name)
{
    for (const QString &file : {QStringLiteral("lib%1.so").arg(name), name + QStringLiteral(".so"), name}) {
        if (QFileInfo(folder + u'/' + file).isFile())
            return folder + u'/' + file;
    }
    return {};
}

} // namespace

Pkcs11Uri Pkcs11Uri::parse(const QString &text)
{
    if (!is(text))
        refuse(text, QStringLiteral("it does not begin with \"pkcs11:\""));
    if (text.size() > maximumLength)
        refuse(text, QStringLiteral("it is longer than %1 characters").arg(maximumLength));
    Pkcs11Uri uri;
    const qsizetype mark = text.indexOf(u'?');
    const QStringView path = QStringView(text).sliced(7, (mark < 0 ? text.size() : mark) - 7);
    const QStringView query = mark < 0 ? QStringView() : QStringView(text).sliced(mark + 1);
    QSet<QString> seen;
    const auto each = [&](QStringView part, QChar separator, auto take) {
        if (part.isEmpty())
            return;
        const auto attributes = part.split(separator);
        for (const QStringView attribute : attributes) {
            const qsizetype equals = attribute.indexOf(u'=');
            if (equals < 1)
                refuse(text, QStringLiteral("\"%1\" is not of the form name=value").arg(attribute));
            const QString name = attribute.first(equals).toString();
            if (seen.contains(name))
                refuse(text, QStringLiteral("\"%1\" stands twice").arg(name));
            seen.insert(name);
            take(name, attribute.sliced(equals + 1));
        }
    };
    each(path, u';', [&](const QString &name, QStringView value) {
        if (name == u"token")
            uri.token = decodedText(text, value);
        else if (name == u"manufacturer")
            uri.manufacturer = decodedText(text, value);
        else if (name == u"model")
            uri.model = decodedText(text, value);
        else if (name == u"serial")
            uri.serial = decodedText(text, value);
        else if (name == u"object")
            uri.object = decodedText(text, value);
        else if (name == u"id")
            uri.id = decoded(text, value);
        else if (name == u"type") {
            if (value != u"private")
                refuse(text, QStringLiteral("a private key is wanted, so the type can only be \"private\""));
        } else if (name == u"slot-id") {
            bool number = false;
            uri.slotId = value.toString().toULongLong(&number);
            if (!number)
                refuse(text, QStringLiteral("slot-id must be a number"));
        } else {
            // RFC 7512 section 2.3: what is not understood must not be taken for a match.
            refuse(text, QStringLiteral("\"%1\" is not understood").arg(name));
        }
    });
    each(query, u'&', [&](const QString &name, QStringView value) {
        if (name == u"module-path") {
            uri.modulePath = decodedText(text, value);
            if (!QDir::isAbsolutePath(uri.modulePath))
                refuse(text, QStringLiteral("module-path must be an absolute path"));
        } else if (name == u"module-name") {
            uri.moduleName = decodedText(text, value);
            if (uri.moduleName.contains(u'/'))
                refuse(text, QStringLiteral("module-name must be a name without a folder"));
        } else if (name == u"pin-source") {
            QString source = decodedText(text, value);
            if (source.startsWith(u'|'))
                refuse(text, QStringLiteral("a program as pin-source is never run"));
            if (source.startsWith(QLatin1String("file:")))
                source = source.sliced(5);
            while (source.startsWith(QLatin1String("//")))
                source = source.sliced(1);
            if (!QDir::isAbsolutePath(source))
                refuse(text, QStringLiteral("pin-source must be the absolute path of a file"));
            uri.pinFile = source;
        } else if (name == u"pin-value") {
            refuse(
                QStringLiteral("pkcs11:..."),
                QStringLiteral("a PIN in it can be read by others; name a file with pin-source, or be asked for it"));
        } else {
            refuse(text, QStringLiteral("\"%1\" is not understood").arg(name));
        }
    });
    if (uri.object.isEmpty() && uri.id.isEmpty())
        refuse(text, QStringLiteral("it names no key: object=LABEL or id=%01 is missing"));
    return uri;
}

QString Pkcs11Uri::library() const
{
    if (!modulePath.isEmpty() && (moduleName.isEmpty() || !QFileInfo(modulePath).isDir()))
        return modulePath;
    if (!moduleName.isEmpty()) {
        const QStringList folders =
            modulePath.isEmpty()
                ? QStringList{QStringLiteral("/usr/lib/%1-linux-gnu/pkcs11").arg(QStringLiteral(SLIPWAY_PROCESSOR)),
                              QStringLiteral("/usr/lib/pkcs11")}
                : QStringList{modulePath};
        for (const QString &folder : folders) {
            if (const QString found = sharedLibrary(folder, moduleName); !found.isEmpty())
                return found;
        }
        return QStringLiteral("lib%1.so").arg(moduleName);
    }
    return QStringLiteral("p11-kit-proxy.so");
}

QString Pkcs11Uri::words() const
{
    const QString which = !token.isEmpty()    ? token
                          : !serial.isEmpty() ? serial
                          : slotId            ? QStringLiteral("in slot %1").arg(*slotId)
                                              : QStringLiteral("(any)");
    return QStringLiteral("token %1, key %2").arg(oneLine(which, 60), object.isEmpty() ? hex(id) : oneLine(object, 60));
}

} // namespace slipway
