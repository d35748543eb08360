#include "drivers/stm32/products.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QFile>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr qint64 longestFile = 1024 * 1024;
}

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

Stm32Products Stm32Products::load()
{
    Stm32Products out;
    const QString own = qEnvironmentVariable("SLIPWAY_STM32_QUIRKS");
    if (!own.isEmpty())
        out = parse(readFile(own, longestFile, u"A file of quirks"_s), own);
    QFile builtIn(u":/slipway/stm32/quirks.json"_s);
    if (!builtIn.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"quirks.json is not built in"_s);
    const Stm32Products shipped = parse(builtIn.readAll(), u"quirks.json"_s);
    for (const Stm32Product &product : shipped.m_products) {
        if (std::none_of(out.m_products.cbegin(), out.m_products.cend(),
                         [&](const Stm32Product &known) { return known.id == product.id; }))
            out.m_products << product;
    }
    for (const Stm32Board &board : shipped.m_boards) {
        if (!out.boardNames().contains(board.name))
            out.m_boards << board;
    }
    return out;
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
    QStringList out;
    for (const Stm32Board &board : m_boards)
        out << board.name;
    return out;
}

const Stm32Board &Stm32Products::board(const QString &name) const
{
    for (const Stm32Board &board : m_boards) {
        if (board.name == name)
            return board;
    }
    throw Fault("stm32.board-unknown", {oneLine(name, 60), didYouMean(name, boardNames()), boardNames().join(u", "_s)});
}

} // namespace slipway
