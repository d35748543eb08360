#pragma once
// Asks the person at the terminal for a passphrase, without showing it.

#include <QByteArray>
#include <QString>

namespace slipway {

// Empty where there is no terminal, or nothing was typed. The caller cleanses it.
QByteArray promptForPassphrase(const QString &question);

} // namespace slipway
