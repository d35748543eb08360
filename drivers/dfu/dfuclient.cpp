#include "drivers/dfu/dfuclient.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <algorithm>
#include <array>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint8 classInterface = 0x21; // of bmRequestType, without the direction
constexpr int statusSize = 6;
constexpr auto answerTime = 5s;    // for a request that asks for no work
constexpr auto longestPoll = 300s; // beyond that a time-out is a mistake
constexpr auto longestBusy = 120s; // without an end, when nobody set a deadline
constexpr int mostStalls = 3;      // some STM32L4 stall when asked while their flash is busy
constexpr quint8 errVendor = 0x0b;

constexpr std::array<const char *, 11> states{"appIDLE",          "appDETACH",   "dfuIDLE",
                                              "dfuDNLOAD-SYNC",   "dfuDNBUSY",   "dfuDNLOAD-IDLE",
                                              "dfuMANIFEST-SYNC", "dfuMANIFEST", "dfuMANIFEST-WAIT-RESET",
                                              "dfuUPLOAD-IDLE",   "dfuERROR"};
// Table of section 6.1.2.
constexpr std::array<const char *, 16> statuses{
    "no error",
    "the file is not for this device",
    "the file does not pass its test",
    "the memory cannot be written",
    "the memory cannot be erased",
    "the memory is not blank after erasing",
    "the memory cannot be programmed",
    "what was written does not compare",
    "the address is out of range",
    "the end came before all of the image",
    "its firmware is corrupt",
    "an error of the vendor's own",
    "an unexpected USB reset",
    "an unexpected power-on reset",
    "an unknown error",
    "an unexpected request",
};

} // namespace

DfuClient::DfuClient(std::unique_ptr<UsbLink> link, DfuInterface interface, DfuQuirks quirks)
    : m_link(std::move(link)), m_interface(std::move(interface)), m_quirks(std::move(quirks))
{
    m_statedSize = m_interface.transferSize ? m_interface.transferSize : m_quirks.transferSize;
    if (m_statedSize == 0)
        throw Fault("dfu.descriptor", {u"it states a transfer size of 0"_s});
    m_transferSize = std::min(m_statedSize, UsbLink::largestControl);
}

QString DfuClient::stateName(quint8 state)
{
    return state < states.size() ? QString::fromLatin1(states[state]) : QString::number(state);
}

QString DfuClient::statusText(quint8 status)
{
    return status < statuses.size() ? QString::fromLatin1(statuses[status]) : u"error %1"_s.arg(status);
}

Task DfuClient::patience(const Task &task) const
{
    return task.within(std::max<std::chrono::milliseconds>(answerTime, m_quirks.eraseTime));
}

void DfuClient::silent() const
{
    throw Fault("dfu.no-answer", {u"usb:"_s + m_link->device().path});
}

void DfuClient::sitOut(const Task &task)
{
    if (m_notBefore.expired())
        return;
    if (m_poll > longestPoll)
        throw Fault("dfu.poll", {humanSpan(double(m_poll.count()) / 1000)});
    m_waiter.wait(-1, 0, m_notBefore.sooner(task.deadline), task.stop);
    task.check(u"The device's work"_s);
}

DfuClient::Status DfuClient::status(const QString &what, const Task &task)
{
    for (int stalls = 0;; ++stalls) {
        sitOut(task);
        const auto reply =
            m_link->in({classInterface, GetStatus, 0, quint16(m_interface.number)}, statusSize, patience(task));
        if (reply.result == UsbLink::Result::TimedOut) {
            task.check(u"Asking the device"_s);
            silent();
        }
        if (reply.done() && reply.bytes.size() == statusSize) {
            const auto byte = [&](int at) { return static_cast<quint8>(reply.bytes[at]); };
            m_poll = std::chrono::milliseconds(byte(1) | byte(2) << 8 | byte(3) << 16);
            if (m_quirks.poll)
                m_poll = *m_quirks.poll;
            m_notBefore = Deadline::in(m_poll);
            m_state = byte(4);
            return {byte(0), byte(4)};
        }
        if (stalls == mostStalls)
            throw Fault("dfu.state", {what}, u"DFU_GETSTATUS %1"_s.arg(reply.done() ? u"short"_s : u"stalled"_s));
        m_notBefore = Deadline::in(m_poll);
    }
}

