#pragma once
// The requests of USB DFU 1.1 (section 3) to a device in DFU mode, and its state machine (section 6.1.2, appendix A)
// from the host's side. Poll time-outs are obeyed to the millisecond: DFU_GETSTATUS is never sent before the last one
// told is over, and whatever else may be sent is sent at once. Throws dfu.no-answer, dfu.refused, dfu.state,
// dfu.stuck, dfu.poll, memory.protected, link.gone, base.*.

#include "drivers/dfu/dfuinterface.h"
#include "drivers/dfu/quirks.h"
#include "drivers/link/usb.h"
#include "drivers/link/waiter.h"

#include <memory>

namespace slipway {

class DfuClient
{
public:
    enum State : quint8 {
        AppIdle,
        AppDetach,
        Idle,
        DownloadSync,
        DownloadBusy,
        DownloadIdle,
        ManifestSync,
        Manifest,
        ManifestWaitReset,
        UploadIdle,
        Error,
    };
    struct Status {
        quint8 status = 0; // bStatus, 0: OK
        quint8 state = Idle;
    };

    // The link's interface is claimed. Throws dfu.descriptor for a transfer size of 0.
    DfuClient(std::unique_ptr<UsbLink> link, DfuInterface interface, DfuQuirks quirks);

    UsbLink &link() { return *m_link; }
    const DfuInterface &interface() const { return m_interface; }
    const DfuQuirks &quirks() const { return m_quirks; }
    int transferSize() const { return m_transferSize; } // never 0, at most what goes into one transfer
    bool wholeTransfers() const { return m_transferSize == m_statedSize; }
    bool isDfuse() const { return m_interface.isDfuse() && !m_quirks.forcePlain; }

    // Out of whatever state it is in, for example of a transfer that somebody broke off.
    void recover(const Task &task);
    // Ready to download to that alternate setting, in dfuIDLE or dfuDNLOAD-IDLE.
    void select(int alternate, const Task &task);
    // In dfuIDLE: ends a transfer where there is one.
    void toIdle(const Task &task);

    // what: an infinitive, for people: "write at 0x08000000". Ends in dfuDNLOAD-IDLE, the work done.
    void download(quint16 block, const QByteArray &bytes, const QString &what, const Task &task);
    // Sends without waiting for what comes of it; status() tells.
    void send(quint16 block, const QByteArray &bytes, const QString &what, const Task &task);
    QByteArray upload(quint16 block, int length, const QString &what, const Task &task);
    Status status(const QString &what, const Task &task);
    // Why the device is in dfuERROR; the error is cleared. Throws always.
    [[noreturn]] void refused(const QString &what, const Task &task);
    [[noreturn]] void refused(const QString &what, const Status &status, const Task &task);
    // Until the last poll time-out is over.
    void sitOut(const Task &task);

    static QString stateName(quint8 state);
    static QString statusText(quint8 status);

private:
    enum Request : quint8 { Detach, Download, Upload, GetStatus, ClearStatus, GetState, Abort };
    Task patience(const Task &task) const;
    void simple(Request request, const QString &what, const Task &task);
    [[noreturn]] void silent() const;

    std::unique_ptr<UsbLink> m_link;
    DfuInterface m_interface;
    DfuQuirks m_quirks;
    Waiter m_waiter;
    int m_statedSize = 0, m_transferSize = 0;
    int m_alternate = -1;
    quint8 m_state = Error; // as far as known: nothing yet
    std::chrono::milliseconds m_poll{0};
    Deadline m_notBefore = Deadline::in(std::chrono::milliseconds(0));
};

} // namespace slipway
