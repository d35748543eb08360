#pragma once
// Whom a device on the link shows itself to be by TLS: neighbours on one interface (an ICMPv6 echo to all nodes, RFC
// 4861; and what the kernel knows already), and the certificates with which one of them answers a handshake. Only
// link-local addresses of an interface that somebody chose; no server name, no certificate of ours, and the connection
// ends with the handshake. A handshake that was completed proves that the peer has the private key.
//
// The idea is that of draft-richardson-iotops-mud-query, of which the abstract alone was to be had: port and steps are
// this station's own, and experimental. Trust is not judged here: the chain is the caller's to check.
// Throws link.no-interface, link.not-link-local, link.failed, base.stopped.

#include "core/base/task.h"

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>

namespace slipway {

struct TlsIdentity {
    enum class Outcome {
        Certificate,   // it showed one and proved its key
        NoCertificate, // a handshake without one
        NoTls,         // somebody answers, but not with TLS
        Refused,       // nobody listens on that port
        Silent,        // no answer
    };
    Outcome outcome = Outcome::Silent;
    QList<QByteArray> chain; // DER, the device's own first
    QString protocol;        // "TLSv1.3"
    QString detail;          // of a handshake that failed, for the log
};

// address: "fe80::1%eth0".
TlsIdentity readTlsIdentity(const QString &address, quint16 port, const Task &task);

// Link-local addresses with zone, sorted, our own left out. Asks until the deadline, or for two seconds.
QStringList linkLocalNeighbours(const QString &interface, const Task &task);

} // namespace slipway
