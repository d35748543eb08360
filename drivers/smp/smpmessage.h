#pragma once
// One SMP request and one SMP response: header, CBOR map, and the error in it. Requests are definite-length maps with
// their members in the order given, as the servers' own tools send them; responses are mostly indefinite-length.

#include "core/base/fault.h"
#include "core/codec/smpheader.h"
#include "drivers/smp/smperrors.h"

#include <QCborMap>
#include <QCborValue>

#include <initializer_list>
#include <optional>
#include <utility>

namespace slipway {

struct SmpRequest {
    SmpHeader::Op op = SmpHeader::Read;
    quint16 group = 0;
    quint8 command = 0;
    QByteArray payload = QByteArrayLiteral("\xa0"); // one CBOR map

    using Members = std::initializer_list<std::pair<QLatin1String, QCborValue>>;
    static SmpRequest read(quint16 group, quint8 command, Members members = {});
    static SmpRequest write(quint16 group, quint8 command, Members members = {});
    // A CBOR map of the members, in this order.
    static QByteArray encodeMembers(Members members);

    // The whole packet. version: 0 is SMP version 1, 1 is version 2.
    QByteArray packet(quint8 version, quint8 sequence) const;
};

struct SmpReply {
    SmpHeader header;
    QCborMap body;
    std::optional<SmpError> error; // neither set for "rc: 0"
    QString unreadable;            // why the body cannot be understood; empty: it can

    // Nothing when the bytes are no SMP response at all. A body that is cut (its header claims more), too large or
    // no map gives a reply with `unreadable`.
    static std::optional<SmpReply> parse(QByteArrayView packet);

    bool ok() const { return !error && unreadable.isEmpty(); }
    // Throws for what is not ok: device.lacks or SmpRefusal for an error, smp.bad-reply. what: "read the setting x".
    void require(const QString &what) const;

    std::optional<qint64> integer(QLatin1String name) const;
    QString text(QLatin1String name) const; // made safe for one line; "" when absent
    bool flag(QLatin1String name) const;    // absent: false
};

// "The device refused to ...": carries the number as well.
class SmpRefusal : public Fault
{
public:
    SmpRefusal(const QString &what, const SmpError &error)
        : Fault("device.refused", {what, error.text()}, error.number()), m_error(error)
    {}
    const SmpError &error() const { return m_error; }

private:
    SmpError m_error;
};

} // namespace slipway
