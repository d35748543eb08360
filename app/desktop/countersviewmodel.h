#pragma once
// Done, failed, first-pass yield and last hour, as words and figures.

#include "core/station/station.h"

#include <QObject>
#include <QtQml/qqmlregistration.h>

namespace slipway {

class CountersViewModel : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Counters come from the line.")
    Q_PROPERTY(QString done READ done NOTIFY changed)
    Q_PROPERTY(QString failed READ failed NOTIFY changed)
    Q_PROPERTY(QString firstPass READ firstPass NOTIFY changed)
    Q_PROPERTY(QString lastHour READ lastHour NOTIFY changed)

public:
    using QObject::QObject;
    void update(const Counters &counters);
    QString done() const { return QString::number(m_counters.done); }
    QString failed() const { return QString::number(m_counters.failed); }
    QString firstPass() const;
    QString lastHour() const { return QString::number(m_counters.lastHour); }

Q_SIGNALS:
    void changed();

private:
    Counters m_counters;
};

} // namespace slipway
