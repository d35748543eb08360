#pragma once
// The line as a person sees it: strips, places, the page shown, what keys and scans do. Drives a Station and never
// blocks the GUI thread on a device. One object for as long as a station is open.

#include "app/desktop/countersviewmodel.h"
#include "app/desktop/guihop.h"
#include "app/desktop/lamplistmodel.h"
#include "app/desktop/recentlistmodel.h"
#include "app/desktop/runviewmodel.h"
#include "app/desktop/slotlistmodel.h"

#include <QElapsedTimer>
#include <QTimer>

namespace slipway {

class Fault;

class LineViewModel : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("The line comes from the station.")
    Q_PROPERTY(QString stationName READ stationName CONSTANT)
    Q_PROPERTY(QString recipeName READ recipeName NOTIFY recipeChanged)
    Q_PROPERTY(QString recipeNote READ recipeNote NOTIFY recipeChanged)
    Q_PROPERTY(QString modeWord READ modeWord CONSTANT)
    Q_PROPERTY(bool training READ training CONSTANT)
    Q_PROPERTY(QString person READ person CONSTANT)
    Q_PROPERTY(QString clock READ clock NOTIFY clockChanged)
    Q_PROPERTY(slipway::SlotListModel *places READ places CONSTANT)
    Q_PROPERTY(slipway::CountersViewModel *counters READ counters CONSTANT)
    Q_PROPERTY(slipway::LampListModel *lamps READ lamps CONSTANT)
    Q_PROPERTY(slipway::RecentListModel *recent READ recent CONSTANT)
    Q_PROPERTY(slipway::RunViewModel *run READ run CONSTANT)
    Q_PROPERTY(QString scanText READ scanText NOTIFY scanChanged)
    Q_PROPERTY(QString scanMeaning READ scanMeaning NOTIFY scanChanged)
    Q_PROPERTY(bool scanRefused READ scanRefused NOTIFY scanChanged)
    Q_PROPERTY(int selected READ selected NOTIFY selectedChanged)
    Q_PROPERTY(slipway::SlotViewModel *selectedPlace READ selectedPlace NOTIFY selectedChanged)
    Q_PROPERTY(int columns READ columns WRITE setColumns NOTIFY columnsChanged)
    Q_PROPERTY(Page page READ page NOTIFY pageChanged)
    Q_PROPERTY(bool helpOpen READ helpOpen NOTIFY helpOpenChanged)
    Q_PROPERTY(bool scanEntryOpen READ scanEntryOpen NOTIFY scanEntryOpenChanged)
    Q_PROPERTY(QString notice READ notice NOTIFY noticeChanged)
    Q_PROPERTY(QString noticeRemedy READ noticeRemedy NOTIFY noticeChanged)
    Q_PROPERTY(bool issuerShut READ issuerShut NOTIFY issuerShutChanged)
    Q_PROPERTY(bool noticeIsTrouble READ noticeIsTrouble NOTIFY noticeChanged)

public:
    enum Page { LinePage, RunPage };
    Q_ENUM(Page)

    LineViewModel(Station &station, GuiHop &hop, QString slipFolder, QObject *parent = nullptr);

    // Tests set the clock.
    void setNow(std::function<QDateTime()> now);
    void recipeLoaded();
    // Asked before a place is started or after it finished; true: a unit was brought (the demonstration).
    void setBringer(std::function<bool(int place)> bringer) { m_bringer = std::move(bringer); }

    QString stationName() const { return m_station.name(); }
    QString recipeName() const;
    QString recipeNote() const;
    QString modeWord() const;
    bool training() const { return m_station.mode() == Mode::Training; }
    QString person() const { return m_station.person(); }
    QString clock() const { return m_clock; }
    SlotListModel *places() { return &m_places; }
    CountersViewModel *counters() { return &m_counters; }
    LampListModel *lamps() { return &m_lamps; }
    RecentListModel *recent() { return &m_recent; }
    RunViewModel *run() { return &m_run; }
    QString scanText() const { return m_scan.text; }
    QString scanMeaning() const { return m_scan.meaning; }
    bool scanRefused() const { return !m_scan.text.isEmpty() && !m_scan.accepted; }
    int selected() const { return m_selected; }
    SlotViewModel *selectedPlace() const { return m_places.place(m_selected); }
    int columns() const { return m_columns; }
    void setColumns(int columns);
    Page page() const { return m_page; }
    bool helpOpen() const { return m_helpOpen; }
    bool scanEntryOpen() const { return m_scanEntryOpen; }
    QString notice() const { return m_notice; }
    QString noticeRemedy() const { return m_noticeRemedy; }
    bool noticeIsTrouble() const { return m_noticeIsTrouble; }
    bool issuerShut() const { return m_issuerShut; } // a person can open it: openIssuer()

    Q_INVOKABLE void scan(const QString &text);
    Q_INVOKABLE void select(int number);
    Q_INVOKABLE void pick(int digit); // builds numbers of two digits where there are that many places
    Q_INVOKABLE void move(int across, int down);
    Q_INVOKABLE void open(int number); // the run's page
    Q_INVOKABLE void back();
    Q_INVOKABLE void confirm(); // Space: start, done, stop confirmed
    Q_INVOKABLE void escape();
    Q_INVOKABLE void askToStop(int number);
    Q_INVOKABLE void startAll();
    Q_INVOKABLE void setHelpOpen(bool open);
    Q_INVOKABLE void setScanEntryOpen(bool open);
    Q_INVOKABLE void dismissNotice();
    Q_INVOKABLE void openIssuer() { Q_EMIT issuerWanted(); }
    // Performs one of the actions that a place offers, by id.
    Q_INVOKABLE void act(int number, const QString &action);
    // While units are being worked on, the first wish to close only says so.
    Q_INVOKABLE bool mayClose();
    // False when the value does not match; the place says so.
    Q_INVOKABLE bool answerValue(int number, const QString &value);

    void tell(const QString &sentence, const QString &remedy = {}, bool trouble = false);
    void tell(const Fault &fault);

Q_SIGNALS:
    void recipeChanged();
    void clockChanged();
    void scanChanged();
    void selectedChanged();
    void columnsChanged();
    void pageChanged();
    void helpOpenChanged();
    void scanEntryOpenChanged();
    void noticeChanged();
    void issuerShutChanged();
    void issuerWanted();
    void valueEntryWanted(int number); // put the cursor into that place's field

private:
    void update(const QSet<int> &places);
    void tick();
    void printSlip(int number);
    void reconcile(int number);
    void guarded(const std::function<void()> &function);

    Station &m_station;
    GuiHop &m_hop;
    const QString m_slipFolder;
    std::function<QDateTime()> m_now;
    std::function<bool(int)> m_bringer;
    SlotListModel m_places;
    CountersViewModel m_counters;
    LampListModel m_lamps;
    RecentListModel m_recent;
    RunViewModel m_run;
    ScanMeaning m_scan;
    QTimer m_minute;
    QString m_clock;
    int m_selected = 1;
    int m_columns = 1;
    int m_digits = 0; // typed so far, 0: none
    QElapsedTimer m_sinceDigit;
    Page m_page = LinePage;
    bool m_helpOpen = false, m_scanEntryOpen = false, m_noticeIsTrouble = false;
    bool m_askedToClose = false, m_issuerShut = false;
    QString m_notice, m_noticeRemedy;
};

} // namespace slipway
