#pragma once
// Programming fonts draw "->" as an arrow and "://" as one sign. What a device said must be read letter by letter, and
// Qt 6.4 cannot switch a font's contextual alternates off: a zero-width non-joiner between signs does. For display
// only, never for the clipboard.

#include <QString>

namespace slipway {

inline QString withoutLigatures(const QString &text)
{
    const auto sign = [](QChar c) { return !c.isLetterOrNumber() && !c.isSpace() && c.unicode() < 0x7f; };
    QString out;
    out.reserve(text.size() + 8);
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (i > 0 && sign(text[i - 1]) && sign(text[i]))
            out += QChar(0x200c);
        out += text[i];
    }
    return out;
}

} // namespace slipway
