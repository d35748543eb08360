// The virtual device's strictness, datagram by datagram over a socket, with messages written out by hand.

#include "core/base/files.h"
#include "drivers/virtual/coapwire.h"
#include "drivers/virtual/suitprocessor.h"
#include "drivers/virtual/virtualcoap.h"
#include "tests/support/testmain.h"

#include <QUuid>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace slipway;
using namespace Qt::StringLiterals;

class TestVirtualCoap : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_device = std::make_unique<VirtualCoap>();
        m_device->start();
        m_socket = ::socket(AF_INET, SOCK_DGRAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(m_device->port());
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        QCOMPARE(::connect(m_socket, reinterpret_cast<sockaddr *>(&to), sizeof to), 0);
    }
    void cleanup()
    {
        ::close(m_socket);
        m_device.reset();
    }

    // The draft's own envelopes: their signatures, digests and ids hold here, and their payloads are nowhere.
    void suitExamples_data()
    {
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("error");
        const QString components = u"there is only component 00 here"_s;
        QTest::newRow("0") << u"0"_s << u"validate: the image is not the one that the manifest names"_s;
        QTest::newRow("1") << u"1"_s << u"there is nothing at http://example.com/file.bin"_s;
        QTest::newRow("2") << u"2"_s << u"there is nothing at http://example.com/very/long/path/to/file/file.bin"_s;
        QTest::newRow("3") << u"3"_s << u"there is nothing at http://example.com/file2.bin"_s; // for slot 1
        QTest::newRow("4") << u"4"_s << components;
        QTest::newRow("5") << u"5"_s << components;
    }
    void suitExamples()
    {
        QFETCH(QString, file);
        const QString folder = QStringLiteral(SLIPWAY_TEST_DATA "/suit/");
        const QByteArray envelope = readFile(folder + u"example%1-signed.suit"_s.arg(file), 1 << 16, u"an envelope"_s);
        SuitDevice device;
        device.keys = {readFile(folder + u"example-signer.pub.pem"_s, 1 << 16, u"a key"_s)};
        device.vendor = QUuid(u"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"_s).toRfc4122();
        device.deviceClass = QUuid(u"1492af14-2569-5e48-bf42-9b2d51f2ab45"_s).toRfc4122();
        device.capacity = 1 << 20;
        QTEST(processSuit(envelope, device).error, "error");
        SuitDevice other = device;
        other.deviceClass = QByteArray(16, 'x');
        if (file.toInt() < 4)
            QCOMPARE(processSuit(envelope, other).error, u"shared: it is for another class"_s);
        other = device;
        other.sequence = 100;
        QVERIFY(processSuit(envelope, other).error.startsWith(u"sequence number "));
        other = device;
        other.keys.clear();
        QCOMPARE(processSuit(envelope, other).error, u"no signature of a trusted signer"_s);
        for (const qsizetype at : {envelope.size() / 4, envelope.size() / 2, envelope.size() - 1}) {
            QByteArray flipped = envelope;
            flipped[at] = char(flipped[at] ^ 1);
            QVERIFY(!processSuit(flipped, device).error.isEmpty());
        }
    }

    void datagrams_data()
    {
        QTest::addColumn<QByteArray>("request"); // hex
        QTest::addColumn<QByteArray>("answer");  // hex; empty: none
        const auto row = [](const char *name, const char *request, const char *answer) {
            QTest::newRow(name) << QByteArray(request) << QByteArray(answer);
        };
        row("ping", "40001234", "70001234");
        row("GET /id/board",
            "41011234aab269640562"
            "6f617264",
            "61451234aa44"
            "27aabb49"
            "80ff74312d636f6170");
        row("other version", "80011234", "");
        row("three bytes", "400112", "");
        row("token of 9",
            "490112340102030405060708"
            "09",
            "70001234");
        row("token is cut", "4401123401", "70001234");
        row("option is cut", "40011234b5616263", "70001234");
        row("reserved delta", "40011234f0", "70001234");
        row("marker without payload", "40011234ff", "70001234");
        row("empty with token", "4100123401", "70001234");
        row("NON that is damaged", "50011234ff", "");
        row("unknown critical option, 9",
            "40011234"
            "9161",
            "60821234ff756e6b6e6f776e20637269746963616c206f7074696f6e");
        row("unknown critical option, NON",
            "50011234"
            "9161",
            "");
        row("not found",
            "40011234"
            "b178",
            "60841234");
        row("response code", "40451234", "70001234");
        row("block of size 7",
            "40011234"
            "b26964"
            "05626f617264"
            "c107",
            "60801234ff6120626c6f636b206f66206e6f2073697a65");
    }

    void datagrams()
    {
        QFETCH(QByteArray, request);
        QFETCH(QByteArray, answer);
        send(QByteArray::fromHex(request));
        send(QByteArray::fromHex("40007777")); // a ping closes the list: what came before it is all there is
        QByteArray got = receive();
        if (got.toHex() == "70007777")
            got.clear();
        else
            QCOMPARE(receive().toHex(), "70007777");
        QCOMPARE(got.toHex(), answer);
    }

    void blocksInOrder()
    {
        const auto put = [](quint16 id, quint32 number, bool more, qsizetype size, const QByteArray &tag = {}) {
            CoapWire out;
            out.code = 3;
            out.id = id;
            out.token = "t";
            out.add(CoapWire::UriPath, "files");
            out.add(CoapWire::UriPath, "x");
            out.addNumber(CoapWire::ContentFormat, 42);
            out.addBlock(CoapWire::Block1, {number, more, 0});
            if (!tag.isEmpty())
                out.add(CoapWire::RequestTag, tag);
            out.payload = QByteArray(size, char('a' + number));
            return out;
        };
        QCOMPARE(ask(put(1, 0, true, 16)).code, quint8(0x5f)); // 2.31
        QCOMPARE(ask(put(1, 0, true, 16)).code, quint8(0x5f)); // the same message: the same answer, carried out once
        QCOMPARE(m_device->facts().repetitions, 1);
        QCOMPARE(ask(put(2, 2, true, 16)).code, quint8(0x88)); // 4.08
        QCOMPARE(ask(put(3, 1, true, 16)).code, quint8(0x88)); // forgotten
        QCOMPARE(ask(put(4, 0, true, 15)).code, quint8(0x80)); // 4.00
        QCOMPARE(ask(put(5, 0, true, 16, "r1")).code, quint8(0x5f));
        QCOMPARE(ask(put(6, 1, false, 3, "r2")).code, quint8(0x88)); // another body's block
        QCOMPARE(ask(put(7, 0, true, 16)).code, quint8(0x5f));
        QCOMPARE(ask(put(8, 1, false, 3)).code, quint8(0x41)); // 2.01
        QCOMPARE(m_device->file(u"x"_s), "aaaaaaaaaaaaaaaabbb");
        CoapWire wrong = put(9, 0, false, 3);
        wrong.options[2].value = "\x32"; // application/json
        QCOMPARE(ask(wrong).code, quint8(0x8f));
        CoapWire large = put(10, 0, true, 16);
        large.addNumber(CoapWire::Size1, 1'000'000);
        const CoapWire refused = ask(large);
        QCOMPARE(refused.code, quint8(0x8d));
        QCOMPARE(refused.number(CoapWire::Size1), std::optional<quint32>(256 * 1024));
    }

    void faultNames()
    {
        for (const QString &name : VirtualCoapFault::names())
            QVERIFY(int(VirtualCoapFault::parse(name).kind) >= 0);
        const auto late = VirtualCoapFault::parse(u"late:delay=800ms,every=3"_s);
        QVERIFY(late.kind == VirtualCoapFault::Kind::Late && late.every == 3);
        QCOMPARE(late.delay, std::chrono::milliseconds(800));
    }

    void wireRoundTrip()
    {
        CoapWire out;
        out.type = CoapWire::NonConfirmable;
        out.code = 0x45;
        out.id = 0xbeef;
        out.token = "12345678";
        out.add(2048, QByteArray(300, 'x'));
        out.add(12, {});
        out.add(60, QByteArray(13, 'y'));
        out.payload = "p";
        QString why;
        const auto back = CoapWire::parse(out.encode(), why);
        QVERIFY(back && why.isEmpty());
        QCOMPARE(back->encode(), out.encode());
        QCOMPARE(back->options.size(), 3);
        QCOMPARE(back->options[2].value.size(), 300);
    }

private:
    void send(const QByteArray &datagram)
    {
        QCOMPARE(::send(m_socket, datagram.constData(), size_t(datagram.size()), 0), datagram.size());
    }
    QByteArray receive()
    {
        pollfd fd{m_socket, POLLIN, 0};
        if (::poll(&fd, 1, 10'000) != 1)
            return "nothing came";
        char buffer[2048];
        const auto n = ::recv(m_socket, buffer, sizeof buffer, 0);
        return QByteArray(buffer, std::max<qsizetype>(0, n));
    }
    CoapWire ask(const CoapWire &message)
    {
        send(message.encode());
        QString why;
        return CoapWire::parse(receive(), why).value_or(CoapWire());
    }

    std::unique_ptr<VirtualCoap> m_device;
    int m_socket = -1;
};

SLIPWAY_TEST_MAIN(TestVirtualCoap)
#include "tst_virtualcoap.moc"
