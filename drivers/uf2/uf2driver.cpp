#include "drivers/uf2/uf2driver.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/uf2/uf2device.h"

#include <QFileInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

// A drive that says it is a boot loader's, by its file or by the ids of its device. The file is looked for, not read.
QString sign(const UsbSeat &seat, const Uf2Boards &boards)
{
    const Uf2Quirks *board = boards.forUsbId(seat.device.id());
    for (const UsbDrive &drive : seat.drives) {
        if (!drive.mountedAt.isEmpty() && QFileInfo::exists(drive.mountedAt + u"/INFO_UF2.TXT"_s))
            return u"A UF2 boot loader's drive, mounted at %1."_s.arg(drive.mountedAt);
    }
    if (!board || !seat.storage)
        return {};
    return seat.drives.isEmpty()
               ? u"The boot loader of %1."_s.arg(board->name)
               : u"The boot loader of %1; its drive %2 is not mounted."_s.arg(board->name, seat.drives.first().node);
}

} // namespace

Uf2Driver::Uf2Driver(UsbTree tree) : m_tree(std::move(tree)) {}

QString Uf2Driver::summary() const
{
    return u"Boot loaders that show a drive for UF2 files (RP2040, nRF52, SAMD and others)"_s;
}

QSet<Capability> Uf2Driver::capabilities(const QString &board) const
{
    if (!board.isEmpty())
        (void)m_boards.get().find(board);
    return {Capability::Memory};
}

QStringList Uf2Driver::boards() const
{
    return m_boards.orEmpty().names();
}

QList<PortInfo> Uf2Driver::ports() const
{
    QList<PortInfo> out;
    const QList<UsbSeat> seats = m_tree.seats();
    for (const UsbSeat &seat : seats) {
        const QString why = sign(seat, m_boards.orEmpty());
        if (!why.isEmpty())
            out << PortInfo{u"usb:"_s + seat.device.path,
                            u"usb-"_s + seat.device.path,
                            seat.device.description(),
                            name(),
                            why,
                            true};
    }
    return out;
}

std::unique_ptr<Device> Uf2Driver::open(const OpenOptions &options, const Task &task) const
{
    const Uf2Boards &boards = m_boards.get();
    const Uf2Quirks *named = options.board.isEmpty() ? nullptr : &boards.find(options.board);
    UsbTree tree = m_tree;
    QString path;
    if (UsbAddress::recognises(options.port)) {
        const UsbAddress address = UsbAddress::parse(options.port);
        path = address.path;
        if (path.isEmpty()) {
            QList<UsbDevice> devices;
            const QList<UsbSeat> seats = tree.seats();
            for (const UsbSeat &seat : seats) {
                if (seat.storage)
                    devices << seat.device;
            }
            path = address.pick(devices).path;
        }
    } else if (!options.port.startsWith(u'/')) {
        throw Fault("uf2.address", {oneLine(options.port, 80)});
    } else if (UsbTree::isTree(options.port)) {
        tree = UsbTree(QFileInfo(options.port).canonicalFilePath());
        const QList<UsbSeat> seats = tree.seats();
        if (seats.isEmpty())
            throw Fault("link.no-port", {options.port});
        if (seats.size() > 1)
            throw Fault("link.usb-ambiguous", {options.port, QString::number(seats.size()),
                                               u"usb:%1, usb:%2"_s.arg(seats[0].device.path, seats[1].device.path)});
        path = seats.first().device.path;
    } else {
        if (!QFileInfo::exists(options.port))
            throw Fault("link.no-port", {options.port});
        const auto seat = tree.seatOfMount(options.port);
        if (!seat)
            throw Fault("uf2.address", {oneLine(options.port, 80)});
        path = seat->device.path;
    }
    return std::make_unique<Uf2Device>(options.port, Uf2Drive(tree, path), boards, named, task);
}

} // namespace slipway
