#pragma once
// What keys do on the line and on a run's page: one table, which the help sheet shows as well. Keys come here only when
// no focused control took them.

#include "app/desktop/lineviewmodel.h"

namespace slipway {

class KeyCommands : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Keys come from the window.")
    // [{keys, text}] for the help sheet
    Q_PROPERTY(QVariantList help READ help CONSTANT)

public:
    explicit KeyCommands(LineViewModel &line, QObject *parent = nullptr) : QObject(parent), m_line(line) {}

    // False when the key means nothing here.
    Q_INVOKABLE bool press(int key, int modifiers, const QString &text);
    QVariantList help() const;

private:
    LineViewModel &m_line;
};

} // namespace slipway
