#include "core/mud/devicetraffic.h"

#include "core/base/fault.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr quint16 dnsPort = 53;
constexpr quint16 mdnsPort = 5353;
constexpr quint8 mostLooks = 4; // payloads of a flow that are searched for a name
constexpr qsizetype mostAddresses = 64;
constexpr qsizetype mostSenders = 64;
constexpr qsizetype mostServers = 32;
constexpr qsizetype mostStreams = 256;      // that wait for more
constexpr qsizetype longestStream = 65'538; // a DNS message with its length
constexpr qsizetype mostAhead = 8;          // segments that came too early
constexpr int shortestPrefix = 4;           // of a network: a shorter one would make half the world local

quint64 mixed(quint64 a)
{
    a ^= a >> 33;
    a *= 0xff51afd7ed558ccdULL;
    a ^= a >> 33;
    a *= 0xc4ceb9fe1a85ec53ULL;
    return a ^ (a >> 33);
}

bool isUnspecified(const IpAddress &address)
{
    return address.isNull() || address == IpAddress::fromV4("\0\0\0");
}

// What tells flows apart, and its hash.
struct Key {
    IpAddress device, peer;
    quint64 peerMac = 0; // counts where it is no IP
    quint64 numbers = 0; // ports, EtherType, protocol
    quint16 icmp = 0;    // type and code

    static quint64 pack(quint16 devicePort, quint16 peerPort, quint16 etherType, quint8 protocol)
    {
        return quint64(devicePort) << 48 | quint64(peerPort) << 32 | quint64(etherType) << 16 | quint64(protocol) << 8;
    }
    quint64 hash(bool isIp) const
    {
        return mixed(peer.hash() ^ device.hash() * 5 ^ numbers ^ (isIp ? quint64(icmp) << 1 : peerMac));
    }
};

quint64 hashOf(const TrafficFlow &flow)
{
    Key key;
    key.device = flow.device;
    key.peer = flow.peer;
    key.peerMac = flow.peerMac;
    key.numbers = Key::pack(flow.devicePort, flow.peerPort, flow.etherType, flow.protocol);
    key.icmp = quint16(flow.icmpType << 8 | flow.icmpCode);
    return key.hash(flow.isIp());
}

bool isIcmp(const DecodedPacket &packet)
{
    return packet.isIp &&
           (IpProtocol(packet.protocol) == IpProtocol::Icmp || IpProtocol(packet.protocol) == IpProtocol::Icmp6);
}

template <typename T> void addOnce(QList<T> &list, const T &value, qsizetype most = mostServers)
{
    if (list.size() < most && !list.contains(value))
        list << value;
}

// RFC 1035 section 4.2.2: two octets of length before each message.
qsizetype dnsOverTcpSize(QByteArrayView bytes)
{
    return quint8(bytes[0]) << 8 | quint8(bytes[1]);
}

} // namespace

quint16 TrafficFlow::servicePort() const
{
    switch (initiator) {
    case Initiator::Device:
        return peerPort;
    case Initiator::Peer:
        return devicePort;
    case Initiator::Unknown:
        break;
    }
    return std::min(devicePort, peerPort);
}

bool TrafficFlow::deviceAnswered() const
{
    if (fromPackets == 0)
        return false;
    if (!isTcp())
        return true;
    return (fromTcpFlags & TcpSyn) != 0 || (fromTcpFlags & TcpRst) == 0;
}

QString TrafficFlow::protocolText() const
{
    if (!isIp())
        return etherType == 0 ? u"IEEE 802.3 frames"_s : u"EtherType 0x%1"_s.arg(uint(etherType), 4, 16, QChar(u'0'));
    switch (IpProtocol(protocol)) {
    case IpProtocol::Tcp:
        return u"TCP"_s;
    case IpProtocol::Udp:
        return u"UDP"_s;
    case IpProtocol::Icmp:
        return u"ICMP"_s;
    case IpProtocol::Icmp6:
        return u"ICMPv6"_s;
    case IpProtocol::Igmp:
        return u"IGMP"_s;
    case IpProtocol::HopByHop:
        break;
    }
    return u"IP protocol %1"_s.arg(int(protocol));
}

TrafficRecorder::Device TrafficRecorder::Device::parse(const QString &text)
{
    Device device;
    device.mac = parseMac(text);
    if (device.mac)
        return device;
    const auto address = IpAddress::parse(text);
    if (!address)
        throw Fault("mud.device", {text});
    device.addresses << *address;
    return device;
}

