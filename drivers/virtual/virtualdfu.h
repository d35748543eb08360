#pragma once
// The device's side of USB DFU: descriptors, state machine, memory, poll time-outs and trouble on demand, written
// against USB DFU 1.1 (section 6, appendix A) and ST's AN3156. It is strict: a request that the state does not allow
// stalls and leads to dfuERROR, and so does a DFU_GETSTATUS before the poll time-out is over. Thread-safe.

#include "drivers/virtual/virtualusb.h"

#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <chrono>
#include <memory>
#include <optional>

namespace slipway {

struct VirtualDfuOptions {
    using Milliseconds = std::chrono::milliseconds;

    quint16 vendorId = 0x0483, productId = 0xdf11;     // in DFU mode
    quint16 runtimeVendorId = 0, runtimeProductId = 0; // of the application; 0: it has none with DFU
    quint16 release = 0x2200;
    QString maker = QStringLiteral("Slipway"), product = QStringLiteral("Virtual DFU"),
            serial = QStringLiteral("SN0001");
    bool startInRuntime = false;

    quint16 dfuVersion = 0x011a; // 0x0110: plain DFU 1.1
    bool canDownload = true, canUpload = true, manifestationTolerant = true, willDetach = true;
    quint16 transferSize = 2048;
    quint16 detachTimeout = 255; // ms
    // DfuSe: memory maps, the first one's begins with the flash; plain: names, each an image of its own.
    QStringList alternates{QStringLiteral("@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg")};
    qsizetype imageSize = 1 << 20; // plain: what an image may have

    // What an operation takes, told as its poll time-out.
    Milliseconds eraseTime{0}; // per sector
    Milliseconds massEraseTime{0};
    Milliseconds writeTime{0};   // per block
    Milliseconds addressTime{0}; // to set the address: no time in ROM; ST's library tells the time of a write
    Milliseconds manifestTime{0};
    Milliseconds plugTime{10}; // away from the bus

    int writeAlign = 4;         // DfuSe: what addresses and lengths are multiples of
    bool readProtected = false; // DfuSe: nothing can be read, erased or written
};

class VirtualDfu final : public VirtualUsb
{
public:
    // What a cut or a failure waits for.
    enum class Stage { Detach, Erase, Write, Manifest, Upload, Leave };

    explicit VirtualDfu(VirtualDfuOptions options = {});
    ~VirtualDfu() override;

    QByteArray deviceDescriptor() const override;
    QByteArray configuration() const override;
    Reply control(const Setup &setup, QByteArrayView out) override;
    void setAlternate(int alternate) override;
    void busReset() override;
    Wish wish() const override;
    std::chrono::milliseconds plugTime() const override;
    void enumerated() override;
    void powerCycle() override;

    // Trouble.
    void cutAt(Stage stage, int nth = 1);                 // the cable is pulled at the n-th request of that kind
    void failAt(Stage stage, quint8 status, int nth = 1); // dfuERROR with that bStatus
    void silentFrom(int requests);                        // no answer any more after so many class requests
    void flipBit(quint32 at);                             // what is written there is stored wrongly
    void staysGone(bool gone = true);                     // never comes back once it leaves the bus
    void staysRuntime(bool stays = true);                 // takes DFU_DETACH and comes back as the application
    void setState(quint8 state, quint8 status = 0);       // as another program left it
    void pollTimeout(std::optional<quint32> ms);          // told in place of the real ones
    void functional(const QByteArray &descriptor);        // in place of the right one
    void busyForever(bool busy = true);                   // dfuDNBUSY never ends
    void shortUploads(bool on = true);                    // gives one byte less than asked for

    struct Facts {
        bool runtime = false;
        quint8 state = 0;
        int enumerations = 0;
        int requests = 0; // of the class
        int refused = 0;  // stalled
        int earlyPolls = 0;
        int erased = 0, written = 0, addressed = 0, manifests = 0, massErased = 0, unprotected = 0, left = 0;
        quint32 leftTo = 0;                    // the address pointer then
        std::chrono::milliseconds demanded{0}; // sum of poll time-outs told
        QByteArray log;                        // requests as letters: e w a g u m ...
    };
    Facts facts() const;
    QByteArray memory(quint32 at, qsizetype size) const; // DfuSe; empty: not all of it exists
    void setMemory(quint32 at, const QByteArray &bytes);
    QByteArray image(int alternate) const; // plain: what was manifested last
    void setImage(int alternate, const QByteArray &bytes);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
