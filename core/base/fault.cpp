#include "core/base/fault.h"

#include <utility>

namespace slipway {

namespace {

// One pass, so that an argument which itself contains "%1" is left alone.
QString filled(const char *pattern, const QStringList &arguments)
{
    const QString text = QString::fromUtf8(pattern);
    QString out;
    out.reserve(text.size() + 32);
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (text[i] == u'%' && i + 1 < text.size() && text[i + 1].isDigit()) {
            const int n = text[i + 1].digitValue();
            if (n >= 1 && n <= arguments.size())
                out += arguments[n - 1];
            ++i;
        } else {
            out += text[i];
        }
    }
    return out;
}

} // namespace

const FaultKind *faultKind(QAnyStringView code)
{
    for (const FaultKind &kind : faultTable()) {
        if (QAnyStringView::compare(QAnyStringView(kind.code), code) == 0)
            return &kind;
    }
    return nullptr;
}

Fault::Fault(const char *code, QStringList arguments, QString detail)
    : m_kind(faultKind(code)), m_arguments(std::move(arguments)), m_detail(std::move(detail))
{
    if (!m_kind) {
        m_detail = QStringLiteral("unlisted fault %1: %2").arg(QString::fromLatin1(code), m_detail);
        m_kind = faultKind("internal.defect");
    }
    m_what = (QString::fromLatin1(m_kind->code) + QLatin1String(": ") + sentence()).toUtf8();
    if (!m_detail.isEmpty())
        m_what += " [" + m_detail.toUtf8() + "]";
}

QString Fault::sentence() const
{
    return filled(m_kind->sentence, m_arguments);
}

QString Fault::remedy() const
{
    return filled(m_kind->remedy, m_arguments);
}

QString Fault::text() const
{
    const QString help = remedy();
    return help.isEmpty() ? sentence() : sentence() + u' ' + help;
}

bool Fault::is(QAnyStringView code) const
{
    return QAnyStringView::compare(QAnyStringView(m_kind->code), code) == 0;
}

int Fault::exitStatus() const
{
    switch (m_kind->blame) {
    case Blame::Unit:
        return 1;
    case Blame::Usage:
        return 2;
    case Blame::Station:
        return 3;
    case Blame::Person:
        return 4;
    }
    return 3;
}

} // namespace slipway
