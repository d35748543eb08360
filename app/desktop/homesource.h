#pragma once
// The station of a home folder. The recipe that was chosen last stands in the home's desktop.json.

#include "app/desktop/stationsource.h"
#include "core/steps/recipechecker.h"

#include <optional>

namespace slipway {

class HomeSource : public StationSource
{
public:
    // recipe: name or path to load without asking, may be empty.
    HomeSource(QString path, StationOptions options, QString recipe);
    ~HomeSource() override;

    QString where() const override { return m_path; }
    bool exists() const override;
    void make(const QString &stationName) override;
    std::unique_ptr<Station> open(const QByteArray &passphrase) override;
    QList<RecipeChoice> recipes() override;
    Recipe load(const QString &id) override;
    QString preferred() override;
    void prefer(const QString &id) override;
    QString slipFolder() const override { return m_path + QStringLiteral("/slips"); }
    void setAskSecret(AskSecret ask) override { m_ask = std::move(ask); }

protected:
    const DriverRegistry &drivers() const { return m_drivers; }
    std::optional<Home> &home() { return m_home; }
    StationOptions &options() { return m_options; }

private:
    RecipeChecks checks() const;
    QString settingsFile() const { return m_path + QStringLiteral("/desktop.json"); }

    const QString m_path;
    StationOptions m_options;
    const QString m_recipe;
    const DriverRegistry m_drivers;
    AskSecret m_ask;
    std::optional<Home> m_home; // once open
};

} // namespace slipway
