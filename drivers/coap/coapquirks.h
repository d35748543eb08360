#pragma once
// Where boards have their resources: quirks.json, described in drivers/coap/README.md. Throws coap.quirks with what is
// wrong where, coap.board-unknown with the nearest name.

#include "drivers/coap/coapaddress.h"
#include "drivers/coap/resourcevalue.h"

#include <QList>
#include <QMap>
#include <QRegularExpression>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

struct CoapFact {
    enum class Form { Text, Eui64 };
    QString path;
    Form form = Form::Text;
};

// Names ("interval", "app/*") to resources ("/cfg/${name}").
struct CoapRule {
    enum class Read { Get, Fetch };
    enum class Write { Put, Post, IPatch };
    QString name; // "*" at its end stands for any rest, which is ${name}
    QString path;
    ResourceValue value;
    Read read = Read::Get;
    Write write = Write::Put;

    // The rule with ${name} filled in, or nothing when it is not for that name.
    std::optional<CoapRule> applied(const QString &to) const;
};

struct CoapImageNames {
    QString path, list; // list: the member that holds the array; empty: the body is the array
    bool json = false;
    QMap<QString, QString> names; // "hash" -> the device's name for it; where it is the same, not listed
    QString member(const QString &ours) const { return names.value(ours, ours); }
};

struct CoapBoardQuirks {
    QString name, description, source, date;
    QString resource, equals; // recognised by the text of a resource
    QString resourceType;     // or by the rt of some link
    int block = 1024;
    int retransmits = 4;
    int answerSeconds = 45, handshakeSeconds = 15, restartSeconds = 60, updateSeconds = 60;
    QMap<QString, QString> credentials; // as CoapAddress::credentials
    QMap<QString, CoapFact> facts;
    QList<CoapRule> settings, files;
    QString commit; // POST

    QString image, envelope; // PUT
    bool tellSize = true, tag = true;
    QString status; // GET, observed where the device does
    QRegularExpression ready, failed;
    CoapImageNames images;
    QString activate, activateTest, activatePermanent; // POST; with ${hash}
    QString confirm, eraseSlot;                        // POST; DELETE, with ${slot}
    qint64 slotBytes = 0;

    QString reset; // POST
    QString clock; // GET and PUT
    bool clockUnix = false;

    QString generate, request, sign, chain, identityStatus;
    QString inject; // PUT, application/pkcs8
    QRegularExpression generateLocked, identityPresent;
    QString chainForm; // "multipart", "pem", "der"

    bool hasFirmware() const { return !image.isEmpty() || !envelope.isEmpty(); }
    bool hasKeys() const { return !generate.isEmpty() && !request.isEmpty() && !sign.isEmpty() && !chain.isEmpty(); }
};

class CoapQuirks
{
public:
    // The built-in file, and before it the one that SLIPWAY_COAP_QUIRKS names. Files of credentials that it names
    // lie beside it.
    static CoapQuirks load();
    static CoapQuirks parse(const QByteArray &json, const QString &file);

    const QList<CoapBoardQuirks> &boards() const { return m_boards; }
    QStringList names() const;
    const CoapBoardQuirks &find(const QString &name) const;

private:
    QList<CoapBoardQuirks> m_boards;
};

} // namespace slipway