TrafficRecorder::TrafficRecorder(const Device &device) : m_device(device), m_table(1024)
{
    m_traffic.addresses = device.addresses;
}

TrafficRecorder::Side TrafficRecorder::sideOf(const DecodedPacket &packet)
{
    if (m_device.mac) {
        if (packet.hasSourceMac && packet.sourceMac == *m_device.mac) {
            if (packet.isIp && packet.source != m_lastSource && !packet.source.isMulticast() &&
                !isUnspecified(packet.source))
                addOnce(m_traffic.addresses, packet.source, mostAddresses);
            m_lastSource = packet.source;
            return Side::From;
        }
        if (packet.hasDestinationMac)
            return packet.destinationMac == *m_device.mac ? Side::To : Side::Neither;
        // A cooked capture: others' packets to an address of the device.
        return packet.isIp && m_traffic.addresses.contains(packet.destination) ? Side::To : Side::Neither;
    }
    if (!packet.isIp)
        return Side::Neither;
    if (m_traffic.addresses.contains(packet.source))
        return Side::From;
    return m_traffic.addresses.contains(packet.destination) ? Side::To : Side::Neither;
}

// The ports, or the ICMP type, of a datagram whose first fragment went by.
void TrafficRecorder::resolveFragment(DecodedPacket &packet)
{
    if (!packet.fragment)
        return;
    const quint64 key = mixed(packet.source.hash() ^ packet.destination.hash() * 3 ^
                              (quint64(packet.fragmentId) << 8 | packet.protocol));
    Fragment &place = m_fragments[key % m_fragments.size()];
    if (packet.hasPorts) {
        place = {key, packet.sourcePort, packet.destinationPort};
    } else if (packet.hasIcmp) {
        place = {key, packet.icmpType, packet.icmpCode};
    } else if (place.key == key && isIcmp(packet)) {
        packet.hasIcmp = true;
        packet.icmpType = quint8(place.sourcePort);
        packet.icmpCode = quint8(place.destinationPort);
    } else if (place.key == key) {
        packet.hasPorts = true;
        packet.sourcePort = place.sourcePort;
        packet.destinationPort = place.destinationPort;
    }
}

void TrafficRecorder::grow()
{
    std::vector<Place> table(m_table.size() * 2);
    const size_t mask = table.size() - 1;
    for (const Place &place : m_table) {
        if (place.flow == 0)
            continue;
        size_t at = hashOf(m_traffic.flows[place.flow - 1]) & mask;
        while (table[at].flow != 0)
            at = (at + 1) & mask;
        table[at] = place;
    }
    m_table = std::move(table);
}

TrafficFlow *TrafficRecorder::flowOf(const DecodedPacket &packet, Side side)
{
    const bool from = side == Side::From;
    const quint16 devicePort = from ? packet.sourcePort : packet.destinationPort;
    const quint16 peerPort = from ? packet.destinationPort : packet.sourcePort;
    Key key;
    key.device = from ? packet.source : packet.destination;
    key.peer = from ? packet.destination : packet.source;
    key.peerMac =
        from ? (packet.hasDestinationMac ? packet.destinationMac : 0) : (packet.hasSourceMac ? packet.sourceMac : 0);
    key.numbers = Key::pack(devicePort, peerPort, packet.etherType, packet.protocol);
    key.icmp = quint16(packet.icmpType << 8 | packet.icmpCode);
    const quint64 hash = key.hash(packet.isIp);
    const auto tag = quint32(hash >> 32);
    const size_t mask = m_table.size() - 1;
    size_t at = hash & mask;
    const bool oneWay = isIcmp(packet); // each direction of ICMP is a flow of its own
    for (; m_table[at].flow != 0; at = (at + 1) & mask) {
        if (m_table[at].tag != tag)
            continue;
        TrafficFlow &flow = m_traffic.flows[m_table[at].flow - 1];
        if (flow.devicePort == devicePort && flow.peerPort == peerPort && flow.protocol == packet.protocol &&
            flow.etherType == packet.etherType && flow.peer == key.peer && flow.device == key.device &&
            flow.icmpType == packet.icmpType && flow.icmpCode == packet.icmpCode &&
            (packet.isIp || flow.peerMac == key.peerMac) && (!oneWay || (flow.fromPackets > 0) == from))
            return &flow;
    }
    if (m_traffic.flows.size() >= DeviceTraffic::MaximumFlows) {
        ++m_traffic.unfollowed;
        return nullptr;
    }
    TrafficFlow &flow = m_traffic.flows.emplace_back();
    flow.device = key.device;
    flow.peer = key.peer;
    flow.peerMac = key.peerMac;
    flow.etherType = packet.etherType;
    flow.protocol = packet.protocol;
    flow.group = from && packet.isGroup();
    flow.portsKnown = packet.hasPorts || packet.hasIcmp;
    flow.devicePort = devicePort;
    flow.peerPort = peerPort;
    flow.icmpType = packet.icmpType;
    flow.icmpCode = packet.icmpCode;
    m_table[at] = {quint32(m_traffic.flows.size()), tag};
    if (m_traffic.flows.size() * 2 > m_table.size())
        grow();
    return &m_traffic.flows.back();
}

