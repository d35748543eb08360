#pragma once
// A device that speaks SMP, for training, recipe authors and tests: the device's side of the wire, written against the
// recorded exchanges with Zephyr 3.4 and MCUboot and as strict as they are. One thread of its own; every public call is
// thread-safe. What it answers and which faults it can play is described in drivers/virtual/README.md.
// Throws Fault (virtual.*) from the constructor and start() only.

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>

#include <chrono>
#include <memory>
#include <optional>

namespace slipway {

struct VirtualSmpOptions {
    enum class Link {
        Pty,         // makes a pty; path() is the symlink ptyLink, or the pty itself when that is empty
        Udp,         // listens on udpAddress:udpPort
        Descriptors, // speaks over readFd and writeFd (may be the same), which it closes in the end
    };
    enum class Framing { Console, Raw };
    enum class Server {
        Zephyr,          // the application: all groups
        McubootRecovery, // serial recovery of the boot loader: echo, reset, image list and upload into slot 0
    };

    Link link = Link::Pty;
    QString ptyLink;
    QString udpAddress = QStringLiteral("127.0.0.1");
    quint16 udpPort = 0; // 0: any free one, see udpPort()
    int readFd = -1;
    int writeFd = -1;

    Server server = Server::Zephyr;
    Framing framing = Framing::Console;
    int bufferSize = 2048; // of one message, header included
    int bufferCount = 4;
    bool tellParameters = true;        // os command 6 exists (else rc 8)
    bool responsesTakeBuffers = false; // Zephyr's answers come out of the same pool: none free is rc 2
    bool shellNoise = false;           // SMP inside the shell console: prompts, escapes, log lines between frames
    bool legacyRc = false;             // "rc: 0" on success
    bool frugal = false;               // false flags and splitStatus are left out of the image list
    bool imageCheck = true;            // the last upload answer has "match"
    bool extendedGroups = true;        // boot-loader info, date-time, slot info, enumeration (Zephyr 3.4 has none)

    // What it is.
    QString board = QStringLiteral("t1-rev-b");
    QString serial;   // setting id/serial; empty: none yet
    QByteArray eui64; // setting id/hwid, 8 bytes; empty: made from serial or at random
    QString kernelVersion = QStringLiteral("3.4.99");
    QString machine = QStringLiteral("arm"); // os info
    QString processor = QStringLiteral("cortex-m33");
    QStringList mounts = {QStringLiteral("/lfs"), QStringLiteral("/lfs1")};
    QStringList settingRoots = {QStringLiteral("id"), QStringLiteral("app"), QStringLiteral("net")};
    qint64 fileSystemSize = 256 * 1024;
    double vdd = 3.312;        // volt, "adc vdd"
    double radioLevel = -41.2; // dBm, "radio level"

    // Ways to a key besides making one.
    QByteArray deviceSeed;      // what it derives its key from; empty: it has none
    bool secureElement = false; // "idevid keygen element" works
    QByteArray vendorKey;       // DER; it comes with a key of its vendor
    QByteArray vendorChain;     // and this certificate, PEM

    // Firmware. Slots hold raw MCUboot images; empty slot 0: an unsigned 1.0.0 made on the spot.
    QByteArray slot0;
    QByteArray slot1;
    qint64 slotSize = 655360;
    QList<QByteArray> bootKeys;       // PEM public keys of the boot loader; empty: it checks hashes only
    bool downgradePrevention = false; // the boot loader refuses a lower security counter

    // Time. Nothing here costs anything unless asked for.
    std::chrono::milliseconds resetDelay{20};  // from the answer to a reset until it goes down (Zephyr: 250)
    std::chrono::milliseconds rebootTime{150}; // deaf
    bool reenumerate = false;                  // the pty is made anew at each restart, the symlink repointed
    std::chrono::microseconds eraseTime{0};    // per 4 096-byte sector
    std::chrono::microseconds programTime{0};  // per 256-byte page

