// Against what was recorded from real ROM code: our requests are the recorded ones byte for byte, the recorded answers
// are understood, and our virtual ROM answers the recorded requests as the real one did.

#include "drivers/esp/espchipstate.h"
#include "drivers/esp/espentry.h"
#include "drivers/esp/flashwriter.h"
#include "drivers/link/fdlink.h"
#include "drivers/virtual/esprom.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QtEndian>

#include <sys/socket.h>
#include <unistd.h>

#include <thread>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/esp/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QList<QByteArray> packets(const QByteArray &stream)
{
    slip::Deframer deframer;
    deframer.feed(stream);
    QList<QByteArray> out;
    QByteArray packet;
    while (deframer.next(packet))
        out << packet;
    return out;
}

struct Exchange {
    QByteArray request;
    QList<QByteArray> answers;
};

// One request, one answer; SYNC has eight.
QList<Exchange> exchanges(const QString &name)
{
    const QList<QByteArray> asked = packets(data(name + u".host-to-device.bin"_s));
    const QList<QByteArray> answered = packets(data(name + u".device-to-host.bin"_s));
    QList<Exchange> out;
    qsizetype at = 0;
    for (const QByteArray &request : asked) {
        Exchange exchange{request, {}};
        while (at < answered.size() && answered[at][1] == request[1] && (exchange.answers.isEmpty() || request[1] == 8))
            exchange.answers << answered[at++];
        out << exchange;
    }
    return out;
}

// What was written in a recording.
QByteArray written(const QString &name)
{
    QByteArray out;
    for (const QByteArray &packet : packets(data(name + u".host-to-device.bin"_s))) {
        if (packet[1] == 0x03)
            out += packet.mid(24);
    }
    return out;
}

// A ROM that knows one recording: a request that is in it gets the recorded answer; a register that was not read is 0;
// anything else is noted and not answered.
class Recording
{
public:
    explicit Recording(const QString &name) : m_exchanges(exchanges(name))
    {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
            qFatal("socketpair");
        m_host = ends[0];
        m_thread = std::jthread([this, fd = ends[1]] { serve(fd); });
    }
    std::unique_ptr<EspClient> client()
    {
        LinkInfo info;
        info.port = u"recorded"_s;
        return std::make_unique<EspClient>(std::make_unique<FdLink>(m_host, info));
    }
    // After the client is gone.
    void join() { m_thread.join(); }
    QList<QByteArray> unknown; // requests that are not in the recording
    QList<QByteArray> known;

private:
    void serve(int fd)
    {
        slip::Deframer deframer;
        QByteArray buffer(8192, '\0');
        qsizetype cursor = 0;
        for (;;) {
            const ssize_t n = ::recv(fd, buffer.data(), size_t(buffer.size()), 0);
            if (n <= 0)
                break;
            deframer.feed(QByteArrayView(buffer).first(n));
            QByteArray packet;
            while (deframer.next(packet)) {
                QByteArray out;
                for (qsizetype i = 0; i < m_exchanges.size() && out.isEmpty(); ++i) {
                    const qsizetype at = (cursor + i) % m_exchanges.size();
                    if (m_exchanges[at].request != packet)
                        continue;
                    cursor = at + 1;
                    for (const QByteArray &answer : m_exchanges[at].answers)
                        slip::append(out, answer);
                    known << packet;
                }
                if (out.isEmpty()) {
                    unknown << packet;
                    if (packet[1] == 0x0a)
                        out = slip::frame(QByteArray::fromHex("010a04000000000000000000"));
                }
                if (!out.isEmpty()) [[maybe_unused]]
                    const auto sent = ::send(fd, out.data(), size_t(out.size()), MSG_NOSIGNAL);
            }
        }
        ::close(fd);
    }

    QList<Exchange> m_exchanges;
    int m_host = -1;
    std::jthread m_thread;
};

Task brief()
{
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(20));
    return task;
}

} // namespace

class TestEspCapture : public QObject
{
    Q_OBJECT

    void chips()
    {
        QTest::addColumn<QString>("chip");
        QTest::newRow("esp32") << u"esp32"_s;
        QTest::newRow("esp32c3") << u"esp32c3"_s;
    }

private Q_SLOTS:
    void encoding_data()
    {
        QTest::addColumn<QString>("name");
        for (const char *chip : {"esp32", "esp32c3"}) {
            for (const char *what : {"chip-id", "flash-id", "write-plain", "write-deflated", "verify", "read-flash"}) {
                const QByteArray name = QByteArray(chip) + '-' + what;
                QTest::newRow(name.constData()) << QString::fromLatin1(name);
            }
        }
        QTest::newRow("esp32c3-security-info") << u"esp32c3-security-info"_s;
    }
    // Every recorded request comes out of our encoder again, and every recorded answer is understood.
    void encoding()
    {
        QFETCH(QString, name);
        const QList<Exchange> all = exchanges(name);
        QVERIFY(all.size() > 30);
        for (const Exchange &exchange : all) {
            const auto request = EspRequest::parse(exchange.request);
            QVERIFY(request);
            QCOMPARE(request->packet().toHex(), exchange.request.toHex());
            QVERIFY(!esp::commandName(request->command).startsWith(u"command"_s));
            if (request->command == esp::FlashData) {
                const quint32 sequence = qFromLittleEndian<quint32>(request->data.constData() + 4);
                QCOMPARE(EspRequest::block(esp::FlashData, request->data.mid(16), sequence).packet(), exchange.request);
            }
            if (request->command == esp::Sync) {
                QCOMPARE(EspRequest::sync().packet(), exchange.request);
                QCOMPARE(exchange.answers.size(), 8);
            }
            QVERIFY(!exchange.answers.isEmpty());
            for (const QByteArray &answer : exchange.answers) {
                const auto reply = EspReply::parse(answer);
                QVERIFY(reply);
                QVERIFY(reply->ok);
                QCOMPARE(reply->command, quint8(request->command));
            }
        }
    }

