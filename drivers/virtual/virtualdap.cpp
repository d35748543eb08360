#include "drivers/virtual/virtualdap.h"

#include "drivers/virtual/cmsisdap.h"

#include <QStringList>

#include <deque>
#include <mutex>

namespace slipway {

namespace {

constexpr quint8 towardsDevice = 0x01, towardsHost = 0x82;

QByteArray little(quint16 value)
{
    return QByteArray(1, char(value & 0xff)) + char(value >> 8);
}

} // namespace

struct VirtualDap::Private {
    explicit Private(Options given)
        : options(std::move(given)),
          chip(options.chip.flashKib,
               options.chip.uniqueId.isEmpty() ? QByteArray("SWD-UNIT-001") : options.chip.uniqueId,
               {options.chip.eraseTime, options.chip.programTime}),
          commands(chip, {options.maker, options.product, options.serial})
    {
        chip.port().setIdCode(Stm32F1Chip::serialId);
        chip.flash().setContent(options.chip.flash);
        if (options.chip.readoutProtected)
            chip.flash().setReadoutProtected(true);
        chip.powerOn();
    }

    mutable std::mutex mutex;
    const Options options;
    Stm32F1Chip chip;
    CmsisDap commands;
    std::deque<QByteArray> answers;
    qint64 commandsLeft = -1; // until the cable is pulled; -1: it is not
    qint64 bytesIn = 0;
    bool gone = false;
};

VirtualDap::VirtualDap(Options options) : d(std::make_unique<Private>(std::move(options))) {}

VirtualDap::~VirtualDap() = default;

QByteArray VirtualDap::deviceDescriptor() const
{
    return QByteArray("\x12\x01\x00\x02\x00\x00\x00\x40", 8) + little(d->options.vendorId) +
           little(d->options.productId) + little(d->options.release) + QByteArray("\x01\x02\x03\x01", 4);
}

QByteArray VirtualDap::configuration() const
{
    const auto endpoint = [](quint8 address) {
        return QByteArray("\x07\x05", 2) + char(address) + QByteArray("\x02\x40\x00\x00", 4);
    };
    const QByteArray body =
        QByteArray("\x09\x04\x00\x00\x02\xff\x00\x00\x04", 9) + endpoint(towardsDevice) + endpoint(towardsHost);
    return QByteArray("\x09\x02", 2) + little(quint16(9 + body.size())) + QByteArray("\x01\x01\x00\x80\x32", 5) + body;
}

VirtualUsb::Reply VirtualDap::control(const Setup &setup, QByteArrayView)
{
    const std::lock_guard lock(d->mutex);
    if (d->gone)
        return {Answer::Gone, {}};
    const int index = setup.value & 0xff;
    if (setup.type != 0x80 || setup.request != 6 || setup.value >> 8 != 3 || index > 4)
        return {Answer::Stall, {}};
    const QStringList texts{d->options.maker, d->options.product, d->options.serial, QStringLiteral("CMSIS-DAP v2")};
    const QByteArray bytes = index == 0 ? languages() : stringDescriptor(texts[index - 1]);
    return {Answer::Done, bytes.first(std::min<qsizetype>(bytes.size(), setup.length))};
}

VirtualUsb::Reply VirtualDap::bulk(quint8 endpoint, QByteArrayView out)
{
    const std::lock_guard lock(d->mutex);
    if (d->gone)
        return {Answer::Gone, {}};
    if (endpoint == towardsHost) {
        if (d->answers.empty())
            return {Answer::Silence, {}};
        const Reply reply{Answer::Done, d->answers.front()};
        d->answers.pop_front();
        return reply;
    }
    // More commands than it has room for would be left on the bus; hosts that know the packet count send no more.
    if (endpoint != towardsDevice || out.isEmpty() || out.size() > CmsisDap::packetSize ||
        d->answers.size() >= CmsisDap::packetCount)
        return {Answer::Stall, {}};
    if (d->commandsLeft == 0) {
        d->gone = true;
        return {Answer::Gone, {}};
    }
    if (d->commandsLeft > 0)
        --d->commandsLeft;
    d->bytesIn += out.size();
    if (const QByteArray answer = d->commands.obey(out); !answer.isEmpty())
        d->answers.push_back(answer);
    return {};
}

VirtualUsb::Wish VirtualDap::wish() const
{
    const std::lock_guard lock(d->mutex);
    return d->gone ? Wish::Leave : Wish::Stay;
}

void VirtualDap::powerCycle()
{
    const std::lock_guard lock(d->mutex);
    d->gone = false;
    d->commandsLeft = -1;
    d->answers.clear();
    d->commands.reset();
    d->chip.powerOn();
}

void VirtualDap::cutAfter(qint64 commands)
{
    const std::lock_guard lock(d->mutex);
    d->commandsLeft = commands;
}

void VirtualDap::setWaitEvery(int every)
{
    const std::lock_guard lock(d->mutex);
    d->chip.port().waitEvery = every;
}

VirtualDap::Facts VirtualDap::facts() const
{
    const std::lock_guard lock(d->mutex);
    Facts out;
    out.chip = VirtualProbe::factsOf(d->chip);
    out.chip.bytesIn = d->bytesIn;
    out.commands = d->commands.commands;
    out.invalid = d->commands.invalid;
    out.swdTransactions = d->chip.swd().transactions;
    out.swdProtocolErrors = d->chip.swd().protocolErrors;
    out.lineResets = d->chip.swd().lineResets;
    return out;
}

} // namespace slipway
