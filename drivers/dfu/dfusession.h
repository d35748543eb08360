#pragma once
// The way to a device's boot loader and back, by the place where it is plugged in: opens it, has an application detach
// (USB DFU 1.1, section 5), waits for what re-enumerates, opens anew after a cable was pulled. Throws dfu.no-interface,
// dfu.no-detach, dfu.no-return, dfu.descriptor, link.*, base.*.

#include "drivers/dfu/dfuclient.h"

#include <memory>

namespace slipway {

class DfuSession
{
public:
    DfuSession(QString path, DfuQuirks quirks);
    // A boot loader that was started by detaching is left again.
    ~DfuSession();
    DfuSession(const DfuSession &) = delete;
    DfuSession &operator=(const DfuSession &) = delete;

    const QString &path() const { return m_path; }
    // In DFU mode and dfuIDLE, opened anew where the last link is over.
    DfuClient &client(const Task &task);
    // "0483:df11" in DFU mode and before it; a file may be for either.
    bool isDevice(const QString &id) const { return m_ids.contains(id); }
    const QStringList &ids() const { return m_ids; }
    // bcdDevice of the application that was asked to detach; nothing: it was in DFU mode.
    const std::optional<quint16> &applicationRelease() const { return m_applicationRelease; }
    // The device leaves the bus by itself now: closes the link and waits until it is back in DFU mode.
    void awaitReturn(const QString &after, const Task &task);
    // USB reset: out of the boot loader. Returns when the device is back as whatever it is then.
    void leave(const Task &task);
    void close() { m_client.reset(); }

private:
    void detach(UsbLink &link, const DfuInterface &interface, const Task &task);
    bool ask(UsbLink &link, const DfuInterface &interface, quint16 timeout, const Task &task) const;

    std::optional<quint16> m_applicationRelease;
    QString m_path;
    DfuQuirks m_quirks;
    std::unique_ptr<DfuClient> m_client;
    QStringList m_ids;
    bool m_detached = false;
};

} // namespace slipway