    void identity_data() { chips(); }
    // Our way to find out what a chip is: what the real ones say is taken for what it is.
    void identity()
    {
        QFETCH(QString, chip);
        Recording rom(chip + u"-flash-id"_s);
        const EspQuirks quirks = EspQuirks::load();
        EspChipState state;
        {
            const auto client = rom.client();
            QVERIFY(esp::synchronise(*client, brief()));
            state = esp::identify(*client, quirks, brief());
            esp::readFuses(*client, state, brief());
            state.flashId = esp::flashIdentification(*client, *state.chip, brief());
        }
        rom.join();
        QCOMPARE(state.chip->name, chip);
        QCOMPARE(state.mac.toHex(), chip == u"esp32"_s ? QByteArray("3c71bf123456") : QByteArray("c40a24fe1001"));
        QCOMPARE(state.revisionText(), chip == u"esp32"_s ? u"v3.0"_s : u"v0.3"_s);
        QCOMPARE(state.flashId, 0x1640c8u);
        QCOMPARE(esp::flashBytesOf(state.flashId), 4 * 1024 * 1024);
        QVERIFY(!state.secureBoot && !state.flashEncryption && !state.secureDownload);
        // What was not recorded is fuses that the other program does not look at; all else is byte for byte the same.
        for (const QByteArray &request : std::as_const(rom.unknown))
            QCOMPARE(int(request[1]), int(esp::ReadRegister));
        QVERIFY2(rom.known.size() >= 16, qPrintable(QString::number(rom.known.size())));
    }

    void work_data() { chips(); }
    // Write, compare and read, byte for byte.
    void work()
    {
        QFETCH(QString, chip);
        const bool later = chip != u"esp32"_s;
        const QByteArray bytes = written(chip + u"-write-plain"_s);
        QCOMPARE(bytes.size(), 8192);
        {
            Recording rom(chip + u"-write-plain"_s);
            {
                const auto client = rom.client();
                client->demand(EspRequest::words(esp::SpiAttach, {0, 0}), 0, u"attach"_s, brief());
                client->demand(EspRequest::words(esp::SpiSetParameters, {0, 0x400000, 0x10000, 0x1000, 0x100, 0xffff}),
                               0, u"set"_s, brief());
                FlashWriter writer(*client, {later, false, {1024}});
                writer.write(0x30000, bytes, brief(), 0);
                writer.verify(0x30000, bytes, brief());
            }
            rom.join();
            QCOMPARE(rom.unknown, QList<QByteArray>());
            QCOMPARE(rom.known.size(), 2 + 1 + 8 + 1);
        }
        {
            Recording rom(chip + u"-read-flash"_s);
            QByteArray read;
            {
                const auto client = rom.client();
                for (quint32 at = 0; at < 1024; at += 64)
                    read += client->demand(EspRequest::words(esp::ReadFlashSlow, {0x30000 + at, 64}), 64, u"read"_s,
                                           brief());
            }
            rom.join();
            QCOMPARE(read, bytes.first(1024));
        }
    }

    void virtualRom_data() { encoding_data(); }
    // The virtual ROM says what the real one said, but for the two bytes that it leaves as they were in its memory.
    void virtualRom()
    {
        QFETCH(QString, name);
        const QString chip = name.section(u'-', 0, 0);
        const QList<Exchange> all = exchanges(name);
        EspRomOptions options;
        options.chip = chip;
        options.mac = QByteArray::fromHex(chip == u"esp32"_s ? "3c71bf123456" : "c40a24fe1001");
        options.revision = chip == u"esp32"_s ? 300 : 3;
        options.flashId = 0x1640c8;
        options.flash = QByteArray(0x10000, '\xff') + written(chip + u"-write-deflated"_s);
        options.flash.append(0x30000 - options.flash.size(), '\xff');
        options.flash += written(chip + u"-write-plain"_s);
        // Registers that are no fuses and that nobody wrote before: as they were.
        QSet<quint32> touched;
        for (const Exchange &exchange : all) {
            if (exchange.request.size() < 12)
                continue;
            const quint32 address = qFromLittleEndian<quint32>(exchange.request.constData() + 8);
            const quint32 fuses = chip == u"esp32"_s ? 0x3ff5a000 : 0x60008800;
            const bool fuse = (address >= fuses && address < fuses + 0x200) || address == 0x40001000;
            if (exchange.request[1] == 0x0a && !touched.contains(address) &&
                (!fuse || address == 0x3ff5a00c || address == 0x3ff5a014 || address == 0x3ff5a008))
                options.registers.insert(address, qFromLittleEndian<quint32>(exchange.answers[0].constData() + 4));
            touched << address;
        }
        EspRom rom(options);
        int same = 0;
        for (const Exchange &exchange : all) {
            const EspRom::Answer answer = rom.handle(exchange.request);
            QCOMPARE(answer.packets.size(), exchange.answers.size());
            for (qsizetype i = 0; i < answer.packets.size(); ++i) {
                QByteArray ours = answer.packets[i], theirs = exchange.answers[i];
                ours.replace(ours.size() - 2, 2, "..");
                theirs.replace(theirs.size() - 2, 2, "..");
                QVERIFY2(ours == theirs,
                         (exchange.request.left(24).toHex() + " -> " + ours.toHex() + " and not " + theirs.toHex())
                             .constData());
                ++same;
            }
        }
        QVERIFY(same > 40);
    }
};

SLIPWAY_TEST_MAIN(TestEspCapture)
#include "tst_espcapture.moc"
