#pragma once
// The page of one place's current or last run: steps, log, and what is known of the device, its identity, its life and
// its record. Follows the place it shows; the life is read from the journal aside.

#include "app/desktop/loglistmodel.h"
#include "app/desktop/slotviewmodel.h"
#include "app/desktop/steplistmodel.h"
#include "app/desktop/unitlife.h"

namespace slipway {

class GuiHop;

class RunViewModel : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("The run comes from the line.")
    Q_PROPERTY(slipway::SlotViewModel *place READ place NOTIFY placeChanged)
    Q_PROPERTY(QString title READ title NOTIFY placeChanged)
    Q_PROPERTY(QString headline READ headline NOTIFY headlineChanged)
    Q_PROPERTY(QString advice READ advice NOTIFY headlineChanged)
    Q_PROPERTY(QString runText READ runText NOTIFY headlineChanged)
    Q_PROPERTY(slipway::StepListModel *steps READ steps CONSTANT)
    Q_PROPERTY(slipway::LogListModel *log READ log CONSTANT)
    Q_PROPERTY(int selectedStep READ selectedStep NOTIFY selectedStepChanged)
    Q_PROPERTY(bool stepChosen READ stepChosen NOTIFY selectedStepChanged) // by a person; else it follows the run
    Q_PROPERTY(QString logTitle READ logTitle NOTIFY selectedStepChanged)
    Q_PROPERTY(QVariantList sections READ sections NOTIFY sectionsChanged)

public:
    RunViewModel(Station &station, GuiHop &hop, QObject *parent = nullptr);

    void show(SlotViewModel *place); // null: nothing
    void refresh();                  // the place changed

    SlotViewModel *place() const { return m_place; }
    QString title() const;
    QString headline() const;
    QString advice() const;
    QString runText() const;
    StepListModel *steps() { return &m_steps; }
    LogListModel *log() { return &m_log; }
    int selectedStep() const { return m_selectedStep; }
    bool stepChosen() const { return m_chosen; }
    QString logTitle() const;
    QVariantList sections() const { return m_sections; }

    // -1: the whole log.
    Q_INVOKABLE void selectStep(int step);
    Q_INVOKABLE void moveStep(int by);
    Q_INVOKABLE void toggleWholeLog();
    Q_INVOKABLE void copyLog();

Q_SIGNALS:
    void placeChanged();
    void headlineChanged();
    void selectedStepChanged();
    void sectionsChanged();
    void copied(int lines);

private:
    void lookUpLife();
    void makeSections();
    int stepOfInterest() const;

    Station &m_station;
    GuiHop &m_hop;
    SlotViewModel *m_place = nullptr;
    StepListModel m_steps;
    LogListModel m_log;
    int m_selectedStep = LogListModel::everyStep;
    bool m_chosen = false; // by a person: do not follow the run any more
    QString m_runId, m_lifeKey;
    UnitLife m_life;
    QVariantList m_sections;
};

} // namespace slipway
