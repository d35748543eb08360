#pragma once
// What a unit's label looks like: a ZPL template filled in, and a PDF of 50 x 25 mm drawn with QPdfWriter. Drawing text
// needs a QGuiApplication in the program (the platform "offscreen" is enough); labelPdf() may be called from any
// thread.

#include <QByteArray>
#include <QString>

#include <functional>

namespace slipway {

struct LabelTexts {
    QString product; // small, above
    QString serial;  // large
    QString note;    // small, below; may be empty
    QString qr;      // content of the QR code
};

inline constexpr double labelWidthMm = 50;
inline constexpr double labelHeightMm = 25;

// Throws label.qr when the text does not fit into a QR code, label.no-fonts without a QGuiApplication.
QByteArray labelPdf(const LabelTexts &texts);

// Every ${name} of the template replaced by what value() gives for "${name}". A value that holds ZPL's own signs (^ and
// ~) or control characters would change the label's meaning and is refused. Throws label.template, label.text.
QByteArray labelZpl(const QByteArray &zplTemplate, const std::function<QString(const QString &)> &value);

} // namespace slipway
