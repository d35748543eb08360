#pragma once
// The resources of a virtual board "t1-coap", as drivers/coap/README.md describes them: identity, settings, files,
// firmware, clock, keys. Whole bodies in and out; blocks, retransmission and observation are the server's. No thread of
// its own.

#include "drivers/virtual/bootloader.h"
#include "drivers/virtual/deviceidentity.h"
#include "drivers/virtual/virtualcoap.h"

#include <QMap>

#include <chrono>
#include <utility>

namespace slipway {

class CoapFaultDesk;

struct CoapAnswer {
    quint8 code = 0;
    int format = -1; // none
    QByteArray body; // of an error: a diagnostic text
    bool etag = false;
    quint32 maxAge = 60;
};

class CoapBoard
{
public:
    CoapBoard(const VirtualCoapOptions &options, CoapFaultDesk &faults);

    // method: 1 GET ... 7 iPATCH. format, accept: -1 where the request has none.
    CoapAnswer handle(int method, const QString &path, int format, int accept, const QByteArray &body);
    // Bytes that a body for that resource may have.
    qint64 capacity(const QString &path) const;
    bool observable(const QString &path) const { return path == u"/fw/status" || path == u"/dev/time"; }
    // Paths that changed since the last call.
    QStringList takeChanged() { return std::exchange(m_changed, {}); }
    // The beginning of a body for that resource has come in.
    void receiving(const QString &path);
    void restart();
    // What takes time: the check of an image.
    void tick(std::chrono::steady_clock::time_point now);
    std::optional<std::chrono::steady_clock::time_point> due() const { return m_checkAt; }

    Bootloader boot;
    DeviceIdentity identity;
    QString serial;
    QByteArray eui64;
    QByteArray chain; // application/multipart-core
    QMap<QString, QByteArray> settings, saved, files;
    bool wantsRestart = false;
    int uploads = 0, keysMade = 0, signatures = 0, restarts = 0;

private:
    CoapAnswer id(int method, const QString &path, const QByteArray &body);
    CoapAnswer setting(int method, const QString &path, int format, const QByteArray &body);
    CoapAnswer pack(int method, int format, const QByteArray &body);
    CoapAnswer file(int method, const QString &path, const QByteArray &body);
    CoapAnswer firmware(int method, const QString &path, const QByteArray &body);
    CoapAnswer device(int method, const QString &path, const QByteArray &body);
    CoapAnswer key(int method, const QString &path, const QByteArray &body);
    QByteArray links() const;
    QByteArray images() const;
    void setStatus(const QString &status);
    void takeEnvelope(const QByteArray &envelope);
    quint64 suitSequence() const;

    const VirtualCoapOptions &m_options;
    CoapFaultDesk &m_faults;
    QByteArray m_vendor, m_class;
    QMap<QByteArray, quint64> m_sequences; // of installed images, by their hash
    QString m_status = QStringLiteral("idle");
    std::chrono::milliseconds m_clockOffset{0}; // against the station's
    QStringList m_changed;
    std::optional<std::chrono::steady_clock::time_point> m_checkAt;
};

} // namespace slipway