void TrafficRecorder::take(const CapturedPacket &captured)
{
    ++m_traffic.packets;
    m_traffic.bytes += captured.wireLength;
    if (m_traffic.packets == 1)
        m_traffic.firstNs = captured.atNs;
    m_traffic.firstNs = std::min(m_traffic.firstNs, captured.atNs);
    m_traffic.lastNs = std::max(m_traffic.lastNs, captured.atNs);
    DecodedPacket packet;
    if (!decodePacket(captured.link, captured.bytes, packet)) {
        ++m_traffic.damaged;
        return;
    }
    if (packet.damaged)
        ++m_traffic.damaged;
    resolveFragment(packet);
    const Side side = sideOf(packet);
    if (side == Side::Neither) {
        if (packet.hasSourceMac) {
            const auto sender = m_traffic.senders.find(packet.sourceMac);
            if (sender != m_traffic.senders.end())
                ++*sender;
            else if (m_traffic.senders.size() < mostSenders)
                m_traffic.senders.insert(packet.sourceMac, 1);
        }
        readContent(packet, side, nullptr, captured.atNs);
        return;
    }
    ++m_traffic.devicePackets;
    TrafficFlow *flow = flowOf(packet, side);
    if (!flow) {
        readContent(packet, side, nullptr, captured.atNs);
        return;
    }
    const bool from = side == Side::From;
    if (flow->initiator == TrafficFlow::Initiator::Unknown) {
        using Initiator = TrafficFlow::Initiator;
        if (!flow->isTcp())
            flow->initiator = from ? Initiator::Device : Initiator::Peer;
        else if (packet.tcpFlags & TcpSyn)
            flow->initiator = from == ((packet.tcpFlags & TcpAck) == 0) ? Initiator::Device : Initiator::Peer;
    }
    if (!m_streams.isEmpty() && flow->isTcp() && (packet.tcpFlags & (TcpSyn | TcpRst)) != 0)
        m_streams.remove(streamOf(*flow, from));
    (from ? flow->fromPackets : flow->toPackets) += 1;
    (from ? flow->fromBytes : flow->toBytes) += captured.wireLength;
    (from ? flow->fromTcpFlags : flow->toTcpFlags) |= packet.tcpFlags;
    flow->firstNs = std::min(flow->firstNs, captured.atNs);
    flow->lastNs = std::max(flow->lastNs, captured.atNs);
    readContent(packet, side, flow, captured.atNs);
}

void TrafficRecorder::readContent(const DecodedPacket &packet, Side side, TrafficFlow *flow, qint64 atNs)
{
    if (packet.payload.isEmpty())
        return;
    if (EtherType(packet.etherType) == EtherType::Lldp) {
        const QByteArray url = lldpMudUrl(packet.payload);
        if (!url.isEmpty() && side == Side::From)
            m_traffic.mudUrls.insert(u"lldp"_s, url);
        else if (!url.isEmpty() && packet.hasSourceMac && m_traffic.otherThings.size() < mostSenders)
            m_traffic.otherThings.insert(packet.sourceMac, url);
        return;
    }
    if (!packet.isIp)
        return;
    if (packet.fragment && !packet.firstFragment)
        return;
    if (packet.hasIcmp && IpProtocol(packet.protocol) == IpProtocol::Icmp6 && packet.icmpType == 134) {
        if (const auto facts = routerAdvertisement(packet.payload); facts && side != Side::From) {
            addOnce(m_traffic.routers, packet.source);
            for (const IpPrefix &prefix : facts->prefixes) {
                if (prefix.length >= shortestPrefix)
                    addOnce(m_traffic.prefixes, prefix);
            }
            for (const IpAddress &server : facts->dnsServers)
                addOnce(m_traffic.dnsServers, server);
        }
        return;
    }
    if (!packet.hasPorts)
        return;
    const quint16 source = packet.sourcePort;
    const quint16 destination = packet.destinationPort;
    if (IpProtocol(packet.protocol) == IpProtocol::Tcp) {
        if (flow && side != Side::Neither)
            readStream(packet, side, *flow, atNs);
        return;
    }
    if (IpProtocol(packet.protocol) != IpProtocol::Udp)
        return;
    if (source == dnsPort || destination == dnsPort) {
        if (side != Side::Neither)
            readDns(packet.payload, side == Side::From, side == Side::To, false, atNs);
    } else if (source == mdnsPort) {
        readDns(packet.payload, side == Side::From, side == Side::To, true, atNs);
    } else if ((source == 68 && destination == 67) || (source == 67 && destination == 68)) {
        if (const auto facts = dhcp4(packet.payload))
            readDhcp(*facts, "dhcp", packet, side);
    } else if ((source == 546 && destination == 547) || (source == 547 && destination == 546)) {
        if (const auto facts = dhcp6(packet.payload))
            readDhcp(*facts, "dhcp6", packet, side);
    } else if (flow && destination == 443 && side == Side::From && !flow->quic) {
        flow->quic = isQuicLongHeader(packet.payload);
    }
}

