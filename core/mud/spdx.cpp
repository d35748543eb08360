#include "core/mud/spdx.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace slipway {

using namespace Qt::StringLiterals;

SpdxList::SpdxList()
{
    QFile file(u":/slipway/mud/spdx.json"_s);
    if (!file.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"spdx.json is not built in"_s);
    const QJsonObject root = QJsonDocument::fromJson(file.readAll()).object();
    m_date = root[u"date"].toString();
    for (const QString &list : {u"licenses"_s, u"deprecated"_s}) {
        const QJsonArray names = root[list].toArray();
        for (const QJsonValue &name : names) {
            m_spelt += name.toString();
            m_names.insert(name.toString().toLower(), list == u"deprecated");
        }
    }
}

const SpdxList &SpdxList::bundled()
{
    static const SpdxList list;
    return list;
}

QString SpdxList::nearest(const QString &identifier) const
{
    return identifier.size() > 64 ? QString() : nearMiss(identifier, m_spelt);
}

} // namespace slipway
