#include "core/mud/mudemission.h"

#include "core/base/fault.h"
#include "core/base/text.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longestLabel = 4296; // what the largest QR code holds
constexpr char recordSeparator = 30, endOfTransmission = 4, fieldSeparator = 28, groupSeparator = 29,
               unitSeparator = 31;

[[noreturn]] void bad(const QString &reason)
{
    throw Fault("mud.emission", {reason});
}

QByteArray labelStart()
{
    return QByteArray("[)>") + recordSeparator + "06" + groupSeparator + "12N";
}

QByteArray record(const char *field, const QString &text)
{
    if (text.isEmpty())
        return {};
    for (const QChar c : text) {
        if (c.unicode() < 0x20 || c.unicode() > 0x7e)
            bad(u"a label takes printable US-ASCII only, and %1 is none"_s.arg(oneLine(text, 40)));
    }
    return field + text.toLatin1() + unitSeparator;
}

QString withoutQuery(const QByteArray &url)
{
    const qsizetype query = url.indexOf('?');
    return QString::fromLatin1(query < 0 ? url : url.left(query));
}

} // namespace

QByteArray mudDhcp4Option(const MudUrl &url)
{
    return QByteArray(1, char(161)) + char(url.octets().size()) + url.octets();
}

QByteArray mudDhcp6Option(const MudUrl &url)
{
    return QByteArray("\0\x70\0", 3) + char(url.octets().size()) + url.octets();
}

MudUrl mudUrlFromDhcp(const QByteArray &content)
{
    if (content.size() > MudUrl::MaximumOctets)
        bad(u"the option has more than %1 octets"_s.arg(MudUrl::MaximumOctets));
    const qsizetype space = content.indexOf(' ');
    return MudUrl::parse(QString::fromLatin1(space < 0 ? content : content.left(space)));
}

QByteArray mudLldpTlv(const MudUrl &url)
{
    const auto length = quint16(4 + url.octets().size());
    const auto head = quint16(127 << 9 | length);
    return QByteArray(1, char(head >> 8)) + char(head & 0xff) + QByteArray("\0\0\x5e\x01", 4) + url.octets();
}

MudUrl mudUrlFromLldp(const QByteArray &tlv)
{
    if (tlv.size() < 6)
        bad(u"the TLV is too short"_s);
    const int head = quint8(tlv[0]) << 8 | quint8(tlv[1]);
    if (head >> 9 != 127 || tlv.mid(2, 4) != QByteArray("\0\0\x5e\x01", 4))
        bad(u"the TLV is not that of a MUD URL"_s);
    if ((head & 0x1ff) != tlv.size() - 2)
        bad(u"the TLV's length is not that of its content"_s);
    return MudUrl::parse(QString::fromLatin1(tlv.mid(6)));
}

QByteArray mudLabelText(const MudLabel &label)
{
    if (label.company.isEmpty() || label.model.isEmpty())
        bad(u"a label names the company and the model"_s);
    if (label.url.octets().contains('?'))
        bad(u"the URL on a label has no query"_s);
    QString mac = label.mac.toUpper();
    mac.remove(u':').remove(u'-').remove(u' ');
    if (!mac.isEmpty() && ((mac.size() != 12 && mac.size() != 16) || !fromHex(mac)))
        bad(u"%1 is no MAC address"_s.arg(oneLine(label.mac, 40)));
    return labelStart() + record("B000", label.company) + record("B001", label.product) + record("B002", label.model) +
           record("M180", label.url.text()) + record("M06C", mac) + recordSeparator + endOfTransmission;
}

MudLabel mudLabelFrom(const QString &scanned)
{
    if (scanned.size() > longestLabel)
        bad(u"no QR code holds that much"_s);
    const QByteArray text = scanned.trimmed().toLatin1();
    MudLabel out;
    if (!text.startsWith("[)>")) {
        out.url = MudUrl::parse(withoutQuery(text));
        return out;
    }
    const QByteArray start = labelStart();
    if (!text.startsWith(start))
        bad(u"the label does not begin as RFC 9238 has it"_s);
    QByteArray body = text.mid(start.size());
    const qsizetype end = body.indexOf(recordSeparator);
    if (end < 0)
        bad(u"the label is cut off"_s);
    body.truncate(end);
    QByteArray url;
    // Each unit of data begins anew; the first that has a MUD URL counts.
    for (const QByteArray &unit : body.split(fieldSeparator)) {
        out = {};
        for (const QByteArray &data : unit.split(unitSeparator)) {
            const QByteArray field = data.left(4), value = data.mid(4);
            if (field == "B000")
                out.company = oneLine(QString::fromLatin1(value), 80);
            else if (field == "B001")
                out.product = oneLine(QString::fromLatin1(value), 80);
            else if (field == "B002")
                out.model = oneLine(QString::fromLatin1(value), 80);
            else if (field == "M180")
                url = value;
            else if (field == "M06C") {
                for (const char c : value) {
                    if (!QByteArrayView(":- \t\r\n").contains(c))
                        out.mac += QChar::fromLatin1(c).toUpper();
                }
            }
        }
        if (!url.isEmpty())
            break;
    }
    if (url.isEmpty())
        bad(u"the label has no MUD URL (field M180)"_s);
    out.url = MudUrl::parse(withoutQuery(url));
    return out;
}

} // namespace slipway
