#pragma once
// A device that speaks CoAP over UDP or DTLS, for training, recipe authors and tests: the device's side, written from
// RFC 7252, 7641, 7959 and 9175 with its own reader and writer of messages, and strict: what these say must be refused
// is refused. One thread of its own; every public call is thread-safe. Board "t1-coap" is described in
// drivers/coap/README.md. Throws Fault (virtual.*) from the constructor and start() only.

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>

#include <chrono>
#include <memory>
#include <optional>

namespace slipway {

struct VirtualCoapOptions {
    QString address = QStringLiteral("127.0.0.1"); // to listen on; IPv6 with zone where it needs one
    quint16 port = 0;                              // 0: any free one
    QString multicast;         // group to join as well, with zone: "ff02::fd%eth0"; port as given there or above
    int block = 1024;          // largest block it takes and gives; it asks for smaller ones than come
    bool refuseLarger = false; // larger blocks are answered 4.13 instead
    bool separate = false;     // acknowledges first and answers later
    std::chrono::milliseconds think{0}; // before a separate answer, and to check an image
    bool observes = true;

    QString board = QStringLiteral("t1-coap");
    QString serial;
    QByteArray eui64; // 8 bytes; empty: made from the seed
    QByteArray slot0; // MCUboot image; empty: an unsigned 1.0.0
    qint64 slotSize = 655360;
    QList<QByteArray> bootKeys;
    // SUIT: whose envelopes it takes (PEM; none: nobody's), what it is, and the manifest that it is at.
    QList<QByteArray> suitKeys;
    QByteArray suitVendor, suitClass; // 16 bytes; empty: those of the draft's examples
    quint64 suitSequence = 0;
    std::chrono::milliseconds rebootTime{150};

    // DTLS 1.2 where one of these is given.
    QByteArray pskIdentity, psk;
    QByteArray certificate, key; // PEM
    QByteArray anchors;          // PEM; given: the station must have a certificate under one of them

    quint64 seed = 1;
};

struct VirtualCoapFault {
    enum class Kind {
        Silence,         // no answer any more after `after` requests
        Lost,            // every `every`-th datagram of the device is lost, from number `after` on
        Late,            // every `every`-th answer is `delay` late
        Duplicate,       // every `every`-th answer comes twice
        RebootAt,        // restarts, once, when an upload has reached `after` bytes
        EtagChanges,     // every block of an answer has another ETag
        Endless,         // every block of an answer says that more follow
        SizeLies,        // Size2 says 10 bytes
        LargeBlocks,     // blocks of an answer are larger than they say
        WrongBlock,      // blocks of an answer come with a wrong number
        WrongFormat,     // answers claim content format 50 (JSON)
        Refuse,          // writing is refused: 4.03 with a diagnostic text
        ServerError,     // every `every`-th request is answered 5.00
        Busy,            // every `every`-th request is answered 5.03, Max-Age 1
        HugeLinks,       // /.well-known/core has thousands of links
        BadLinks,        // /.well-known/core is damaged in the middle
        ImageRefused,    // a complete image is found bad
        WrongHash,       // the image list shows another hash
        RefuseKeygen,    // no key is made
        CsrSignature,    // the request's signature does not hold
        CsrSerial,       // the request carries another serial number
        SignWrong,       // challenges are signed with another key
        CertificateLost, // the chain reads back empty
        StuckAfterReset, // a restart is the end
    };
    Kind kind = Kind::Silence;
    qint64 after = 0;
    int every = 1;
    std::chrono::milliseconds delay{0};

    // "silence:after=20", "late:delay=800ms,every=3". Throws virtual.fault with the nearest name, virtual.fault-option.
    static VirtualCoapFault parse(const QString &text);
    static QStringList names();
};

class VirtualCoap
{
public:
    explicit VirtualCoap(VirtualCoapOptions options = {});
    VirtualCoap(const VirtualCoap &) = delete;
    VirtualCoap &operator=(const VirtualCoap &) = delete;
    ~VirtualCoap();

    void start();
    void stop();
    QString path() const; // "coap://127.0.0.1:40123", "coaps://..."
    quint16 port() const;

    void setFault(const VirtualCoapFault &fault);
    void clearFaults();
    void reboot(); // as its reset button

    struct Facts {
        QString activeVersion;
        QByteArray activeHash, slot1Hash;
        bool activeConfirmed = false, pending = false;
        QString serial;
        QByteArray publicKey;
        QByteArray chain;
        qint64 requests = 0;    // well-formed, without repetitions
        qint64 repetitions = 0; // answered from memory
        qint64 malformed = 0;
        qint64 uploadedBytes = 0;
        int uploads = 0, restarts = 0, keysMade = 0, signatures = 0, sessions = 0, observers = 0;
    };
    Facts facts() const;
    std::optional<QByteArray> setting(const QString &name) const; // as it is in effect
    QByteArray file(const QString &name) const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
