#pragma once
// Where a CoAP device is, as the name of a port: "coap://192.0.2.7", "coap://[fe80::1%eth0]:5683",
// "coaps://board.example?psk=t1.psk" (RFC 7252 section 6). A zone is written as RFC 9844 has it in user interfaces; the
// "%25" of RFC 6874 is taken as well. Behind "?" stand the credentials, names of files joined by "&": psk, anchors,
// certificate, key, raw-public-key; and name=host or name=serial. Files only: no secret is part of a port's name.
// Throws coap.address, coap.zone, coap.unknown-host.

#include "core/base/task.h"

#include <QMap>
#include <QString>

#include <sys/socket.h>

namespace slipway {

struct CoapAddress {
    static constexpr int plainPort = 5683, securePort = 5684;

    bool secure = false;
    QString host; // without brackets, with its zone: "fe80::1%eth0"
    int port = 0;
    QMap<QString, QString> credentials; // "psk" -> name of the file

    static CoapAddress parse(const QString &text);
    // Without the credentials: "coap://[fe80::1%eth0]:5683".
    QString toString() const;
    // The host is a name and no number: it goes into Uri-Host and SNI.
    bool isName() const;
};

struct SocketAddress {
    sockaddr_storage address{};
    socklen_t size = 0;
};
// The first address of that host that this station can reach.
SocketAddress resolve(const CoapAddress &address);
// "fe80::1%eth0" without brackets.
QString hostText(const sockaddr *address, socklen_t size);
// Interfaces that are up and have IPv6 or IPv4, "eth0", for remedies and for discovery.
QStringList networkInterfaces();

} // namespace slipway
