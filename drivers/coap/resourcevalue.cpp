#include "drivers/coap/resourcevalue.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "drivers/coap/coapmessage.h"

#include <QCborArray>
#include <QCborMap>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>

#include <cmath>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

// Labels of RFC 8428, table 4.
constexpr int baseName = -2, baseValue = -5, recordName = 0, numberValue = 2, textValue = 3, boolValue = 4,
              dataValue = 8;
constexpr qsizetype largestPack = 64 * 1024;
constexpr int senmlEtchJson = 320, senmlEtchCbor = 322;

[[noreturn]] void bad(const QString &setting, const QString &why)
{
    throw Fault("coap.bad-value", {oneLine(setting, 60), why});
}

QByteArray numberText(const QCborValue &value, const QString &setting)
{
    if (value.isInteger())
        return QByteArray::number(value.toInteger());
    const double number = value.toDouble();
    if (!std::isfinite(number))
        bad(setting, u"it is no finite number"_s);
    return QByteArray::number(number, 'g', QLocale::FloatingPointShortest);
}

QByteArray plainText(const QCborValue &value, const QString &setting)
{
    if (value.isString())
        return value.toString().toUtf8();
    if (value.isByteArray())
        return value.toByteArray();
    if (value.isBool())
        return value.toBool() ? "true" : "false";
    if (value.isInteger() || value.isDouble())
        return numberText(value, setting);
    bad(setting, u"it is neither text nor number, truth value or bytes"_s);
}

QCborValue typed(const QByteArray &text, ResourceValue::Type type, const QString &setting)
{
    const auto wrong = [&](const QString &why) {
        return Fault("coap.value", {oneLine(QString::fromUtf8(text), 40), oneLine(setting, 60), why});
    };
    switch (type) {
    case ResourceValue::Type::Text: {
        const QString words = QString::fromUtf8(text);
        if (words.toUtf8() != text)
            throw wrong(u"it is no text in UTF-8"_s);
        return words;
    }
    case ResourceValue::Type::Bytes:
        return text;
    case ResourceValue::Type::Bool:
        if (text != "true" && text != "false")
            throw wrong(u"it must be true or false"_s);
        return text == "true";
    case ResourceValue::Type::Number: {
        bool ok = false;
        const qint64 whole = text.toLongLong(&ok);
        if (ok)
            return whole;
        const double number = text.toDouble(&ok);
        if (!ok || !std::isfinite(number))
            throw wrong(u"it must be a number"_s);
        return number;
    }
    }
    return {};
}

// SenML in JSON has names where CBOR has labels.
QCborArray fromJson(const QByteArray &body, const QString &setting)
{
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(body, &error);
    if (!document.isArray())
        bad(setting, u"it is no SenML pack in JSON"_s);
    QCborArray out;
    static const QList<QPair<QString, int>> labels{{u"bn"_s, baseName},   {u"bv"_s, baseValue}, {u"n"_s, recordName},
                                                   {u"v"_s, numberValue}, {u"vs"_s, textValue}, {u"vb"_s, boolValue},
                                                   {u"vd"_s, dataValue}};
    for (const QJsonValue &value : document.array()) {
        const QJsonObject object = value.toObject();
        QCborMap record;
        for (const auto &[name, label] : labels) {
            if (!object.contains(name))
                continue;
            const QCborValue part = QCborValue::fromJsonValue(object.value(name));
            if (label == dataValue)
                record.insert(label,
                              QByteArray::fromBase64(part.toString().toLatin1(),
                                                     QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals));
            else
                record.insert(label, part);
        }
        out << record;
    }
    return out;
}

QByteArray toJson(const QCborMap &record)
{
    QJsonObject object;
    object.insert("n"_L1, record.value(recordName).toString());
    if (record.contains(numberValue))
        object.insert("v"_L1, record.value(numberValue).toJsonValue());
    if (record.contains(textValue))
        object.insert("vs"_L1, record.value(textValue).toString());
    if (record.contains(boolValue))
        object.insert("vb"_L1, record.value(boolValue).toBool());
    if (record.contains(dataValue))
        object.insert("vd"_L1, QString::fromLatin1(record.value(dataValue).toByteArray().toBase64(
                                   QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals)));
    return QJsonDocument(QJsonArray{object}).toJson(QJsonDocument::Compact);
}

} // namespace

int ResourceValue::contentFormat() const
{
    switch (format) {
    case Format::Text:
        return coap::Text;
    case Format::Octets:
        return coap::OctetStream;
    case Format::Cbor:
        return coap::Cbor;
    case Format::SenmlJson:
        return coap::SenmlJson;
    case Format::SenmlCbor:
        return coap::SenmlCbor;
    }
    return coap::OctetStream;
}

int ResourceValue::etchFormat() const
{
    return format == Format::SenmlJson ? senmlEtchJson : format == Format::SenmlCbor ? senmlEtchCbor : contentFormat();
}

QByteArray ResourceValue::encode(const QByteArray &text, const QString &setting) const
{
    if (format == Format::Text || format == Format::Octets)
        return text;
    const QCborValue value = typed(text, type, setting);
    if (format == Format::Cbor)
        return toDeterministicCbor(value);
    const int label = type == Type::Number  ? numberValue
                      : type == Type::Bool  ? boolValue
                      : type == Type::Bytes ? dataValue
                                            : textValue;
    const QCborMap pack{{recordName, record}, {label, value}};
    return format == Format::SenmlJson ? toJson(pack) : toDeterministicCbor(QCborArray{pack});
}

QByteArray ResourceValue::query() const
{
    const QCborMap pack{{recordName, record}};
    return format == Format::SenmlJson ? toJson(pack) : toDeterministicCbor(QCborArray{pack});
}

QByteArray ResourceValue::decode(const QByteArray &body, const QString &setting) const
{
    if (format == Format::Text || format == Format::Octets)
        return body;
    if (body.size() > largestPack)
        bad(setting, u"it has %1 bytes"_s.arg(body.size()));
    QCborArray records;
    if (format == Format::SenmlJson) {
        records = fromJson(body, setting);
    } else {
        CborLimits limits;
        limits.bytes = largestPack;
        const CborDecoded decoded = decodeCbor(body, limits);
        if (!decoded.ok() || decoded.used != body.size())
            bad(setting, decoded.ok() ? u"something follows behind it"_s : decoded.error);
        if (format == Format::Cbor)
            return plainText(decoded.value, setting);
        if (!decoded.value.isArray())
            bad(setting, u"it is no SenML pack"_s);
        records = decoded.value.toArray();
    }
    QString base;
    double baseNumber = 0;
    for (const QCborValue &entry : records) {
        const QCborMap map = entry.toMap();
        if (map.contains(baseName))
            base = map.value(baseName).toString();
        if (map.contains(baseValue))
            baseNumber = map.value(baseValue).toDouble();
        if (base + map.value(recordName).toString() != record)
            continue;
        if (map.contains(numberValue)) {
            const QCborValue number = map.value(numberValue);
            return numberText(baseNumber != 0 ? QCborValue(number.toDouble() + baseNumber) : number, setting);
        }
        for (const int label : {textValue, boolValue, dataValue}) {
            if (map.contains(label))
                return plainText(map.value(label), setting);
        }
        if (baseNumber != 0)
            return numberText(baseNumber, setting);
    }
    bad(setting, u"there is no record \"%1\""_s.arg(oneLine(record, 40)));
}

} // namespace slipway
