// Our requests are byte for byte those that real servers were recorded with, and every recorded answer is understood.

#include "core/codec/consoleframing.h"
#include "core/codec/smpheader.h"
#include "drivers/link/fdlink.h"
#include "drivers/smp/imageupload.h"
#include "drivers/smp/smpfiles.h"
#include "drivers/smp/smpimages.h"
#include "drivers/smp/smpos.h"
#include "drivers/smp/smpsettings.h"
#include "drivers/smp/smpshell.h"
#include "tests/support/smpcapture.h"
#include "tests/support/testmain.h"

#include <QCborArray>
#include <QFile>

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/smp/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// A server that knows one recorded exchange: answers it when the request is the recorded one, byte for byte but for
// the sequence number.
class OneExchange
{
public:
    explicit OneExchange(const SmpExchange &exchange) : m_exchange(exchange)
    {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
            qFatal("socketpair");
        m_host = ends[0];
        m_thread = std::jthread([this, fd = ends[1]] { serve(fd); });
    }
    SmpClient client()
    {
        LinkInfo info;
        info.port = u"recorded"_s;
        SmpClient client(std::make_unique<FdLink>(m_host, info), SmpFraming::Console);
        client.setVersion((m_exchange.request[0] >> 3) & 3);
        return client;
    }
    QByteArray asked() const { return m_asked; } // after the client is gone

    void join() { m_thread.join(); }

private:
    void serve(int fd)
    {
        ConsoleDeframer deframer;
        QByteArray buffer(8192, '\0');
        for (;;) {
            const ssize_t n = ::recv(fd, buffer.data(), size_t(buffer.size()), 0);
            if (n <= 0)
                break;
            deframer.feed(QByteArrayView(buffer).first(n));
            QByteArray packet;
            while (deframer.next(packet)) {
                const char sequence = packet[6];
                packet[6] = m_exchange.request[6];
                m_asked = packet;
                if (packet != m_exchange.request || m_exchange.response.isEmpty())
                    continue;
                QByteArray answer = m_exchange.response;
                if (answer[6] == m_exchange.request[6]) // one recorded answer carries a stale number; it stays stale
                    answer[6] = sequence;
                const QByteArray framed = ConsoleFramer::frame(answer);
                [[maybe_unused]] const auto sent = ::send(fd, framed.data(), size_t(framed.size()), MSG_NOSIGNAL);
            }
        }
        ::close(fd);
    }

    SmpExchange m_exchange;
    int m_host;
    QByteArray m_asked;
    std::jthread m_thread;
};

