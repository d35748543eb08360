#include "core/steps/recipesignature.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/firmware/firmwarefile.h"
#include "core/steps/commonparameters.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QByteArray sha256(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

// Absolute paths, sorted, each once.
QStringList filesOf(const Recipe &recipe)
{
    using Type = StepParameter::Type;
    QStringList paths;
    const auto take = [&paths](const QVariant &value) {
        if (const QString path = value.toMap().value(u"file"_s).toString(); !path.isEmpty())
            paths << path;
    };
    for (const RecipeStep &step : recipe.steps + recipe.onFail + recipe.always) {
        const StepKind *kind = stepKind(step.kind);
        if (!kind)
            continue;
        for (const StepParameter &parameter : allParameters(*kind)) {
            const QVariant value = step.parameters.value(parameter.name);
            if (parameter.type == Type::File && value.isValid())
                paths << value.toString();
            const QVariantList items = parameter.type == Type::Files    ? value.toMap().values()
                                       : parameter.type == Type::Images ? value.toList()
                                                                        : QVariantList();
            for (const QVariant &item : items)
                take(item);
        }
    }
    paths.sort();
    paths.removeDuplicates();
    return paths;
}

QMap<QString, QByteArray> digestsOf(const Recipe &recipe)
{
    QMap<QString, QByteArray> digests;
    const QStringList paths = filesOf(recipe);
    for (const QString &path : paths)
        digests.insert(path, sha256(readFile(path, FirmwareFile::MaximumBytes, u"a file of a recipe"_s)));
    return digests;
}

QByteArray line(const Recipe &recipe, const QString &path, const QByteArray &digest)
{
    const QString name = QFileInfo(recipe.file).absoluteDir().relativeFilePath(path);
    for (const QChar c : name) {
        if (c.category() == QChar::Other_Control || c == u'\\')
            throw Fault("recipe.signature", {u"the name of %1 cannot be put into a list"_s.arg(oneLine(path, 200))});
    }
    return digest.toHex() + "  " + name.toUtf8() + '\n';
}

QByteArray listOf(const Recipe &recipe, const QByteArray &content, const QMap<QString, QByteArray> &digests)
{
    QByteArray list = line(recipe, QFileInfo(recipe.file).absoluteFilePath(), sha256(content));
    for (auto it = digests.begin(); it != digests.end(); ++it)
        list += line(recipe, it.key(), it.value());
    return list;
}

} // namespace

QByteArray releaseList(const Recipe &recipe, const QByteArray &content)
{
    return listOf(recipe, content, digestsOf(recipe));
}

void acceptRelease(Recipe &recipe, const QByteArray &content, const QByteArray &signedList)
{
    const QMap<QString, QByteArray> digests = digestsOf(recipe);
    const QByteArray own = listOf(recipe, content, digests);
    if (own != signedList) {
        const QList<QByteArray> released = signedList.split('\n');
        for (const QByteArray &item : own.split('\n')) {
            if (!released.contains(item))
                throw Fault("recipe.signature", {u"%1 is not the file that was released"_s.arg(
                                                    oneLine(QString::fromUtf8(item.mid(66)), 200))});
        }
        throw Fault("recipe.signature", {u"it was released with other files"_s});
    }
    recipe.isSigned = true;
    recipe.released = digests;
}

QByteArray readReleased(const Recipe &recipe, const QString &path, qint64 limit, const QString &what)
{
    const QByteArray content = readFile(path, limit, what);
    if (const auto released = recipe.released.constFind(path);
        recipe.isSigned && (released == recipe.released.constEnd() || *released != sha256(content)))
        throw Fault("recipe.file-changed", {QFileInfo(path).fileName()});
    return content;
}

} // namespace slipway
