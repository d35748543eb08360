#include "core/device/quirksfile.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QFile>
#include <QJsonDocument>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr qint64 longestFile = 1024 * 1024;
}

QuirksNode::QuirksNode(const QuirksForm &form, QJsonObject object, QString file, QString path)
    : m_form(&form), m_object(std::move(object)), m_file(std::move(file)), m_path(std::move(path))
{}

void QuirksNode::wrong(const QString &member, const QString &sentence) const
{
    throw Fault(m_form->wrong, {m_file, path(member), sentence});
}

void QuirksNode::only(const QStringList &known) const
{
    for (const QString &key : m_object.keys()) {
        if (!known.contains(key))
            wrong(key, u"is not known."_s + didYouMean(key, known));
    }
}

bool QuirksNode::has(const QString &name) const
{
    return !value(name).isUndefined() && !value(name).isNull();
}

QString QuirksNode::text(const QString &name) const
{
    if (!has(name))
        wrong(name, u"is missing."_s);
    if (!value(name).isString() || value(name).toString().isEmpty())
        wrong(name, u"must be a text."_s);
    return value(name).toString();
}

QString QuirksNode::text(const QString &name, const QString &fallback) const
{
    return has(name) ? text(name) : fallback;
}

QString QuirksNode::choice(const QString &name, const QStringList &words) const
{
    const QString word = text(name, words.first());
    if (!words.contains(word))
        wrong(name, u"must be one of %1."_s.arg(words.join(u", "_s)));
    return word;
}

qint64 QuirksNode::number(const QString &name, qint64 least, qint64 most) const
{
    return number(name, value(name), least, most);
}

qint64 QuirksNode::number(const QString &name, qint64 least, qint64 most, qint64 fallback) const
{
    return has(name) ? number(name, least, most) : fallback;
}

qint64 QuirksNode::number(const QString &name, const QJsonValue &value, qint64 least, qint64 most) const
{
    const double number = value.toDouble(-1);
    if (!value.isDouble() || !(number >= double(least) && number <= double(most)) || number != double(qint64(number)))
        wrong(name, u"must be a whole number from %1 to %2."_s.arg(least).arg(most));
    return qint64(number);
}

bool QuirksNode::flag(const QString &name, bool fallback) const
{
    if (!has(name))
        return fallback;
    if (!value(name).isBool())
        wrong(name, u"must be true or false."_s);
    return value(name).toBool();
}

quint32 QuirksNode::address(const QString &name) const
{
    return address(name, value(name));
}

quint32 QuirksNode::address(const QString &name, const QJsonValue &value) const
{
    bool ok = false;
    const QString given = value.toString();
    const quint32 out = given.startsWith(u"0x"_s) ? given.mid(2).toUInt(&ok, 16) : 0;
    if (!ok)
        wrong(name, u"must be an address such as \"0x08000000\"."_s);
    return out;
}

QByteArray QuirksNode::bytes(const QString &name, qsizetype most) const
{
    const auto out = fromHex(text(name));
    if (!out || out->size() > most)
        wrong(name, u"must be at most %1 bytes in hex."_s.arg(most));
    return *out;
}

QRegularExpression QuirksNode::pattern(const QString &name) const
{
    const QRegularExpression expression(text(name));
    if (!expression.isValid())
        wrong(name, u"is no regular expression: %1."_s.arg(expression.errorString()));
    return expression;
}

QRegularExpression QuirksNode::pattern(const QString &name, const QString &fallback) const
{
    return has(name) ? pattern(name) : QRegularExpression(fallback);
}

QJsonArray QuirksNode::list(const QString &name) const
{
    if (has(name) && !value(name).isArray())
        wrong(name, u"must be a list."_s);
    return value(name).toArray();
}

QStringList QuirksNode::texts(const QString &name) const
{
    QStringList out;
    for (const QJsonValue &value : list(name)) {
        if (!value.isString())
            wrong(name, u"must be a list of texts."_s);
        out << value.toString();
    }
    return out;
}

QList<quint32> QuirksNode::addresses(const QString &name) const
{
    QList<quint32> out;
    for (const QJsonValue &value : list(name))
        out << address(name, value);
    return out;
}

QuirksNode QuirksNode::child(const QString &name) const
{
    if (!value(name).isObject())
        wrong(name, u"must be an object."_s);
    return {*m_form, value(name).toObject(), m_file, path(name)};
}

QuirksNode QuirksNode::childOrEmpty(const QString &name) const
{
    return has(name) ? child(name) : QuirksNode(*m_form, {}, m_file, path(name));
}

QList<QuirksNode> QuirksNode::children(const QString &name) const
{
    QList<QuirksNode> out;
    for (const QJsonValue &value : list(name)) {
        if (!value.isObject())
            wrong(name, u"must be a list of objects."_s);
        out << QuirksNode(*m_form, value.toObject(), m_file, path(u"%1[%2]"_s.arg(name).arg(out.size())));
    }
    return out;
}

QString QuirksNode::path(const QString &name) const
{
    return m_path.isEmpty() ? name : m_path + u'.' + name;
}

QuirksNode readQuirks(const QuirksForm &form, const QByteArray &json, const QString &file, const QStringList &members)
{
    QJsonParseError error{};
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (error.error != QJsonParseError::NoError || !document.isObject()) {
        const qsizetype line = json.left(error.offset).count('\n') + 1;
        throw Fault(form.wrong,
                    {file, u"line %1"_s.arg(line),
                     error.error != QJsonParseError::NoError ? error.errorString() + u'.' : u"must be an object."_s});
    }
    QuirksNode root(form, document.object(), file, QString());
    root.only(QStringList{u"slipway-quirks"_s, u"driver"_s} + members);
    if (root.number(u"slipway-quirks"_s, 0, 1000) != 1)
        root.wrong(u"slipway-quirks"_s, u"must be 1."_s);
    if (root.text(u"driver"_s) != QLatin1StringView(form.driver))
        root.wrong(u"driver"_s, u"must be \"%1\"."_s.arg(QLatin1StringView(form.driver)));
    return root;
}

QuirksText shippedQuirks(const QuirksForm &form)
{
    QFile file(u":/slipway/%1/quirks.json"_s.arg(QLatin1StringView(form.driver)));
    if (!file.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"%1 is not built in"_s.arg(file.fileName()));
    return {file.readAll(), u"quirks.json"_s};
}

std::optional<QuirksText> ownQuirks(const QuirksForm &form)
{
    const QByteArray name = "SLIPWAY_" + QByteArray(form.driver).toUpper() + "_QUIRKS";
    const QString file = qEnvironmentVariable(name.constData());
    if (file.isEmpty())
        return std::nullopt;
    return QuirksText{readFile(file, longestFile, u"A file of quirks"_s), file};
}

void unknownBoard(const QuirksForm &form, const QString &name, const QStringList &known)
{
    throw Fault(form.unknown, {oneLine(name, 60), didYouMean(name, known), known.join(u", "_s)});
}

} // namespace slipway
