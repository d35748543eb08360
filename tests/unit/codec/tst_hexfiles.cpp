// Intel HEX and S-records: what objcopy wrote, what the documents allow, and every kind of damage.

#include "core/base/fault.h"
#include "core/codec/intelhex.h"
#include "core/codec/srecord.h"
#include "tests/support/testmain.h"

#include <QFile>

using namespace slipway;

namespace {

QByteArray data(const char *name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/formats/") + QLatin1String(name));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// A line of Intel HEX with its checksum.
QByteArray line(quint8 type, quint16 offset, const QByteArray &content)
{
    QByteArray raw;
    raw += char(content.size());
    raw += char(offset >> 8);
    raw += char(offset & 0xff);
    raw += char(type);
    raw += content;
    quint8 sum = 0;
    for (const char c : raw)
        sum = quint8(sum + quint8(c));
    raw += char(0x100 - sum);
    return ':' + raw.toHex().toUpper() + '\n';
}

QByteArray record(char type, const QByteArray &address, const QByteArray &content)
{
    QByteArray raw;
    raw += char(address.size() + content.size() + 1);
    raw += address + content;
    quint8 sum = 0;
    for (const char c : raw)
        sum = quint8(sum + quint8(c));
    raw += char(~sum);
    return QByteArray("S") + type + raw.toHex().toUpper() + '\n';
}

const QByteArray end = ":00000001FF\n";
const QByteArray s9 = "S9030000FC\n";

template <typename File> QString refusal(const QByteArray &bytes)
{
    try {
        File::parse(bytes);
    } catch (const Fault &fault) {
        return fault.sentence();
    }
    return QStringLiteral("taken");
}

} // namespace

class TestHexFiles : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void objcopysFiles()
    {
        const IntelHexFile hexFile = IntelHexFile::parse(data("a.hex"));
        QCOMPARE(hexFile.pieces.size(), 1);
        QCOMPARE(hexFile.pieces.first().at, quint64(0x08004000));
        QCOMPARE(hexFile.pieces.first().bytes, data("a.bin"));
        const SRecordFile srec = SRecordFile::parse(data("b.s19"));
        QCOMPARE(srec.pieces.size(), 1);
        QCOMPARE(srec.pieces.first().at, quint64(0x08004000));
        QCOMPARE(srec.pieces.first().bytes, data("b.bin"));
    }

    // Every flipped bit of every character is noticed; but for the type of an S-record, which its checksum leaves out.
    void everyFlipIsNoticed()
    {
        const QByteArray hexText = line(4, 0, QByteArray("\x08\x00", 2)) + line(0, 0x4000, "slipway!") +
                                   line(5, 0, QByteArray("\x08\x00\x40\x01", 4)) + end;
        const QByteArray srecText =
            record('0', QByteArray(2, '\0'), "fw") + record('3', QByteArray("\x08\0\x40\0", 4), "slipway!") +
            record('5', QByteArray("\0\x01", 2), {}) + record('7', QByteArray("\x08\0\x40\x01", 4), {});
        QCOMPARE(IntelHexFile::parse(hexText).start, std::optional<quint32>(0x08004001));
        QCOMPARE(SRecordFile::parse(srecText).start, std::optional<quint32>(0x08004001));
        QCOMPARE(SRecordFile::parse(srecText).header, QByteArray("fw"));
        for (const bool isHex : {true, false}) {
            const QByteArray &good = isHex ? hexText : srecText;
            for (qsizetype i = 0; i < good.size(); ++i) {
                if (good[i] == '\n' || (!isHex && i > 0 && good[i - 1] == 'S'))
                    continue;
                for (int bit = 0; bit < 7; ++bit) {
                    QByteArray bad = good;
                    bad[i] = char(bad[i] ^ 1 << bit);
                    if (bad[i] == '\n' || bad.toUpper() == good) // another case of the same digit
                        continue;
                    const QString said = isHex ? refusal<IntelHexFile>(bad) : refusal<SRecordFile>(bad);
                    QVERIFY2(said != u"taken", bad.constData());
                }
            }
        }
    }

