// The codecs: against published vectors, against the recorded streams, and against damage.

#include "core/base/fault.h"
#include "core/codec/base64.h"
#include "core/codec/cbor.h"
#include "core/codec/consoleframing.h"
#include "core/codec/crc16.h"
#include "core/codec/pem.h"
#include "core/codec/rawframing.h"
#include "core/codec/smpheader.h"
#include "tests/support/smpcapture.h"
#include "tests/support/testmain.h"

#include <QCborArray>
#include <QFile>
#include <QRandomGenerator>

#include <limits>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/smp/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray some(qsizetype n, quint32 seed)
{
    QRandomGenerator random(seed);
    QByteArray out(n, Qt::Uninitialized);
    for (char &c : out)
        c = static_cast<char>(random.bounded(256));
    return out;
}

QList<QByteArray> packets(PacketDeframer &deframer)
{
    QList<QByteArray> out;
    QByteArray packet;
    while (deframer.next(packet))
        out << packet;
    return out;
}

} // namespace

class TestCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void crc()
    {
        QCOMPARE(crc16Xmodem("123456789"), std::uint16_t(0x31c3));
        QCOMPARE(crc16Xmodem(""), std::uint16_t(0));
        QCOMPARE(crc16Xmodem("56789", crc16Xmodem("1234")), std::uint16_t(0x31c3));
        QCOMPARE(crc16Xmodem("6789", crc16Xmodem("12345")), std::uint16_t(0x31c3));
        QCOMPARE(crc16Xmodem(QByteArray("123456789\x31\xc3")), std::uint16_t(0));
    }

    void base64()
    {
        for (int n = 0; n < 200; ++n) {
            const QByteArray bytes = some(n, quint32(n) + 1);
            QByteArray text(base64Length(n), '?');
            QCOMPARE(encodeBase64(bytes, text.data()) - text.data(), text.size());
            QCOMPARE(text, bytes.toBase64());
            QByteArray back = "x";
            QVERIFY(decodeBase64(text, back));
            QCOMPARE(back, "x" + bytes);
        }
        for (const char *bad : {"A", "AB", "ABC", "A===", "====", "AB=C", "AB==CDEF", "AB\nC", "AB-_", "=ABC"}) {
            QByteArray out = "kept";
            QVERIFY2(!decodeBase64(bad, out), bad);
            QCOMPARE(out, QByteArray("kept"));
        }
    }

    void header()
    {
        const auto header = SmpHeader::decode(QByteArray::fromHex("0b00001300010c05"));
        QVERIFY(header);
        QCOMPARE(header->op, SmpHeader::WriteResponse);
        QCOMPARE(int(header->version), 1);
        QCOMPARE(int(header->length), 19);
        QCOMPARE(int(header->group), 1);
        QCOMPARE(int(header->sequence), 12);
        QCOMPARE(int(header->command), 5);
        QCOMPARE(header->encoded(), QByteArray::fromHex("0b00001300010c05"));
        QVERIFY(!SmpHeader::decode("short"));
        QVERIFY(!SmpHeader::decode(QByteArray::fromHex("e000000000000000")));
        QVERIFY(!SmpHeader::decode(QByteArray::fromHex("0400000000000000")));
    }

    void wholeStreams_data()
    {
        QTest::addColumn<QString>("name");
        for (const char *name : {"zephyr-serial", "zephyr-serial-smp-v1", "zephyr-serial-2048-verbose",
                                 "zephyr-shell-console", "zephyr-shell-frugal-legacyrc", "mcuboot-serial-recovery"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }

    // Our framing of the recorded requests is the recorded stream, and in what the device sent we find its answers.
    void wholeStreams()
    {
        QFETCH(QString, name);
        const auto exchanges = smpExchanges(data(name + QStringLiteral(".decoded.txt")));
        QVERIFY(exchanges.size() > 20);
        QByteArray sent;
        QList<QByteArray> answers;
        for (const SmpExchange &exchange : exchanges) {
            ConsoleFramer::append(sent, exchange.request);
            if (!exchange.response.isEmpty())
                answers << exchange.response;
        }
        QByteArray recorded = data(name + QStringLiteral(".host-to-device.bin"));
        QVERIFY(!recorded.isEmpty());
        // The recording client's extra newlines carry nothing.
        while (recorded.startsWith('\n'))
            recorded.remove(0, 1);
        recorded.replace("\n\n", "\n");
        QCOMPARE(sent, recorded);
        for (const QByteArray &line : sent.split('\n'))
            QVERIFY(line.size() + 1 <= console::longestLine);

        const QByteArray heard = data(name + QStringLiteral(".device-to-host.bin"));
        for (const qsizetype step : {qsizetype(1), qsizetype(7), qsizetype(62), heard.size()}) {
            ConsoleDeframer deframer;
            QList<QByteArray> got;
            for (qsizetype at = 0; at < heard.size(); at += step) {
                deframer.feed(QByteArrayView(heard).sliced(at, std::min(step, heard.size() - at)));
                got << packets(deframer);
            }
            QCOMPARE(got, answers);
            QCOMPARE(deframer.dropped(), 0);
        }
    }

    void consoleSizes()
    {
        for (qsizetype n = 0; n < 600; ++n) {
            const QByteArray packet = some(n, 7);
            const QByteArray framed = ConsoleFramer::frame(packet);
            QCOMPARE(framed.size(), console::wireSize(n));
            ConsoleDeframer deframer;
            deframer.feed(framed);
            QCOMPARE(packets(deframer), QList<QByteArray>{packet});
        }
        const QByteArray largest = some(console::longestPacket, 3);
        ConsoleDeframer deframer;
        deframer.feed(ConsoleFramer::frame(largest));
        QCOMPARE(packets(deframer), QList<QByteArray>{largest});
        QVERIFY_EXCEPTION_THROWN(ConsoleFramer::frame(largest + 'x'), Fault);
    }

    void consoleDamage()
    {
        const QByteArray a = some(300, 1), b = some(20, 2);
        const QByteArray fa = ConsoleFramer::frame(a), fb = ConsoleFramer::frame(b);
        {
            // Log lines, prompts and escapes before, between and behind the lines of a packet.
            QByteArray stream = "*** Booting Zephyr ***\r\n\x1b[1;32muart:~$ \x1b[m";
            for (const QByteArray &line : fa.split('\n')) {
                if (!line.isEmpty())
                    stream += "\x1b[8D\x1b[J" + line + "\r\n[00:00:01.000] <inf> app: hello\r\n";
            }
            ConsoleDeframer deframer;
            deframer.feed(stream + fb);
            QCOMPARE(packets(deframer), (QList<QByteArray>{a, b}));
        }
        {
            // A flipped bit in any byte: that packet is lost at most, the next one comes.
            for (qsizetype at = 0; at < fb.size(); ++at) {
                QByteArray broken = fb;
                broken[at] = static_cast<char>(broken[at] ^ 1);
                ConsoleDeframer deframer;
                deframer.feed(broken + "\n" + fa);
                const auto got = packets(deframer);
                QVERIFY(got == QList<QByteArray>{a} || got == (QList<QByteArray>{b, a}));
            }
        }
        {
            // Cut anywhere, then the next packet in the same line.
            for (qsizetype cut = 0; cut < fa.size(); cut += 13) {
                ConsoleDeframer deframer;
                deframer.feed(fa.left(cut) + fb);
                QVERIFY(packets(deframer).endsWith(b));
            }
        }
        {
            // A newline lost between two lines of one packet.
            QByteArray joined = fa;
            joined.remove(fa.indexOf('\n'), 1);
            ConsoleDeframer deframer;
            deframer.feed(joined);
            QCOMPARE(packets(deframer), QList<QByteArray>{a});
        }
        {
            // A continuation without a beginning, a wrong length, a packet above the limit.
            ConsoleDeframer deframer(100);
            deframer.feed(fa.mid(fa.indexOf('\n') + 1));
            QVERIFY(packets(deframer).isEmpty());
            QCOMPARE(deframer.dropped(), 0);
            deframer.feed(fa);
            QVERIFY(packets(deframer).isEmpty());
            QVERIFY(deframer.dropped() > 0);
            deframer.feed(QByteArray("\x06\x09") + QByteArray("\x00\x01zz", 4).toBase64() + "\n" + fb);
            QCOMPARE(packets(deframer), QList<QByteArray>{b});
        }
        {
            // A line that never ends.
            ConsoleDeframer deframer;
            const QByteArray noise(1 << 20, 'x');
            for (int i = 0; i < 8; ++i)
                deframer.feed(noise);
            deframer.feed("\x06\x09");
            deframer.feed(QByteArray(1 << 20, 'A'));
            deframer.feed("\n" + fb);
            QCOMPARE(packets(deframer), QList<QByteArray>{b});
        }
        {
            ConsoleDeframer deframer;
            deframer.feed(fa.left(200));
            deframer.reset();
            deframer.feed(fa.mid(200) + fb);
            QCOMPARE(packets(deframer), QList<QByteArray>{b});
        }
    }

    void raw()
    {
        SmpHeader header;
        header.op = SmpHeader::WriteResponse;
        const auto packet = [&](qsizetype n) {
            header.length = static_cast<std::uint16_t>(n);
            header.sequence++;
            return header.encoded() + QByteArray(n, '\xa0');
        };
        const QByteArray a = packet(0), b = packet(1500), c = packet(3);
        for (int step : {1, 5, 64, 4096}) {
            RawDeframer deframer(RawDeframer::Side::Host);
            const QByteArray all = a + b + c;
            QList<QByteArray> got;
            for (qsizetype at = 0; at < all.size(); at += step) {
                deframer.feed(all.mid(at, step));
                got << packets(deframer);
            }
            QCOMPARE(got, (QList<QByteArray>{a, b, c}));
        }
        // Noise before a packet is skipped; a request is none of the host's business; a limit holds.
        RawDeframer deframer(RawDeframer::Side::Host, 1000);
        deframer.feed(QByteArray(100, '\xff') + c);
        QCOMPARE(packets(deframer), QList<QByteArray>{c});
        QCOMPARE(deframer.dropped(), 1);
        deframer.reset();
        deframer.feed(b);
        QVERIFY(packets(deframer).isEmpty());
        RawDeframer device(RawDeframer::Side::Device);
        device.feed(c);
        QVERIFY(packets(device).isEmpty());
    }

    void deterministic_data()
    {
        QTest::addColumn<QCborValue>("value");
        QTest::addColumn<QByteArray>("hex");
        const auto row = [](const char *hex, const QCborValue &value) {
            QTest::newRow(hex) << value << QByteArray(hex);
        };
        // RFC 8949 appendix A.
        row("00", 0);
        row("17", 23);
        row("1818", 24);
        row("1903e8", 1000);
        row("1a000f4240", 1000000);
        row("1b000000e8d4a51000", qint64(1000000000000));
        row("20", -1);
        row("3863", -100);
        row("3b7fffffffffffffff", std::numeric_limits<qint64>::min());
        row("f90000", 0.0);
        row("f98000", -0.0);
        row("f93c00", 1.0);
        row("fb3ff199999999999a", 1.1);
        row("f97bff", 65504.0);
        row("fa47c35000", 100000.0);
        row("fa7f7fffff", 3.4028234663852886e+38);
        row("fb7e37e43c8800759c", 1.0e+300);
        row("f90001", 5.960464477539063e-8);
        row("f97c00", std::numeric_limits<double>::infinity());
        row("f97e00", std::numeric_limits<double>::quiet_NaN());
        row("f4", false);
        row("f5", true);
        row("f6", QCborValue(nullptr));
        row("f7", QCborValue(QCborValue::Undefined));
        row("f0", QCborValue(QCborSimpleType(16)));
        row("f8ff", QCborValue(QCborSimpleType(255)));
        row("d28101", QCborValue(QCborTag(18), QCborArray{1}));
        row("d8184101", QCborValue(QCborTag(24), QByteArray("\x01")));
        row("c07818323031332d30332d32315432303a30343a30302e3030305a",
            QCborValue(QDateTime(QDate(2013, 3, 21), QTime(20, 4), Qt::UTC)));
        row("4401020304", QByteArray("\x01\x02\x03\x04"));
        row("64f0908591", QString::fromUtf8("\xf0\x90\x85\x91"));
        row("80", QCborArray());
        row("8301820203820405", QCborArray{1, QCborArray{2, 3}, QCborArray{4, 5}});
        // Section 4.2.1: order of keys 10, 100, -1, "z", "aa", [100], [-1], false.
        row("a80a01186402200361 7a0462616105811864068120 07f408", QCborMap{{false, 8},
                                                                           {QCborArray{-1}, 7},
                                                                           {QCborArray{100}, 6},
                                                                           {QStringLiteral("aa"), 5},
                                                                           {QStringLiteral("z"), 4},
                                                                           {-1, 3},
                                                                           {100, 2},
                                                                           {10, 1}});
    }

    void deterministic()
    {
        QFETCH(QCborValue, value);
        QFETCH(QByteArray, hex);
        QCOMPARE(toDeterministicCbor(value).toHex(), QByteArray(hex).replace(" ", ""));
        const auto back = decodeCbor(QByteArray::fromHex(hex));
        QVERIFY2(back.ok(), qPrintable(back.error));
        QCOMPARE(toDeterministicCbor(back.value).toHex(), QByteArray(hex).replace(" ", ""));
    }

    void deterministicIndefinite()
    {
        // Whatever form a value came in, it goes out in one.
        const auto decoded = decodeCbor(QByteArray::fromHex("bf61629f0102ff61617f6161626262ffff"));
        QVERIFY2(decoded.ok(), qPrintable(decoded.error));
        QCOMPARE(toDeterministicCbor(decoded.value).toHex(), QByteArray("a2616163616262616282 0102").replace(" ", ""));
        QCborValue deep = 1;
        for (int i = 0; i < 70; ++i)
            deep = QCborArray{deep};
        QVERIFY_EXCEPTION_THROWN(toDeterministicCbor(deep), Fault);
    }

    // What is put together from parts is what the encoder makes of the whole.
    void forms()
    {
        QCborMap whole{{u"mode"_s, u"production"_s}, {u"kind"_s, u"ldevid"_s}, {7, 1.5}, {u"list"_s, QCborArray{1, 2}}};
        const QString longKey = u"a-very-long-key-that-needs-a-second-octet"_s;
        const CborForm form(whole, QStringList{u"der"_s, u"serial"_s, longKey});
        for (const qsizetype size : {0, 23, 24, 255, 256, 70'000}) {
            const QByteArray der(size, 'x');
            whole.insert(u"der"_s, der);
            whole.insert(u"serial"_s, u"T1-ü"_s);
            whole.insert(longKey, QString());
            const QByteArray text = u"T1-ü"_s.toUtf8();
            QCOMPARE(form.filled(
                         {{CborForm::Value::Bytes, der}, {CborForm::Value::Text, text}, {CborForm::Value::Text, {}}}),
                     toDeterministicCbor(whole));
        }
        QVERIFY_EXCEPTION_THROWN(CborForm(QCborMap({{u"a"_s, 1}}), QStringList{u"a"_s}), Fault);
        QVERIFY_EXCEPTION_THROWN((void)form.filled({}), Fault);
    }

    void items()
    {
        const QByteArray bytes = toDeterministicCbor(
            QCborMap{{u"a"_s, QCborArray{1, QCborMap{{u"b"_s, 2}}, QCborValue(QCborKnownTags::Url, u"https://x/"_s)}},
                     {u"n"_s, -5},
                     {u"r"_s, 0.1},
                     {u"h"_s, 1.5},
                     {u"f"_s, 100000.0},
                     {u"t"_s, true}});
        CborItems items(bytes);
        CborItems::Item map, key, value;
        QVERIFY(items.next(map));
        QCOMPARE(map.major, 5);
        QMap<QByteArray, CborItems::Item> found;
        for (quint64 i = 0; i < map.argument; ++i) {
            QVERIFY(items.next(key) && items.skip(key) && items.next(value) && items.skip(value));
            found.insert(key.content.toByteArray(), value);
        }
        QVERIFY(!items.next(key));
        QCOMPARE(found.keys(), (QList<QByteArray>{"a", "f", "h", "n", "r", "t"}));
        QCOMPARE(found["a"].major, 4);
        QCOMPARE(found["n"].major, 1);
        QCOMPARE(found["n"].argument, 4u);
        QCOMPARE(CborItems::number(found["r"]), 0.1);
        QCOMPARE(CborItems::number(found["h"]), 1.5);
        QCOMPARE(CborItems::number(found["f"]), 100000.0);
        QCOMPARE(found["t"].info, 21);
        // Cut anywhere, and with lengths that lie: it ends, within the bytes.
        for (qsizetype cut = 0; cut < bytes.size(); ++cut) {
            CborItems less(QByteArrayView(bytes).first(cut));
            QVERIFY(!(less.next(map) && less.skip(map)));
        }
        for (const char *lie : {"bbffffffffffffffff", "9bffffffffffffffff00", "5bffffffffffffffff", "ff", "bf"}) {
            const QByteArray lying = QByteArray::fromHex(lie);
            CborItems liar(lying);
            QVERIFY(!(liar.next(map) && liar.skip(map)));
        }
    }

    void decoding_data()
    {
        QTest::addColumn<QByteArray>("hex");
        for (const char *hex : {"",
                                "18",
                                "19 01",
                                "62 61",
                                "5b ffffffffffffffff",
                                "7b7fffffffffffffff",
                                "9b ffffffffffffffff",
                                "bb 7fffffffffffffff",
                                "81",
                                "a1 00",
                                "9f",
                                "bf 00 ff",
                                "ff",
                                "9f ff ff",
                                "5f 61 61 ff",
                                "5f 5f ff ff",
                                "7f 41 61 ff",
                                "1c",
                                "1f",
                                "3f",
                                "df 00 ff",
                                "f8 18",
                                "c1",
                                "61 ff",
                                "fe",
                                "a1 9f"})
            QTest::newRow(hex[0] ? hex : "empty") << QByteArray(hex).replace(" ", "");
    }

    void decoding()
    {
        QFETCH(QByteArray, hex);
        const QByteArray bytes = QByteArray::fromHex(hex);
        const auto decoded = decodeCbor(bytes);
        if (hex == "9fffff") { // one whole item and something behind it
            QVERIFY(decoded.ok());
            QCOMPARE(decoded.used, 2);
            QVERIFY_EXCEPTION_THROWN(cborMap(bytes, QStringLiteral("It")), Fault);
            return;
        }
        QVERIFY(!decoded.ok());
        QVERIFY(decoded.value.isInvalid());
    }

    void decodingLimits()
    {
        QVERIFY(decodeCbor(QByteArray(16, '\x81') + '\x00').ok());
        QVERIFY(!decodeCbor(QByteArray(17, '\x81') + '\x00').ok());
        QVERIFY(!decodeCbor(QByteArray(100000, '\x81')).ok());
        QVERIFY(!decodeCbor(QByteArray(100000, '\x9f')).ok());
        QVERIFY(!decodeCbor(QByteArray(100000, '\xc1')).ok());
        const QByteArray many = "\x9f" + QByteArray(5000, '\x00') + "\xff";
        QVERIFY(!decodeCbor(many).ok());
        QVERIFY(decodeCbor(many, {.bytes = 10000, .depth = 4, .items = 6000}).ok());
        QVERIFY(!decodeCbor(many, {.bytes = 4000, .depth = 4, .items = 6000}).ok());
        QCOMPARE(cborMap(QByteArray::fromHex("a1616101"), QStringLiteral("It")).value(QStringLiteral("a")).toInteger(),
                 1);
        try {
            cborMap(QByteArray::fromHex("8101"), QStringLiteral("The file x"));
            QFAIL("an array is no map");
        } catch (const Fault &fault) {
            QCOMPARE(fault.sentence(), QStringLiteral("The file x is not readable: not a map."));
        }
    }

    // Random bytes: never a crash, and what is accepted goes round.
    void decodingNoise()
    {
        QRandomGenerator random(42);
        int accepted = 0;
        for (int i = 0; i < 20000; ++i) {
            QByteArray bytes = some(random.bounded(1, 24), random.generate());
            const auto decoded = decodeCbor(bytes);
            if (!decoded.ok())
                continue;
            ++accepted;
            QVERIFY(decoded.used <= bytes.size());
        }
        QVERIFY(accepted > 100);
    }

    void pem()
    {
        const QByteArray a = some(700, 9), b = some(3, 8);
        const QByteArray text = "junk\n" + toPem("CERTIFICATE", a) + "between\n" + toPem("CERTIFICATE", b);
        QCOMPARE(fromPem(text, "CERTIFICATE"), (QList<QByteArray>{a, b}));
        QVERIFY(fromPem(text, "PUBLIC KEY").isEmpty());
        QVERIFY(fromPem(text.left(200), "CERTIFICATE").isEmpty());
        QCOMPARE(fromPem(QByteArray(text).replace("\n", "\r\n"), "CERTIFICATE").size(), 2);
        for (const QByteArray &line : toPem("X", a).split('\n'))
            QVERIFY(line.size() <= 64);
    }
};

SLIPWAY_TEST_MAIN(TestCodec)
#include "tst_codec.moc"