// What our own functions ask, by the name of the recorded exchange.
using Call = std::function<void(SmpClient &, const Task &)>;
QMap<QString, Call> calls()
{
    const QByteArray none(32, '\0');
    return {
        {u"os echo"_s,
         [](SmpClient &c, const Task &t) { QCOMPARE(smp::echo(c, u"Hello, factory"_s, t), u"Hello, factory"_s); }},
        {u"os mcumgr params"_s, [](SmpClient &c, const Task &t) { smp::askParameters(c, t); }},
        {u"os info all"_s, [](SmpClient &c, const Task &t) { smp::osInfo(c, u"a"_s, t); }},
        {u"os bootloader info"_s, [](SmpClient &c, const Task &t) { smp::bootLoader(c, t); }},
        {u"os datetime read"_s, [](SmpClient &c, const Task &t) { smp::time(c, t); }},
        {u"os reset"_s, [](SmpClient &c, const Task &t) { smp::askRestart(c, t); }},
        {u"os echo empty map (missing d)"_s, [](SmpClient &c, const Task &t) { smp::isSerialRecovery(c, t); }},
        {u"img list"_s, [](SmpClient &c, const Task &t) { smp::imageList(c, t); }},
        {u"img erase slot 1"_s, [](SmpClient &c, const Task &t) { smp::eraseSlot(c, std::nullopt, t); }},
        {u"img state write unknown hash"_s,
         [none](SmpClient &c, const Task &t) { smp::setImageState(c, none, false, t); }},
        {u"img state confirm running (no hash)"_s,
         [](SmpClient &c, const Task &t) { smp::setImageState(c, {}, true, t); }},
        {u"fs status"_s, [](SmpClient &c, const Task &t) { QCOMPARE(smp::fileSize(c, u"/lfs1/t.bin"_s, t), 512); }},
        {u"fs hash sha256"_s,
         [](SmpClient &c, const Task &t) { QCOMPARE(smp::fileSha256(c, u"/lfs1/t.bin"_s, t)->size(), 32); }},
        {u"fs hash types"_s, [](SmpClient &c, const Task &t) { QCOMPARE(smp::hashTypes(c, t)->size(), 2); }},
        {u"fs close"_s, [](SmpClient &c, const Task &t) { smp::closeFiles(c, t); }},
        {u"fs download missing"_s, [](SmpClient &c, const Task &t) { smp::downloadFile(c, u"/lfs1/none"_s, 1000, t); }},
        {u"stat list"_s, [](SmpClient &c, const Task &t) { QVERIFY(smp::statisticGroups(c, t).size() >= 3); }},
        {u"stat show smp_svr_stats"_s,
         [](SmpClient &c, const Task &t) {
             const auto values = smp::statistics(c, u"smp_svr_stats"_s, t);
             QVERIFY(values.contains(u"ticks"_s) && values.value(u"s1"_s, -1) == 0);
         }},
        {u"stat show missing"_s, [](SmpClient &c, const Task &t) { smp::statistics(c, u"zzz"_s, t); }},
        {u"settings write"_s, [](SmpClient &c, const Task &t) { smp::writeSetting(c, u"id/serial"_s, "SN0001", t); }},
        {u"settings read"_s, [](SmpClient &c, const Task &t) { smp::readSetting(c, u"id/serial"_s, t); }},
        {u"settings save"_s, [](SmpClient &c, const Task &t) { smp::saveSettings(c, t); }},
        {u"settings load"_s, [](SmpClient &c, const Task &t) { smp::loadSettings(c, t); }},
        {u"settings commit"_s, [](SmpClient &c, const Task &t) { smp::commitSettings(c, t); }},
        {u"settings delete"_s, [](SmpClient &c, const Task &t) { smp::deleteSetting(c, u"id/serial"_s, t); }},
        {u"shell exec kernel version"_s,
         [](SmpClient &c, const Task &t) {
             const auto result = smp::runShell(c, u"kernel version"_s, false, t);
             QCOMPARE(result.output, u"Zephyr version 3.4.99"_s);
             QCOMPARE(result.status, 0);
         }},
        {u"shell exec unknown"_s,
         [](SmpClient &c, const Task &t) {
             const auto result = smp::runShell(c, u"nosuch"_s, false, t);
             QCOMPARE(result.output, u"nosuch: command not found"_s);
             QCOMPARE(result.status, -8);
         }},
        {u"zephyr basic storage erase"_s, [](SmpClient &c, const Task &t) { smp::eraseStorage(c, t); }},
    };
}

} // namespace

