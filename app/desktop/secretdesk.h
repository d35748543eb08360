#pragma once
// Where the station's threads ask the person at the screen for a PIN or a passphrase. Who asks waits until it is typed,
// refused, or the application ends; one is asked at a time. What was typed is handed on and kept nowhere here.

#include "core/identity/secret.h"

#include <QObject>
#include <QtQml/qqmlregistration.h>

#include <memory>

namespace slipway {

class SecretDesk : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("It comes from the shell.")
    Q_PROPERTY(bool wanted READ wanted NOTIFY changed)
    Q_PROPERTY(QString what READ what NOTIFY changed)
    Q_PROPERTY(QString complaint READ complaint NOTIFY changed)

public:
    explicit SecretDesk(QObject *parent = nullptr);
    ~SecretDesk() override; // whoever waits gets nothing

    // May outlive this. In the GUI thread nobody can be asked: empty there.
    AskSecret asker();

    bool wanted() const { return m_wanted; }
    QString what() const { return m_what; }           // "the PIN of token factory"
    QString complaint() const { return m_complaint; } // about the one before; goes with the next answer
    void complain(const QString &sentence);
    void close(); // nobody is asked any more

    Q_INVOKABLE void give(const QString &typed);
    Q_INVOKABLE void refuse();
    Q_INVOKABLE void wantFocus() { Q_EMIT focusWanted(); }

Q_SIGNALS:
    void changed();
    void focusWanted(); // a person wants to type it now

private:
    struct Desk;
    void look();
    void answer(QByteArray bytes);

    std::shared_ptr<Desk> m_desk;
    bool m_wanted = false;
    QString m_what, m_complaint;
};

} // namespace slipway
