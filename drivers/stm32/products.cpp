#include "drivers/stm32/products.h"

#include "core/base/fault.h"
#include "core/device/quirksfile.h"

namespace slipway {

using namespace Qt::StringLiterals;

QList<Stm32Page> Stm32Product::pages(qint64 flashSize) const
{
    QList<Stm32Page> out;
    qint64 at = 0;
    for (const auto &[count, size] : pageLayout) {
        for (int i = 0; at < flashSize && (count == 0 || i < count); ++i) {
            out.append({quint32(flashAt + at), size, quint16(out.size())});
            at += size;
        }
    }
    return at == flashSize ? out : QList<Stm32Page>();
}

quint32 Stm32Product::uniformPage() const
{
    return pageLayout.size() == 1 ? pageLayout.first().second : 0;
}

QString Stm32Product::idText(quint16 id)
{
    return u"0x"_s + QString::number(id, 16).rightJustified(3, u'0');
}

const Stm32Product &Stm32Products::find(quint16 id) const
{
    for (const Stm32Product &product : m_products) {
        if (product.id == id)
            return product;
    }
    throw Fault("stm32.unknown-product", {Stm32Product::idText(id)});
}

QStringList Stm32Products::boardNames() const
{
    return slipway::boardNames(m_boards);
}

} // namespace slipway