quint64 TrafficRecorder::streamOf(const TrafficFlow &flow, bool from) const
{
    return quint64(&flow - m_traffic.flows.data()) << 1 | quint64(from);
}

qsizetype TrafficRecorder::readPart(QByteArrayView bytes, bool dns, bool from, TrafficFlow &flow, qint64 atNs)
{
    if (!dns) {
        flow.askedFor = bytes[0] == 22 ? tlsServerName(bytes) : httpHost(bytes);
        if (!flow.askedFor.isEmpty())
            flow.looked = mostLooks;
        return flow.askedFor.isEmpty() && isCutBeginning(bytes) ? 0 : -1;
    }
    qsizetype done = 0;
    while (bytes.size() - done >= 2) {
        const QByteArrayView rest = bytes.sliced(done);
        const qsizetype size = dnsOverTcpSize(rest);
        if (size < 12) // no header: it is out of step
            return -1;
        if (size > rest.size() - 2)
            break;
        readDns(rest.sliced(2, size), from, !from, false, atNs);
        done += 2 + size;
    }
    return done == bytes.size() ? -1 : done;
}

// Nearly always one segment holds it all, and nothing is kept.
void TrafficRecorder::readStream(const DecodedPacket &packet, Side side, TrafficFlow &flow, qint64 atNs)
{
    const bool from = side == Side::From;
    const bool dns = packet.sourcePort == dnsPort || packet.destinationPort == dnsPort;
    QByteArrayView payload = packet.payload;
    const quint64 key = streamOf(flow, from);
    const auto found = m_streams.isEmpty() ? m_streams.end() : m_streams.find(key);
    if (found == m_streams.end()) {
        if (!dns && (!from || flow.looked >= mostLooks))
            return;
        if (!dns)
            ++flow.looked;
        const qsizetype done = readPart(payload, dns, from, flow, atNs);
        if (done < 0)
            return;
        if (m_streams.size() >= mostStreams)
            m_streams.erase(std::min_element(m_streams.begin(), m_streams.end(),
                                             [](const Stream &a, const Stream &b) { return a.atNs < b.atNs; }));
        m_streams.insert(key,
                         {payload.sliced(done).toByteArray(), packet.tcpSequence + quint32(payload.size()), {}, atNs});
        return;
    }
    Stream &stream = *found;
    stream.atNs = atNs;
    // A capture that began in the middle of a message: what is whole by itself is in step again.
    if (dns && !((from ? flow.fromTcpFlags : flow.toTcpFlags) & TcpSyn) && payload.size() > 14 &&
        dnsOverTcpSize(payload) == payload.size() - 2) {
        m_streams.erase(found);
        readDns(payload.sliced(2), from, !from, false, atNs);
        return;
    }
    quint32 sequence = packet.tcpSequence;
    QByteArray early; // holds what payload looks at
    for (;;) {
        const auto distance = qint32(sequence - stream.next);
        if (distance > 0) {
            if (stream.ahead.size() >= mostAhead || distance > longestStream) {
                m_streams.erase(found);
                return;
            }
            stream.ahead.append({sequence, payload.toByteArray()});
            return;
        }
        if (-qint64(distance) < payload.size()) { // else it was there before
            const QByteArrayView fresh = payload.sliced(-qsizetype(distance));
            stream.bytes.append(fresh);
            stream.next += quint32(fresh.size());
        }
        const auto next = std::find_if(stream.ahead.begin(), stream.ahead.end(),
                                       [&](const auto &one) { return qint32(one.first - stream.next) <= 0; });
        if (next == stream.ahead.end())
            break;
        sequence = next->first;
        early = std::move(next->second);
        payload = early;
        stream.ahead.erase(next);
    }
    const qsizetype done = readPart(stream.bytes, dns, from, flow, atNs);
    if (done < 0 || stream.bytes.size() - done > longestStream)
        m_streams.erase(found);
    else
        stream.bytes.remove(0, done);
}

