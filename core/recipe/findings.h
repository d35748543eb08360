#pragma once
// Collects what is wrong with one recipe. Sentences start in lower case and have no full stop: they follow
// "file:line:column: ".

#include "core/base/text.h"
#include "core/recipe/recipe.h"

#include <algorithm>

namespace slipway {

class Findings
{
public:
    explicit Findings(QString file) : m_file(std::move(file)) {}

    void error(Position at, const QString &sentence) { add(RecipeFinding::Severity::Error, at, sentence); }
    void warning(Position at, const QString &sentence) { add(RecipeFinding::Severity::Warning, at, sentence); }
    qsizetype errors() const { return m_errors; }
    // In the order of the file.
    QList<RecipeFinding> inOrder() const
    {
        QList<RecipeFinding> list = m_list;
        std::stable_sort(list.begin(), list.end(), [](const RecipeFinding &a, const RecipeFinding &b) {
            return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
        });
        return list;
    }

private:
    static constexpr qsizetype limit = 1000; // no more are kept: nobody reads them

    void add(RecipeFinding::Severity severity, Position at, const QString &sentence)
    {
        m_errors += severity == RecipeFinding::Severity::Error;
        if (m_list.size() < limit)
            m_list.append({severity, m_file, at, sentence});
    }

    QString m_file;
    QList<RecipeFinding> m_list;
    qsizetype m_errors = 0;
};

// "; did you mean "flash"?" or "".
inline QString orDidYouMean(const QString &word, const QStringList &candidates)
{
    const QString near = nearMiss(word, candidates);
    return near.isEmpty() ? QString() : QStringLiteral("; did you mean \"%1\"?").arg(near);
}

} // namespace slipway