    QString stateFolder; // everything that survives a power cut; empty: memory only
    quint64 seed = 1;    // of faults and noise
};

// Trouble on demand. A fault stays until cleared or used up; several can be set.
struct VirtualFault {
    enum class Kind {
        Silence,         // answers stop after `after` further requests
        Late,            // answers are `delay` late, every `every`-th one
        Duplicate,       // every `every`-th answer comes twice
        Corrupt,         // one byte of every `every`-th answer is wrong
        NoMemory,        // every `every`-th request is answered rc 2
        RebootAt,        // restarts when an upload reaches `after` bytes (once)
        Disconnect,      // closes the link after `after` further requests; comes back after `delay` (0: never)
        FullFlash,       // image and file writes fail
        WrongHash,       // the image list reports a wrong hash for slot 1
        RefuseKeygen,    // "idevid keygen" fails
        CsrSignature,    // the request is signed wrongly
        CsrSerial,       // the request carries another serial number
        CsrStale,        // the request is for the key before the last
        SignWrong,       // challenges are signed with another key
        KeyChanges,      // the key is another one after each restart
        StuckAfterReset, // never answers again after the next reset
        AdcOutside,      // "adc vdd" gives `value` volt
        ShellGarbage,    // shell output is cut and followed by noise
        CertificateLost, // the certificate file is empty when read back
        LockFails,       // "lock debug" reports success and does nothing
    };
    Kind kind = Kind::Silence;
    qint64 after = 0;
    int every = 1;
    std::chrono::milliseconds delay{0};
    double value = 2.71;

    // "silence:after=20", "late:delay=800ms,every=3", "reboot-at:after=30000", "adc-outside:value=2.9".
    // Throws virtual.fault with the nearest name.
    static VirtualFault parse(const QString &text);
    static QStringList names();
};

class VirtualSmp
{
public:
    explicit VirtualSmp(VirtualSmpOptions options = {});
    VirtualSmp(const VirtualSmp &) = delete;
    VirtualSmp &operator=(const VirtualSmp &) = delete;
    ~VirtualSmp(); // stops

    void start();            // throws virtual.link
    void stop();             // as a power cut: state is in stateFolder, symlink gone
    QString path() const;    // what an OpenOptions::port takes: "/tmp/dut0", "udp:127.0.0.1:40123"
    quint16 udpPort() const; // after start()

    void setFault(const VirtualFault &fault);
    void clearFaults();
    void reboot();                     // as its reset button
    void setConnected(bool connected); // pulls the plug, or puts it back (a new pty)

    // Facts for tests and benches.
    struct Facts {
        QString activeVersion; // "1.4.2.7"
        QByteArray activeHash; // 32 bytes
        bool activeConfirmed = false;
        QByteArray slot1Hash; // empty: no image there
        bool pending = false;
        bool locked = false;
        bool hasKey = false;
        QByteArray publicKey;   // SubjectPublicKeyInfo, DER
        QByteArray certificate; // content of the certificate file
        QString serial;
        qint64 requests = 0;      // complete, well-formed messages
        qint64 dropped = 0;       // too large, or no buffer free
        qint64 badFrames = 0;     // CRC, base64, length
        int uploads = 0;          // image uploads brought to their end
        qint64 uploadedBytes = 0; // image bytes taken, over all uploads
        qint64 uploadOffset = 0;  // of the running upload
        int restarts = 0;
        int keysMade = 0;
        int signatures = 0; // challenges signed
        qint64 bytesIn = 0;
        qint64 bytesOut = 0;
        QString trouble; // why the link is gone for good, normally empty
        // First and last image byte taken; nothing before. For rates measured at the device.
        std::optional<std::chrono::steady_clock::time_point> firstUploadAt, lastUploadAt;
        std::optional<std::chrono::steady_clock::time_point> firstByteAt; // first byte on the link
    };
    Facts facts() const;
    QString activeVersion() const { return facts().activeVersion; }
    QByteArray certificate() const { return facts().certificate; }
    bool locked() const { return facts().locked; }
    int uploadCount() const { return facts().uploads; }
    QByteArray file(const QString &name) const;
    std::optional<QByteArray> setting(const QString &name) const;      // as it is in effect
    std::optional<QByteArray> savedSetting(const QString &name) const; // as it survives a restart

    // One SMP message in (header and CBOR), the answer out; no link, no buffers, no time. For tests; empty: no answer.
    QByteArray handle(const QByteArray &message);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
