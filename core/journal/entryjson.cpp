#include "core/journal/entryjson.h"

#include "core/base/text.h"

#include <QCborArray>
#include <QJsonArray>

#include <cmath>

namespace slipway {

QJsonValue toJson(const QCborValue &value)
{
    if (value.isTag())
        return toJson(value.taggedValue());
    switch (value.type()) {
    case QCborValue::Integer:
        return QJsonValue(value.toInteger());
    case QCborValue::Double: {
        const double number = value.toDouble();
        return std::isfinite(number) ? QJsonValue(number) : QJsonValue(QString::number(number));
    }
    case QCborValue::ByteArray:
        return hex(value.toByteArray());
    case QCborValue::String:
        return value.toString();
    case QCborValue::True:
        return true;
    case QCborValue::False:
        return false;
    case QCborValue::Array: {
        QJsonArray array;
        for (const QCborValue &item : value.toArray())
            array.append(toJson(item));
        return array;
    }
    case QCborValue::Map:
        return toJson(value.toMap());
    default:
        return QJsonValue(QJsonValue::Null);
    }
}

QJsonObject toJson(const QCborMap &map)
{
    QJsonObject object;
    for (auto it = map.constBegin(); it != map.constEnd(); ++it) {
        const QCborValue key = it.key();
        object.insert(key.isString() ? key.toString() : toJson(key).toVariant().toString(),
                      toJson(QCborValue(it.value())));
    }
    return object;
}

QJsonObject toJson(const Entry &entry)
{
    QJsonObject object{{QStringLiteral("entry"), entry.seq},      {QStringLiteral("at"), entry.at},
                       {QStringLiteral("kind"), entry.kind},      {QStringLiteral("run"), entry.run},
                       {QStringLiteral("device"), entry.device},  {QStringLiteral("body"), toJson(entry.body)},
                       {QStringLiteral("prev"), hex(entry.prev)}, {QStringLiteral("hash"), hex(entry.hash)}};
    if (entry.mode)
        object.insert(QStringLiteral("mode"), toString(*entry.mode));
    return object;
}

QString entryWords(const Entry &entry)
{
    constexpr qsizetype longest = 60;
    static const QStringList plain = {QStringLiteral("verdict"), QStringLiteral("step"),    QStringLiteral("name"),
                                      QStringLiteral("recipe"),  QStringLiteral("act"),     QStringLiteral("state"),
                                      QStringLiteral("value"),   QStringLiteral("unit"),    QStringLiteral("pool"),
                                      QStringLiteral("summary"), QStringLiteral("sentence")};
    static const QStringList silent = {QStringLiteral("der"),    QStringLiteral("remedy"),
                                       QStringLiteral("index"),  QStringLiteral("recipe-sha256"),
                                       QStringLiteral("intent"), QStringLiteral("mode")};
    const auto words = [](const QCborValue &value) {
        if (value.isArray())
            return QStringLiteral("%1 lines").arg(value.toArray().size());
        if (value.isMap())
            return QStringLiteral("{…}");
        const QVariant variant = toJson(value).toVariant();
        return variant.typeId() == QMetaType::Double ? QString::number(variant.toDouble(), 'g', 6)
                                                     : oneLine(variant.toString(), longest);
    };
    QStringList parts;
    for (const QString &key : plain) {
        const QCborValue value = entry.body.value(key);
        if (!value.isUndefined() && !value.isNull() && !(value.isString() && value.toString().isEmpty()))
            parts << words(value);
    }
    for (auto it = entry.body.constBegin(); it != entry.body.constEnd(); ++it) {
        const QString key = it.key().toString();
        const QCborValue value(it.value());
        if (plain.contains(key) || silent.contains(key) || value.isNull() ||
            (value.isString() && value.toString().isEmpty()))
            continue;
        parts << key + u'=' + words(value);
    }
    return parts.join(QStringLiteral("  "));
}

} // namespace slipway