void TrafficRecorder::readDns(QByteArrayView payload, bool fromDevice, bool toDevice, bool multicast, qint64 atNs)
{
    const auto message = DnsMessage::parse(payload);
    if (!message)
        return;
    if (multicast) {
        if (!message->response || fromDevice)
            return;
        DnsMessage local = *message; // no word about names outside the link (RFC 6762 section 3)
        std::erase_if(local.answers, [](const DnsMessage::Answer &a) { return !a.name.endsWith(".local"); });
        m_traffic.names.add(local, atNs);
        return;
    }
    if (fromDevice && !message->response) {
        for (const DnsMessage::Question &question : message->questions) {
            if (question.name.isEmpty())
                continue;
            auto asked = m_traffic.asked.find(question.name);
            if (asked == m_traffic.asked.end()) {
                if (m_traffic.asked.size() >= DeviceTraffic::MaximumNames)
                    return;
                asked = m_traffic.asked.insert(question.name, {0, atNs, false, false});
            }
            ++asked->count;
        }
    } else if (toDevice && message->response) {
        m_traffic.names.add(*message, atNs);
        for (const DnsMessage::Question &question : message->questions) {
            const auto asked = m_traffic.asked.find(question.name);
            if (asked == m_traffic.asked.end())
                continue;
            if (message->code == 0 && !message->answers.empty())
                asked->answered = true;
            asked->onlyMissing = !asked->answered && message->code == 3;
        }
    }
}

void TrafficRecorder::readDhcp(const DhcpFacts &facts, const char *name, const DecodedPacket &packet, Side side)
{
    const bool ours = side != Side::Neither || (m_device.mac && facts.client == *m_device.mac);
    if (!facts.reply) {
        if (side == Side::From) {
            if (!facts.mudUrl.isEmpty())
                m_traffic.mudUrls.insert(QString::fromLatin1(name), facts.mudUrl);
            if (!facts.hostName.isEmpty())
                m_traffic.hostName = facts.hostName;
        } else if (!facts.mudUrl.isEmpty() && packet.hasSourceMac && m_traffic.otherThings.size() < mostSenders) {
            m_traffic.otherThings.insert(packet.sourceMac, facts.mudUrl);
        }
        return;
    }
    if (!ours || side == Side::From) // what a device tells itself proves nothing
        return;
    for (const IpAddress &server : facts.dnsServers)
        addOnce(m_traffic.dnsServers, server);
    for (const IpAddress &server : facts.ntpServers)
        addOnce(m_traffic.ntpServers, server);
    for (const IpAddress &router : facts.routers)
        addOnce(m_traffic.routers, router);
    if (facts.prefix >= shortestPrefix && !facts.assigned.isNull() && facts.assigned != IpAddress::fromV4("\0\0\0")) {
        // With the host's bits cleared.
        auto octets = facts.assigned.bytes();
        for (int bit = 96 + facts.prefix; bit < 128; ++bit)
            octets[size_t(bit / 8)] &= quint8(~(0x80 >> bit % 8));
        addOnce(m_traffic.prefixes,
                IpPrefix{IpAddress::fromV6(reinterpret_cast<const char *>(octets.data())), 96 + facts.prefix});
    }
}

void TrafficRecorder::takeAll(PacketSource &source, const Task &task)
{
    CapturedPacket packet;
    while (source.next(packet, task))
        take(packet);
    endOf(source);
}

void TrafficRecorder::endOf(const PacketSource &source)
{
    m_traffic.lost = source.lost();
    m_traffic.remark = source.remark();
}

DeviceTraffic TrafficRecorder::finish()
{
    std::stable_sort(m_traffic.flows.begin(), m_traffic.flows.end(),
                     [](const TrafficFlow &a, const TrafficFlow &b) { return a.firstNs < b.firstNs; });
    m_streams.clear();
    m_table.clear();
    m_table.resize(1024);
    return std::move(m_traffic);
}

} // namespace slipway
