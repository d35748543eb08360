#pragma once
// The identifiers of the SPDX licence list, from spdx.json (with its date and source). Matched as SPDX 2.3 annex D has
// it: without regard to case. Thread-safe.

#include <QHash>
#include <QString>
#include <QStringList>

namespace slipway {

class SpdxList
{
public:
    static const SpdxList &bundled();

    bool knows(const QString &identifier) const { return m_names.contains(identifier.toLower()); }
    bool isDeprecated(const QString &identifier) const { return m_names.value(identifier.toLower(), false); }
    QString nearest(const QString &identifier) const; // "" when none is near
    QString date() const { return m_date; }           // "2022-08-25"

private:
    SpdxList();
    QHash<QString, bool> m_names; // lower case, deprecated
    QStringList m_spelt;
    QString m_date;
};

} // namespace slipway
