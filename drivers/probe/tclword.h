#pragma once
// Words of OpenOCD's Tcl. OpenOCD runs whatever it is told, programs of this computer included, so nothing that came
// from a recipe, a file of boards or a USB descriptor reaches it but as a word in braces, made of characters that mean
// nothing to Tcl.

#include <QByteArray>
#include <QString>

namespace slipway {

// Letters, digits, and . _ - / : + = @, at most 128 of them, no "..": what serial numbers, places and scripts are made
// of.
bool isTclWord(const QString &text);
// "{text}"; throws internal.defect for what is no such word: whoever lets text in has checked it.
QByteArray tclWord(const QString &text);
// "0x08000000"
QByteArray tclNumber(quint64 number);

} // namespace slipway
