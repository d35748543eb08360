#pragma once
// What a tile shows of one place. Made from the station's SlotView; decides look, glyph, words and the buttons offered,
// so that QML only draws. The three signals keep a progressing transfer from redrawing everything else.

#include "core/station/station.h"

#include <QObject>
#include <QUrl>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

namespace slipway {

class SlotViewModel : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Places come from the line.")
    Q_PROPERTY(int number READ number CONSTANT)
    Q_PROPERTY(QString name READ name NOTIFY changed)
    Q_PROPERTY(Look look READ look NOTIFY changed)
    Q_PROPERTY(QString glyph READ glyph NOTIFY changed)
    Q_PROPERTY(QString word READ word NOTIFY changed)
    Q_PROPERTY(QString sentence READ sentence NOTIFY changed)
    Q_PROPERTY(QString quiet READ quiet NOTIFY changed)
    Q_PROPERTY(QString remedy READ remedy NOTIFY changed)
    Q_PROPERTY(QString serial READ serial NOTIFY changed)
    Q_PROPERTY(QUrl picture READ picture NOTIFY changed)
    Q_PROPERTY(bool hasPicture READ hasPicture NOTIFY changed)
    Q_PROPERTY(bool valueWanted READ valueWanted NOTIFY changed)
    Q_PROPERTY(bool asksToStop READ asksToStop NOTIFY changed)
    Q_PROPERTY(bool finished READ finished NOTIFY changed)
    Q_PROPERTY(bool irreversibleNow READ irreversibleNow NOTIFY changed)
    Q_PROPERTY(QVariantList tileActions READ tileActions NOTIFY changed)
    Q_PROPERTY(QVariantList pageActions READ pageActions NOTIFY changed)
    Q_PROPERTY(QString spoken READ spoken NOTIFY changed)
    Q_PROPERTY(QString percent READ percent NOTIFY progressChanged)
    Q_PROPERTY(QString detail READ detail NOTIFY progressChanged)
    Q_PROPERTY(QString fineDetail READ fineDetail NOTIFY progressChanged)
    Q_PROPERTY(QString progressLine READ progressLine NOTIFY progressChanged)
    Q_PROPERTY(bool barShown READ barShown NOTIFY progressChanged)
    Q_PROPERTY(QVariantList segments READ segments NOTIFY progressChanged)

public:
    enum class Look { Ready, Waiting, Working, Act, Pass, Fail, Stopped, Error, Unknown };
    Q_ENUM(Look)

    explicit SlotViewModel(int number, QObject *parent = nullptr);

    void update(const SlotView &view);
    // The recipe's steps, for the bar of a place that waits for its first unit.
    void setPlan(const QVariantList &plan);
    void askToStop(bool ask);
    // One sentence over the prompt, "3.9 does not match": shown until the next change.
    void setComplaint(const QString &complaint);
    const SlotView &view() const { return m_view; }

    int number() const { return m_number; }
    QString name() const { return m_view.name; }
    Look look() const { return m_look; }
    QString glyph() const { return m_glyph; }
    QString word() const { return m_word; }
    QString sentence() const { return m_sentence; }
    QString quiet() const { return m_quiet; }
    QString remedy() const { return m_view.remedy; }
    QString serial() const { return m_view.serial; }
    QUrl picture() const;
    bool hasPicture() const { return !picture().isEmpty(); }
    bool valueWanted() const;
    bool asksToStop() const { return m_asksToStop; }
    bool finished() const { return m_view.state == SlotState::Finished; }
    bool running() const;
    bool irreversibleNow() const;
    QVariantList tileActions() const { return m_tileActions; }
    QVariantList pageActions() const { return m_pageActions; }
    QString spoken() const;
    QString percent() const { return m_percent; }
    QString detail() const { return m_detail; }
    QString fineDetail() const { return m_fineDetail; }
    QString progressLine() const; // percent, detail and rate in one line
    bool barShown() const { return m_barShown; }
    QVariantList segments() const { return m_segments; }

    static Look lookOf(Verdict verdict);
    static QString glyphOf(Verdict verdict);

Q_SIGNALS:
    void changed();
    void progressChanged();

private:
    void words();
    void promptWords(const PromptRequest &prompt);
    void finishedWords();
    void actions();
    void progress();

    const int m_number;
    SlotView m_view;
    QVariantList m_plan;
    bool m_asksToStop = false;
    QString m_complaint;
    QString m_before; // the last unit that ended here

    Look m_look = Look::Ready;
    QString m_glyph, m_word, m_sentence, m_quiet, m_percent, m_detail, m_fineDetail;
    bool m_barShown = false;
    QVariantList m_segments, m_tileActions, m_pageActions;
};

} // namespace slipway
