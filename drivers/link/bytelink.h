#pragma once
// A pipe of bytes or datagrams to a device: serial port, pseudo-terminal, UDP. Blocking calls with a deadline and a
// stop token on every wait; full duplex from one thread (wait() for both directions, then readSome() and writeSome()).
// Used by one thread. Throws base.stopped and link.*; link.gone when the other end went away.

#include "core/base/task.h"

#include <QByteArray>
#include <QByteArrayView>
#include <QString>

#include <memory>
#include <stop_token>

namespace slipway {

struct LinkInfo {
    QString port;           // as asked for: "/dev/ttyUSB0", "udp:192.0.2.7:1337"
    QString line;           // for people: "921 600 baud", "UDP"
    QString topology;       // USB path or by-path name, empty: none
    int baud = 0;           // 0: not a line with a rate, or a pseudo-terminal whose rate nobody told
    bool datagrams = false; // readSome() and writeSome() take whole datagrams
    qsizetype datagram = 0; // largest that arrives in one piece
    double bytesPerSecond() const { return baud / 10.0; } // 8N1; 0: unknown
};

class ByteLink
{
public:
    enum Event { Readable = 1, Writable = 2 };

    virtual ~ByteLink() = default;
    virtual const LinkInfo &info() const = 0;
    // Which of the wanted events hold; 0 at the deadline.
    virtual int wait(int wanted, Deadline deadline, const std::stop_token &stop) = 0;
    // What is there now, at most size bytes; after wait() said Readable. With datagrams one of them.
    virtual qsizetype readSome(char *to, qsizetype size) = 0;
    // Takes what it can now and returns how much. With datagrams all or nothing.
    virtual qsizetype writeSome(QByteArrayView bytes) = 0;
    // Forgets what came in and was not read.
    virtual void discardInput() = 0;
    // Opens the port anew after the device went away and comes back, perhaps under another name: waits for it until
    // the task's deadline. Throws link.gone when it does not come.
    virtual void reopen(const Task &task) = 0;
    // Another rate, on links that have one; throws link.settings.
    virtual void setBaud(int baud) = 0;
    // Modem lines of a serial port, true: asserted (low on the wire); many boards wire them to reset and boot mode.
    // Returns false where there are none: a pseudo-terminal, a socket.
    virtual bool setSignals(bool dtr, bool rts);

    // The simple way, for protocols that ask and wait: what came, or nothing at the deadline.
    QByteArray read(Deadline deadline, const std::stop_token &stop);
    // All of it, or base.timeout.
    void write(QByteArrayView bytes, Deadline deadline, const std::stop_token &stop);
};

struct LinkOptions {
    QString port; // "/dev/ttyUSB0", a link to a pseudo-terminal, "udp:host:port"
    int baud = 0; // 0: 115 200 on a serial port; on a pseudo-terminal: as its other end says
    int defaultUdpPort = 0;
    bool hardwareFlowControl = false;
    bool evenParity = false; // 8E1, as some ROM loaders want; a pseudo-terminal takes no parity and stays at 8N1
};

// Opens whatever the name means.
std::unique_ptr<ByteLink> openLink(const LinkOptions &options, const Task &task);

} // namespace slipway
