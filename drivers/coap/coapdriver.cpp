#include "drivers/coap/coapdriver.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/coap/coapdevice.h"
#include "drivers/coap/coapdiscovery.h"
#include "drivers/coap/coaptransfer.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr std::chrono::milliseconds discoverySpan{1500};
constexpr qsizetype longestName = 256;

} // namespace

QString CoapDriver::summary() const
{
    return u"CoAP over UDP and DTLS: resources, settings and firmware in blocks"_s;
}

QSet<Capability> CoapDriver::capabilities(const QString &board) const
{
    if (board.isEmpty()) // at most
        return {Capability::Blobs, Capability::Firmware, Capability::Keys,
                Capability::Reset, Capability::Clock,    Capability::KeyInjection};
    const CoapBoardQuirks &known = m_quirks.get().find(board);
    QSet<Capability> out{Capability::Blobs};
    if (known.hasFirmware())
        out << Capability::Firmware;
    if (known.hasKeys())
        out << Capability::Keys;
    if (known.hasKeys() && !known.inject.isEmpty())
        out << Capability::KeyInjection;
    if (!known.reset.isEmpty())
        out << Capability::Reset;
    if (!known.clock.isEmpty())
        out << Capability::Clock;
    return out;
}

QStringList CoapDriver::boards() const
{
    return m_quirks.orEmpty().names();
}

QList<PortInfo> CoapDriver::ports() const
{
    QList<PortInfo> out;
    try {
        for (const CoapNeighbour &neighbour : discoverCoap({}, discoverySpan, {})) {
            PortInfo info;
            info.port = neighbour.port;
            info.description =
                u"CoAP device on %1, %2 resources"_s.arg(neighbour.interface).arg(neighbour.links.links.size());
            info.driver = name();
            info.why = u"It answered when all CoAP devices were asked."_s;
            out << info;
        }
    } catch (const Fault &) {
        return out; // a station without a network has no such ports
    }
    return out;
}

CoapBoardQuirks CoapDriver::recognise(CoapClient &client, const LinkFormat &links, const Task &task) const
{
    QMap<QString, QString> told;
    for (const CoapBoardQuirks &board : m_quirks.orEmpty().boards()) {
        if (!board.resourceType.isEmpty()) {
            for (const CoreLink &link : links.links) {
                if (link.words(u"rt"_s).contains(board.resourceType))
                    return board;
            }
            continue;
        }
        // A list of resources that is whole and lacks this one need not be asked about.
        if (links.error.isEmpty() && !links.links.isEmpty() && !links.find(board.resource))
            continue;
        if (!told.contains(board.resource)) {
            CoapRequest request;
            request.path = board.resource;
            CoapTransfer how;
            how.limit = longestName;
            const CoapReply reply = carry(client, request, how, task.at(nullptr));
            told[board.resource] = reply.ok() ? QString::fromUtf8(reply.payload).trimmed() : QString();
        }
        if (told[board.resource] == board.equals)
            return board;
    }
    // Nobody has described it.
    CoapBoardQuirks unknown;
    for (const QString &words : std::as_const(told)) {
        if (unknown.name.isEmpty())
            unknown.name = oneLine(words, 64);
    }
    return unknown;
}

std::unique_ptr<Device> CoapDriver::open(const OpenOptions &options, const Task &task) const
{
    const CoapBoardQuirks *board = options.board.isEmpty() ? nullptr : &m_quirks.get().find(options.board);
    m_quirks.get(); // a broken file of quirks is told before the device is touched
    CoapClient::Options how;
    how.address = CoapAddress::parse(options.port);
    QMap<QString, QString> files = how.address.credentials;
    if (board) {
        how.block = board->block;
        how.retransmits = board->retransmits;
        how.answer = std::chrono::seconds(board->answerSeconds);
        how.handshake = std::chrono::seconds(board->handshakeSeconds);
        if (files.isEmpty())
            files = board->credentials;
    }
    if (how.address.secure)
        how.security = CoapSecurity::load(files);
    auto client = std::make_unique<CoapClient>(std::move(how));

    CoapRequest request;
    request.path = u"/.well-known/core"_s;
    CoapTransfer transfer;
    transfer.limit = LinkFormat::largest;
    LinkFormat links;
    try {
        const CoapReply reply = carry(*client, request, transfer, task.at(nullptr));
        if (reply.ok())
            links = LinkFormat::parse(reply.payload);
    } catch (const Fault &fault) {
        // A list that is too long or damaged says nothing, but the device is there.
        if (!fault.is("coap.endless") && !fault.is("coap.bad-blocks") && !fault.is("coap.changing"))
            throw;
        links.error = fault.sentence();
    }
    if (!links.error.isEmpty())
        task.say(u"The device's list of resources is not whole: %1."_s.arg(links.error));
    CoapBoardQuirks known = board ? *board : recognise(*client, links, task);
    return std::make_unique<CoapDevice>(std::move(client), std::move(known), std::move(links));
}

} // namespace slipway