class TestSmpCapture : public QObject
{
    Q_OBJECT

private:
    void files()
    {
        QTest::addColumn<QString>("name");
        for (const char *name :
             {"zephyr-serial", "zephyr-serial-smp-v1", "zephyr-serial-2048-verbose", "zephyr-shell-console",
              "zephyr-shell-frugal-legacyrc", "mcuboot-serial-recovery", "zephyr-udp"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }

private Q_SLOTS:
    void encoding_data() { files(); }
    // Every recorded request comes out of our encoder again, header and members in their order.
    void encoding()
    {
        QFETCH(QString, name);
        const auto exchanges = smpExchanges(data(name + u".decoded.txt"_s));
        QVERIFY(exchanges.size() > 20);
        for (const SmpExchange &exchange : exchanges) {
            const auto header = SmpHeader::decode(exchange.request);
            QVERIFY(header);
            SmpRequest request;
            request.op = header->op;
            request.group = header->group;
            request.command = header->command;
            const QCborMap map = QCborValue::fromCbor(exchange.request.mid(SmpHeader::size)).toMap();
            request.payload = QCborValue(map).toCbor();
            QCOMPARE(request.packet(header->version, header->sequence).toHex(), exchange.request.toHex());
        }
    }

    void decoding_data() { files(); }
    // Every recorded answer is understood; those that are errors say so in words.
    void decoding()
    {
        QFETCH(QString, name);
        int errors = 0, cut = 0;
        for (const SmpExchange &exchange : smpExchanges(data(name + u".decoded.txt"_s))) {
            if (exchange.response.isEmpty())
                continue;
            const auto reply = SmpReply::parse(exchange.response);
            QVERIFY2(reply, qPrintable(exchange.name));
            const auto request = SmpHeader::decode(exchange.request);
            QCOMPARE(reply->header.op, SmpHeader::responseTo(request->op));
            if (reply->unreadable.isEmpty())
                QCOMPARE(reply->header.sequence, request->sequence);
            if (!reply->unreadable.isEmpty()) {
                ++cut;
                QCOMPARE(exchange.name, u"stat show missing"_s); // header of 42 bytes, no body
                continue;
            }
            if (!reply->error)
                continue;
            ++errors;
            const QString words = reply->error->text();
            QVERIFY2(!words.contains(u"error "_s) || words == u"no error"_s,
                     qPrintable(exchange.name + u": "_s + words));
        }
        QVERIFY(errors >= 4);
        QCOMPARE(cut, name == u"zephyr-serial-smp-v1"_s ? 1 : 0);
    }

    void functions_data() { files(); }
    // Our own functions ask what was recorded, and take the recorded answer for what it is.
    void functions()
    {
        QFETCH(QString, name);
        const auto known = calls();
        int called = 0;
        for (const SmpExchange &exchange : smpExchanges(data(name + u".decoded.txt"_s))) {
            if (!known.contains(exchange.name) || exchange.response.isEmpty())
                continue;
            ++called;
            OneExchange server(exchange);
            const auto reply = SmpReply::parse(exchange.response);
            QString fault;
            {
                SmpClient client = server.client();
                Task task;
                task.deadline = Deadline::in(std::chrono::seconds(10));
                try {
                    known.value(exchange.name)(client, task);
                } catch (const Fault &f) {
                    fault = QString::fromLatin1(f.code());
                    QVERIFY2(f.code() != std::string_view("smp.no-answer"), f.what());
                    QVERIFY2(!f.sentence().contains(u'%'), f.what());
                }
                if (QTest::currentTestFailed())
                    return;
            }
            server.join();
            QCOMPARE(server.asked().toHex(), exchange.request.toHex());
            if (reply->ok())
                QVERIFY2(fault.isEmpty(), qPrintable(exchange.name + u": "_s + fault));
            else if (!reply->unreadable.isEmpty())
                QCOMPARE(fault, u"smp.bad-reply"_s);
        }
        QVERIFY(called >= 7);
    }

    void meaning()
    {
        const auto find = [](const QString &file, const QString &name) {
            for (const SmpExchange &exchange : smpExchanges(data(file)))
                if (exchange.name == name)
                    return *SmpReply::parse(exchange.response);
            return SmpReply();
        };
        const QString v2 = u"zephyr-serial.decoded.txt"_s, v1 = u"zephyr-serial-smp-v1.decoded.txt"_s;
        const SmpReply big = find(v2, u"img upload too big for slot"_s);
        QCOMPARE(big.error->text(), u"the image is too large for the slot"_s);
        QCOMPARE(big.error->number(), u"err 1/30"_s);
        QCOMPARE(find(v2, u"img upload not an image"_s).error->text(), u"it is no firmware image (wrong magic)"_s);
        QCOMPARE(find(v2, u"img erase slot 1"_s).error->text(), u"it does not say why"_s);
        QCOMPARE(find(v2, u"settings read"_s).error->text(), u"there is no such setting"_s);
        QVERIFY(find(v2, u"settings read"_s).error->isNotFound());
        QVERIFY(find(v1, u"settings delete"_s).error->isNotFound());
        QVERIFY(find(v2, u"unknown group"_s).error->isNotSupported());
        QVERIFY(find(v2, u"fs download missing"_s).error->isNotFound());
        try {
            find(v2, u"fs download missing"_s).require(u"give the file x"_s);
            QFAIL("no fault");
        } catch (const SmpRefusal &refusal) {
            QCOMPARE(refusal.sentence(), u"The device refused to give the file x: there is no such file."_s);
            QCOMPARE(int(*refusal.error().group), 8);
        }
    }

    void uploads_data() { files(); }
    // The pieces of the recorded uploads, made by our encoder from the image they carry.
    void uploads()
    {
        QFETCH(QString, name);
        QMap<qint64, QByteArray> pieces;
        QMap<qint64, QByteArray> requests;
        qint64 total = 0;
        QByteArray sha;
        for (const SmpExchange &exchange : smpExchanges(data(name + u".decoded.txt"_s))) {
            if (!exchange.name.startsWith(u"img upload off="_s))
                continue;
            const QCborMap map = QCborValue::fromCbor(exchange.request.mid(SmpHeader::size)).toMap();
            const qint64 off = map.value("off"_L1).toInteger();
            if (off == 0) {
                total = map.value("len"_L1).toInteger();
                sha = map.value("sha"_L1).toByteArray();
            }
            pieces.insert(off, map.value("data"_L1).toByteArray());
            requests.insert(off, exchange.request.mid(SmpHeader::size));
        }
        QVERIFY(pieces.size() >= (name == u"zephyr-udp"_s ? 1 : 3));
        QByteArray image(total, '\0');
        for (auto it = pieces.constBegin(); it != pieces.constEnd(); ++it)
            image.replace(it.key(), it->size(), *it);
        for (auto it = pieces.constBegin(); it != pieces.constEnd(); ++it) {
            QByteArray payload;
            // The recorded sizes need not be whole flash words: ask for the room that gives just that size.
            const qsizetype room = requests[it.key()].size() + 3;
            const qint64 n = appendImagePiece(payload, image, sha, it.key(), room, {}, it->size());
            if (n != it->size()) // ours would be shorter by less than a flash word
                QVERIFY(it->size() - n < 8 && it->size() % 8 != 0);
            else
                QCOMPARE(payload.toHex(), requests[it.key()].toHex());
        }
    }

    void fileUploads_data() { files(); }
    void fileUploads()
    {
        QFETCH(QString, name);
        if (name == u"mcuboot-serial-recovery"_s || name == u"zephyr-shell-console"_s)
            QSKIP("no files in this one");
        QByteArray content;
        QList<QPair<qint64, QByteArray>> requests;
        for (const SmpExchange &exchange : smpExchanges(data(name + u".decoded.txt"_s))) {
            if (exchange.name != u"fs upload"_s)
                continue;
            const QCborMap map = QCborValue::fromCbor(exchange.request.mid(SmpHeader::size)).toMap();
            requests.append({map.value("off"_L1).toInteger(), exchange.request.mid(SmpHeader::size)});
            content += map.value("data"_L1).toByteArray();
        }
        QCOMPARE(content.size(), 512);
        for (const auto &[off, request] : requests) {
            QByteArray payload;
            const qint64 n = smp::appendFilePiece(payload, u"/lfs1/t.bin"_s, content, off, 2000, 96);
            QCOMPARE(n, std::min<qint64>(96, 512 - off));
            QCOMPARE(payload.toHex(), request.toHex());
        }
    }

    // The datagrams of the UDP recording are the packets of its listing.
    void datagrams()
    {
        const QByteArray pcap = data(u"zephyr-udp.pcap"_s);
        const auto exchanges = smpExchanges(data(u"zephyr-udp.decoded.txt"_s));
        QVERIFY(pcap.size() > 1000);
        int found = 0;
        for (const SmpExchange &exchange : exchanges) {
            if (pcap.contains(exchange.request) && (exchange.response.isEmpty() || pcap.contains(exchange.response)))
                ++found;
        }
        QCOMPARE(found, int(exchanges.size()));
    }
};

SLIPWAY_TEST_MAIN(TestSmpCapture)
#include "tst_smpcapture.moc"
