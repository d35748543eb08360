#include "drivers/virtual/virtualusb.h"

#include <QString>

namespace slipway {

VirtualUsb::Reply VirtualUsb::bulk(quint8, QByteArrayView)
{
    return {Answer::Stall, {}};
}

void VirtualUsb::setAlternate(int) {}

QByteArray VirtualUsb::stringDescriptor(const QString &text)
{
    QByteArray out(2, '\x03');
    for (const QChar c : text.left(126)) {
        out += char(c.unicode() & 0xff);
        out += char(c.unicode() >> 8);
    }
    out[0] = char(out.size());
    return out;
}

} // namespace slipway
