#include "app/desktop/homesource.h"

#include "app/common/demo.h"
#include "app/common/registry.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/station/recipefit.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 settingsLimit = 64 * 1024;

QString say(const char *text)
{
    return QCoreApplication::translate("slipway::HomeSource", text);
}

} // namespace

HomeSource::HomeSource(QString path, StationOptions options, QString recipe)
    : m_path(std::move(path)), m_options(std::move(options)), m_recipe(std::move(recipe)),
      m_drivers(makeDriverRegistry())
{}

HomeSource::~HomeSource() = default;

bool HomeSource::exists() const
{
    return Home::exists(m_path);
}

void HomeSource::make(const QString &stationName)
{
    Home::create(m_path, stationName, samplesFolder, {});
}

std::unique_ptr<Station> HomeSource::open(const QByteArray &passphrase)
{
    m_home = Home::open(m_path, passphrase);
    if (m_home->keysEncrypted() && passphrase.isEmpty())
        throw Fault("issuer.passphrase", {say("of this station")});
    m_home->setAskSecret(m_ask);
    m_options.openShut = true;
    m_options.maxAttempts = m_home->attempts();
    return Station::open(*m_home, m_drivers, m_options);
}

RecipeChecks HomeSource::checks() const
{
    return stationChecks(m_home->path(), m_drivers);
}

QList<RecipeChoice> HomeSource::recipes()
{
    QList<RecipeChoice> choices;
    const QStringList names = m_home->recipeNames();
    for (const QString &name : names) {
        RecipeChoice choice{name, name, {}, false};
        try {
            const CheckedRecipe checked = checkRecipeFile(m_home->recipePath(name), checks());
            choice.usable = checked.usable();
            if (choice.usable) {
                choice.name = checked.recipe.name;
                choice.note = (checked.recipe.isSigned ? say("version %1, signed") : say("version %1, not signed"))
                                  .arg(checked.recipe.version);
            } else if (!checked.findings.isEmpty()) {
                choice.note = checked.findings.constFirst().text();
            }
        } catch (const Fault &fault) {
            choice.note = fault.text();
        }
        choices << choice;
    }
    return choices;
}

Recipe HomeSource::load(const QString &id)
{
    return loadRecipe(m_home->recipePath(id), checks());
}

// Given on the command line, chosen last, or the only one there is.
QString HomeSource::preferred()
{
    if (!m_recipe.isEmpty())
        return m_recipe;
    const QStringList names = m_home->recipeNames();
    if (QFileInfo::exists(settingsFile())) {
        const QByteArray text = readFile(settingsFile(), settingsLimit, u"the desktop's settings"_s);
        const QString last = QJsonDocument::fromJson(text).object().value(u"recipe"_s).toString();
        if (names.contains(last))
            return last;
    }
    return names.size() == 1 ? names.constFirst() : QString();
}

void HomeSource::prefer(const QString &id)
{
    if (id == m_recipe)
        return;
    writeFile(settingsFile(), QJsonDocument(QJsonObject{{u"recipe"_s, id}}).toJson());
}

} // namespace slipway