void DfuClient::simple(Request request, const QString &what, const Task &task)
{
    const auto reply = m_link->out({classInterface, request, 0, quint16(m_interface.number)}, {}, patience(task));
    if (reply.result == UsbLink::Result::TimedOut)
        silent();
    if (!reply.done())
        throw Fault("dfu.state", {what}, stateName(m_state));
}

void DfuClient::recover(const Task &task)
{
    const QString what = u"get ready"_s;
    const Deadline limit = task.deadline.sooner(longestBusy);
    for (int steps = 0; !limit.expired(); ++steps) {
        const Status now = status(what, task);
        switch (now.state) {
        case Idle:
            return;
        case Error:
            simple(ClearStatus, what, task);
            break;
        case DownloadIdle:
        case UploadIdle:
            simple(Abort, what, task);
            break;
        case DownloadSync:
        case DownloadBusy:
        case ManifestSync:
        case Manifest:
            break; // it goes on when asked
        default:
            throw Fault("dfu.state", {what}, stateName(now.state));
        }
        if (steps > 1000 && m_poll == 0ms)
            break;
    }
    task.check(u"Getting the device ready"_s);
    throw Fault("dfu.stuck", {what}, stateName(m_state));
}

void DfuClient::toIdle(const Task &task)
{
    if (m_state == Idle)
        return;
    if (m_state != DownloadIdle && m_state != UploadIdle)
        return recover(task);
    simple(Abort, u"end a transfer"_s, task);
    m_state = Idle;
}

void DfuClient::select(int alternate, const Task &task)
{
    if (m_alternate != alternate) {
        if (m_interface.alternates.size() > 1) {
            toIdle(task);
            m_link->setAlternate(m_interface.number, alternate);
            m_state = Error; // to be asked
        }
        m_alternate = alternate;
    }
    if (m_state != DownloadIdle)
        toIdle(task);
}

void DfuClient::send(quint16 block, const QByteArray &bytes, const QString &what, const Task &task)
{
    const auto reply =
        m_link->out({classInterface, Download, block, quint16(m_interface.number)}, bytes, patience(task));
    if (reply.result == UsbLink::Result::TimedOut) {
        task.check(u"Sending to the device"_s);
        silent();
    }
    if (!reply.done())
        refused(what, task);
    m_state = bytes.isEmpty() ? ManifestSync : DownloadSync;
}

void DfuClient::download(quint16 block, const QByteArray &bytes, const QString &what, const Task &task)
{
    send(block, bytes, what, task);
    const Deadline limit = Deadline::in(longestBusy);
    for (;;) {
        const Status now = status(what, task);
        if (now.status != 0 || now.state == Error)
            refused(what, now, task);
        if (now.state == DownloadIdle)
            return;
        if (now.state != DownloadBusy && now.state != DownloadSync)
            throw Fault("dfu.state", {what}, stateName(now.state));
        task.check(u"The device's work"_s);
        if (limit.expired())
            throw Fault("dfu.stuck", {what});
    }
}

QByteArray DfuClient::upload(quint16 block, int length, const QString &what, const Task &task)
{
    const auto reply = m_link->in({classInterface, Upload, block, quint16(m_interface.number)}, length, patience(task));
    if (reply.result == UsbLink::Result::TimedOut) {
        task.check(u"Reading from the device"_s);
        silent();
    }
    if (!reply.done())
        refused(what, task);
    m_state = reply.bytes.size() < length ? Idle : UploadIdle; // a short one ends it
    return reply.bytes;
}

void DfuClient::refused(const QString &what, const Task &task)
{
    m_state = Error;
    refused(what, status(what, task), task);
}

void DfuClient::refused(const QString &what, const Status &now, const Task &task)
{
    const bool isProtected = isDfuse() && now.status == errVendor;
    const QString detail = stateName(now.state) + u", bStatus "_s + QString::number(now.status);
    if (now.state == Error) {
        simple(ClearStatus, what, task);
        m_state = Idle;
    }
    if (isProtected)
        throw Fault("memory.protected", {u"it refused to "_s + what}, detail);
    throw Fault("dfu.refused", {what, statusText(now.status)}, detail);
}

} // namespace slipway
