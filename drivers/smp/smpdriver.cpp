#include "drivers/smp/smpdriver.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/link/ports.h"
#include "drivers/link/seriallink.h"
#include "drivers/smp/smpdevice.h"
#include "drivers/smp/smpos.h"
#include "drivers/smp/smpsettings.h"

#include <QMap>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

// A device answers in milliseconds; what may be in the way is a log line, a prompt, or the end of somebody's garbage.
constexpr SmpClient::Patience probe{std::chrono::milliseconds(250), 3};
constexpr SmpClient::Patience oldProbe{std::chrono::milliseconds(250), 1};

bool meansWrongRate(const Fault &fault)
{
    return fault.is("smp.no-answer") || fault.is("smp.not-smp");
}

} // namespace

QString SmpDriver::summary() const
{
    return u"MCUmgr (SMP) over a serial port or UDP: Zephyr applications and MCUboot's serial recovery"_s;
}

QSet<Capability> SmpDriver::capabilities(const QString &board) const
{
    QSet<Capability> out{Capability::Firmware, Capability::Blobs, Capability::Shell, Capability::Reset,
                         Capability::Clock};
    if (board.isEmpty()) // at most
        return out + QSet<Capability>{Capability::Keys, Capability::Lock, Capability::KeyElement,
                                      Capability::KeyDerivation, Capability::KeyInjection};
    const BoardQuirks &known = m_quirks.get().find(board);
    if (known.hasKeys())
        out << Capability::Keys;
    if (known.hasKeys() && known.element.generate.given())
        out << Capability::KeyElement;
    if (known.hasKeys() && known.derive.given())
        out << Capability::KeyDerivation;
    if (known.hasKeys() && known.injectTaken.given())
        out << Capability::KeyInjection;
    if (!known.locks.isEmpty())
        out << Capability::Lock;
    return out;
}

QStringList SmpDriver::boards() const
{
    return m_quirks.orEmpty().names();
}

QList<PortInfo> SmpDriver::ports() const
{
    QList<PortInfo> out;
    for (const SerialPort &port : serialPorts()) {
        PortInfo info;
        info.port = port.node;
        info.topology = port.topology;
        info.description = port.description;
        info.driver = name();
        info.why = port.usbPath.isEmpty() ? u"A serial port: an SMP server may be behind it."_s
                                          : u"A USB serial port: an SMP server may be behind it."_s;
        out << info;
    }
    return out;
}

std::unique_ptr<SmpClient> SmpDriver::reach(const OpenOptions &options, const BoardQuirks *board,
                                            const Task &task) const
{
    LinkOptions link;
    link.port = options.port;
    link.defaultUdpPort = udpPort;
    SmpFraming framing = board && board->framing ? *board->framing : SmpFraming::Console;
    for (const auto &[word, meaning] :
         {std::pair(u"?raw"_s, SmpFraming::Raw), std::pair(u"?console"_s, SmpFraming::Console)}) {
        if (link.port.endsWith(word)) {
            link.port.chop(word.size());
            framing = meaning;
        }
    }

    // Rates to try, the likeliest first.
    QList<int> rates;
    if (options.baud > 0)
        rates << options.baud;
    else if (board && board->baud > 0)
        rates << board->baud;
    else {
        rates << SerialLink::usualBaud;
        for (const BoardQuirks &known : m_quirks.orEmpty().boards()) {
            if (known.baud > 0 && !rates.contains(known.baud))
                rates << known.baud;
        }
    }
    link.baud = options.baud;
    auto opened = openLink(link, task);
    const bool hasRate = opened->info().baud > 0 && !opened->info().datagrams &&
                         !dynamic_cast<const SerialLink &>(*opened).isPseudoTerminal();
    auto client = std::make_unique<SmpClient>(std::move(opened), framing);
    if (!hasRate)
        rates = {0};

    std::exception_ptr first;
    for (const int rate : rates) {
        if (rate > 0 && rate != client->link().baud)
            client->transport().setBaud(rate);
        client->nudge();
        for (const quint8 version : {quint8(1), quint8(0)}) {
            client->setVersion(version);
            try {
                smp::askParameters(*client, task, version ? probe : oldProbe);
                return client;
            } catch (const Fault &fault) {
                if (!meansWrongRate(fault))
                    throw;
                if (!first)
                    first = std::current_exception();
            }
        }
    }
    std::rethrow_exception(first);
}

BoardQuirks SmpDriver::recognise(SmpClient &client, const Task &task) const
{
    QMap<QString, QByteArray> settings;
    std::optional<std::optional<QString>> info;
    for (const BoardQuirks &board : m_quirks.orEmpty().boards()) {
        if (!board.setting.isEmpty()) {
            if (!settings.contains(board.setting))
                settings[board.setting] = smp::findSetting(client, board.setting, task).value_or(QByteArray());
            if (QString::fromUtf8(settings[board.setting]) == board.equals)
                return board;
        } else {
            if (!info)
                info = smp::osInfo(client, u"a"_s, task);
            if (*info && board.osInfo.match(**info).hasMatch())
                return board;
        }
    }
    // Nobody has described it: what it says of itself is all that is known.
    BoardQuirks unknown;
    for (const QByteArray &value : std::as_const(settings)) {
        if (unknown.name.isEmpty())
            unknown.name = oneLine(QString::fromUtf8(value), 64);
    }
    return unknown;
}

std::unique_ptr<Device> SmpDriver::open(const OpenOptions &options, const Task &task) const
{
    const BoardQuirks *board = options.board.isEmpty() ? nullptr : &m_quirks.get().find(options.board);
    m_quirks.get(); // a broken file of quirks is told before the device is touched
    auto client = reach(options, board, task);
    BoardQuirks known = board ? *board : recognise(*client, task);
    return std::make_unique<SmpDevice>(std::move(client), std::move(known));
}

} // namespace slipway
