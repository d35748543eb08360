#include "core/device/deviceclass.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QRegularExpression>

namespace slipway {

namespace {

QString kindOf(const QString &token)
{
    if (token == u"M" || token == u"J")
        return QStringLiteral("group");
    static const QRegularExpression digits(QStringLiteral("[0-9]+$"));
    return QString(token).remove(digits);
}

} // namespace

QStringList DeviceClass::allTokens()
{
    static const QStringList tokens = QStringLiteral("M J C0 C1 C2 C3 C4 C10 C15 C16 C17 C19 F0 F1 F2 F3 F9 Is0 Is1 "
                                                     "Is2 Is5 Is7 Is8 Sh0 Sh1 Sh9 E0 E1 E2 E9 P0 P1 P9 "
                                                     "T0 T1 T2 T3 T5 T7 T8 T9 T10 TP0 TP1 TP9 S0 S1 S2 S3 S4 S10 S11 "
                                                     "S12 S13 S14 S15 S19 I0 I1 I2 I9 B0 B1 B2 B3")
                                          .split(u' ');
    return tokens;
}

DeviceClass DeviceClass::parse(const QStringList &tokens)
{
    DeviceClass result;
    QStringList kinds;
    for (const QString &token : tokens) {
        if (!allTokens().contains(token))
            throw Fault("device.class", {oneLine(token, 20), didYouMean(token, allTokens())});
        const QString kind = kindOf(token);
        if (kind != u"Is" && kinds.contains(kind))
            throw Fault("device.class-twice", {result.token(kind), token});
        kinds << kind;
        result.m_tokens << token;
    }
    return result;
}

QString DeviceClass::token(const QString &kind) const
{
    for (const QString &token : m_tokens) {
        if (kindOf(token) == kind)
            return token;
    }
    return {};
}

std::optional<QString> DeviceClass::rulesOutFieldUpdate() const
{
    if (token(QStringLiteral("F")) == u"F0")
        return QStringLiteral("class F0 means that its software cannot be replaced");
    return {};
}

bool DeviceClass::needsTimeSet() const
{
    const QString time = token(QStringLiteral("T"));
    const QString permanency = token(QStringLiteral("TP"));
    return (!time.isEmpty() && QStringView(time).mid(1).toInt() < 7) || permanency == u"TP0" || permanency == u"TP1";
}

} // namespace slipway