    void intelHex_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("says");
        const auto row = [](const char *name, const QByteArray &text, const char *says) {
            QTest::newRow(name) << text << QString::fromLatin1(says);
        };
        row("no end", line(0, 0, "x"), "end record is missing");
        row("nothing", "", "end record is missing");
        row("after the end", end + line(0, 0, "x"), "line 2 comes after the end record");
        row("two ends", end + end, "line 2 comes after");
        row("no colon", "00000001FF\n", "line 1 does not begin with a colon");
        row("odd digits", ":00000001F\n", "pairs of hex digits");
        row("letters", ":0000000xFF\n", "pairs of hex digits");
        row("short", ":0000\n", "not as long");
        row("long", ":00000001FF00\n", "not as long");
        row("huge line", ":" + QByteArray(100'000, '0') + "\n", "pairs of hex digits");
        row("checksum", ":00000001FE\n", "wrong checksum");
        row("type 6", line(6, 0, {}) + end, "type that does not exist (6)");
        row("base length", line(4, 0, "x") + end, "wrong length for its type");
        row("start length", line(5, 0, "abc") + end, "wrong length for its type");
        row("end with data", line(1, 0, "x"), "wrong length for its type");
        row("out of segment", line(2, 0, QByteArray("\x10\x00", 2)) + line(0, 0xfffe, "abcd") + end,
            "line 2 runs past the end of its 64 KiB segment");
        row("out of memory", line(4, 0, QByteArray("\xff\xff", 2)) + line(0, 0xfffe, "abcd") + end,
            "line 2 runs past the last address");
    }
    void intelHex()
    {
        QFETCH(QByteArray, text);
        QFETCH(QString, says);
        QVERIFY2(refusal<IntelHexFile>(text).contains(says), qPrintable(refusal<IntelHexFile>(text)));
    }

    void intelHexIsPatient()
    {
        const QByteArray body = line(0, 0x10, "ab") + line(0, 0x12, "cd") + line(0, 0x20, "ef") + line(0, 0x30, {});
        for (const QByteArray &eol :
             {QByteArray("\n"), QByteArray("\r\n"), QByteArray("\r"), QByteArray("\n\n \t\n")}) {
            QByteArray text = body + end;
            text.replace('\n', eol);
            const IntelHexFile file = IntelHexFile::parse(text);
            QCOMPARE(file.pieces.size(), 2);
            QCOMPARE(file.pieces[0].bytes, QByteArray("abcd"));
            QCOMPARE(file.pieces[1].at, quint64(0x20));
            QCOMPARE(file.records, 5);
        }
        QVERIFY(IntelHexFile::parse(body + end.trimmed() + "\r\n\x1a").pieces.size() == 2);
        // A segment base counts sixteen bytes, a linear one 64 KiB, and in the latter a record may cross.
        const IntelHexFile far = IntelHexFile::parse(line(2, 0, QByteArray("\x12\x34", 2)) + line(0, 1, "a") +
                                                     line(4, 0, QByteArray("\x00\x02", 2)) + line(0, 0xffff, "bc") +
                                                     line(3, 0, QByteArray("\x12\x34\x00\x05", 4)) + end);
        QCOMPARE(far.pieces[0].at, quint64(0x12341));
        QCOMPARE(far.pieces[1].at, quint64(0x2ffff));
        QCOMPARE(far.pieces[1].bytes, QByteArray("bc"));
        QCOMPARE(far.start, std::optional<quint32>(0x12345));
        QVERIFY(IntelHexFile::looksLike("\r\n  :10"));
        QVERIFY(!IntelHexFile::looksLike(":-)"));
        QVERIFY(!IntelHexFile::looksLike({}));
    }

    void sRecord_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("says");
        const auto row = [](const char *name, const QByteArray &text, const char *says) {
            QTest::newRow(name) << text << QString::fromLatin1(says);
        };
        const QByteArray here(2, '\0');
        row("no end", record('1', here, "x"), "end record is missing");
        row("after the end", s9 + record('1', here, "x"), "line 2 comes after the end record");
        row("no S", "T9030000FC\n", "line 1 does not begin with S");
        row("only S", "S\n", "line 1 does not begin with S");
        row("type 4", record('4', here, "x") + s9, "type that does not exist");
        row("odd digits", "S9030000F\n", "pairs of hex digits");
        row("short", "S902FD\n", "not as long");
        row("checksum", "S9030000FD\n", "wrong checksum");
        row("count", record('1', here, "x") + record('5', QByteArray("\0\x02", 2), {}) + s9,
            "says that there are 2 records, and there are 1");
        row("count with data", record('5', here, "x") + s9, "wrong length");
        row("end with data", record('9', here, "x"), "wrong length");
        row("past 64 KiB", record('1', QByteArray("\xff\xff", 2), "ab") + s9, "past the last address");
        row("past 4 GiB", record('3', QByteArray("\xff\xff\xff\xff", 4), "ab") + s9, "past the last address");
    }
    void sRecord()
    {
        QFETCH(QByteArray, text);
        QFETCH(QString, says);
        QVERIFY2(refusal<SRecordFile>(text).contains(says), qPrintable(refusal<SRecordFile>(text)));
    }

    // A file of single bytes far apart would take many times its size in memory.
    void manyPieces()
    {
        QByteArray text;
        for (int i = 0; i <= IntelHexFile::MaximumPieces; ++i) {
            if (i % 0x4000 == 0)
                text += line(4, 0, QByteArray(1, '\0') + char(i / 0x4000));
            text += line(0, quint16(i % 0x4000 * 4), "x");
        }
        QVERIFY2(refusal<IntelHexFile>(text + end).contains(u"would be piece"), "");
    }
};

SLIPWAY_TEST_MAIN(TestHexFiles)
#include "tst_hexfiles.moc"
