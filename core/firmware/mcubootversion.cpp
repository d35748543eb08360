#include "core/firmware/mcubootversion.h"

#include <QRegularExpression>

namespace slipway {

QString McubootVersion::toString() const
{
    QString text = QStringLiteral("%1.%2.%3").arg(major).arg(minor).arg(revision);
    if (build != 0)
        text += QStringLiteral("+%1").arg(build);
    return text;
}

std::optional<McubootVersion> McubootVersion::parse(const QString &text)
{
    static const QRegularExpression form(
        QStringLiteral("^([0-9]{1,3})(?:\\.([0-9]{1,3})(?:\\.([0-9]{1,5})(?:[+.]([0-9]{1,10}))?)?)?$"));
    const auto match = form.match(text);
    if (!match.hasMatch())
        return {};
    const quint64 major = match.captured(1).toULongLong();
    const quint64 minor = match.captured(2).toULongLong();
    const quint64 revision = match.captured(3).toULongLong();
    const quint64 build = match.captured(4).toULongLong();
    if (major > 0xff || minor > 0xff || revision > 0xffff || build > 0xffffffff)
        return {};
    return McubootVersion{quint8(major), quint8(minor), quint16(revision), quint32(build)};
}

} // namespace slipway
