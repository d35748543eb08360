#pragma once
// The application before and around the line: no home yet, opening, what stands in the way, interrupted runs, which
// recipe, and who is asked for PINs. Owns the station and the view models over it.

#include "app/desktop/guihop.h"
#include "app/desktop/keycommands.h"
#include "app/desktop/lineviewmodel.h"
#include "app/desktop/secretdesk.h"
#include "app/desktop/stationsource.h"

#include <memory>

namespace slipway {

class ShellViewModel : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("There is one, made by main().")
    Q_PROPERTY(Stage stage READ stage NOTIFY changed)
    Q_PROPERTY(QString home READ home CONSTANT)
    Q_PROPERTY(QString headline READ headline NOTIFY changed)
    Q_PROPERTY(QString advice READ advice NOTIFY changed)
    Q_PROPERTY(bool busy READ busy NOTIFY changed)
    Q_PROPERTY(QString suggestedName READ suggestedName CONSTANT)
    Q_PROPERTY(QVariantList recipes READ recipes NOTIFY changed)
    Q_PROPERTY(QVariantList interrupted READ interrupted NOTIFY changed)
    Q_PROPERTY(slipway::LineViewModel *line READ line NOTIFY changed)
    Q_PROPERTY(slipway::KeyCommands *keys READ keys NOTIFY changed)
    Q_PROPERTY(slipway::SecretDesk *desk READ desk CONSTANT)

public:
    enum Stage { Opening, NoHome, Passphrase, Trouble, InterruptedRuns, Recipes, Line };
    Q_ENUM(Stage)

    explicit ShellViewModel(std::unique_ptr<StationSource> source, QObject *parent = nullptr);
    ~ShellViewModel() override;

    void begin();

    Stage stage() const { return m_stage; }
    QString home() const { return m_source->where(); }
    QString headline() const { return m_headline; }
    QString advice() const { return m_advice; }
    bool busy() const { return m_busy; }
    QString suggestedName() const;
    QVariantList recipes() const { return m_recipes; }
    QVariantList interrupted() const { return m_interrupted; }
    LineViewModel *line() const { return m_line.get(); }
    KeyCommands *keys() const { return m_keys.get(); }
    SecretDesk *desk() { return &m_desk; }
    GuiHop &hop() { return *m_hop; }

    Q_INVOKABLE void makeHome(const QString &stationName);
    Q_INVOKABLE void openWith(const QString &passphrase);
    Q_INVOKABLE void tryAgain();
    Q_INVOKABLE void chooseRecipe(const QString &id);
    Q_INVOKABLE void lookForRecipes();
    Q_INVOKABLE void askDevice(int row);
    Q_INVOKABLE void setAside(int row); // the unit needs no more attention; recorded
    Q_INVOKABLE void leaveInterrupted();
    Q_INVOKABLE void scan(const QString &text); // dropped where there is no line yet

Q_SIGNALS:
    void changed();

private:
    void open(const QByteArray &passphrase);
    void openIssuer();
    void issuerTried(const std::optional<Fault> &trouble);
    void showLine();
    void tellShut(const Fault &trouble);
    void opened(std::shared_ptr<std::unique_ptr<Station>> station);
    void afterInterrupted();
    void listRecipes();
    void fail(const Fault &fault, Stage stage);
    void go(Stage stage, const QString &headline = {}, const QString &advice = {});
    void makeInterrupted();

    std::unique_ptr<StationSource> m_source;
    std::unique_ptr<GuiHop> m_hop;
    std::unique_ptr<Station> m_station;
    std::unique_ptr<LineViewModel> m_line;
    std::unique_ptr<KeyCommands> m_keys;
    Stage m_stage = Opening;
    QString m_headline, m_advice;
    bool m_busy = false;
    bool m_passphraseTried = false, m_openingIssuer = false;
    SecretDesk m_desk;
    QVariantList m_recipes, m_interrupted;
    QList<Interrupted> m_open;
};

} // namespace slipway
