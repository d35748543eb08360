// dfu-util of Debian and the virtual USB devices agree: it finds them, writes, reads and leaves as it would a real one,
// reads files that the driver's tests are made with, and what it wrote the driver reads back.

#include "core/codec/dfufile.h"
#include "tests/support/dfubench.h"
#include "tests/support/dfufiles.h"
#include "tests/support/testmain.h"

#include <QProcess>
#include <QStandardPaths>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint32 flash = 0x08000000;

struct Ran {
    int status = -1;
    QString said;
};

Ran run(const QString &program, const QStringList &arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    Ran out;
    if (process.waitForFinished(60'000) && process.exitStatus() == QProcess::NormalExit)
        out.status = process.exitCode();
    out.said = QString::fromUtf8(process.readAll());
    return out;
}

} // namespace

class TestDfuUtil : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString file(const QString &name, const QByteArray &content)
    {
        QFile f(m_folder.filePath(name));
        if (f.open(QIODevice::WriteOnly))
            f.write(content);
        return f.fileName();
    }
    QByteArray content(const QString &name)
    {
        QFile f(m_folder.filePath(name));
        return f.open(QIODevice::ReadOnly) ? f.readAll() : QByteArray();
    }

private Q_SLOTS:
    void initTestCase()
    {
        if (!UsbBed::isPreloaded())
            QSKIP("umockdev's preload library is not loaded");
        if (QStandardPaths::findExecutable(u"dfu-util"_s).isEmpty())
            QSKIP("dfu-util is not installed");
    }

    void finds()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const Ran ran = run(u"dfu-util"_s, {u"-l"_s});
        QVERIFY2(ran.said.contains(u"Found DFU: [0483:df11] ver=2200"_s), qPrintable(ran.said));
        QVERIFY2(
            ran.said.contains(u"path=\"1-2.3\", alt=0, "
                              "name=\"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg\", serial=\"SN0001\""_s),
            qPrintable(ran.said));
    }

    void dfuse()
    {
        VirtualDfuOptions options;
        options.eraseTime = 5ms;
        options.writeTime = 2ms;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const QByteArray bytes = someBytes(40'000);
        Ran ran = run(u"dfu-util"_s, {u"-a"_s, u"0"_s, u"-s"_s, u"0x08000000"_s, u"-D"_s, file(u"image.bin"_s, bytes)});
        QVERIFY2(ran.status == 0, qPrintable(ran.said));
        QCOMPARE(device.memory(flash, bytes.size()), bytes);
        QCOMPARE(device.facts().earlyPolls, 0);
        QCOMPARE(openDfu()->memory()->read(flash, bytes.size(), withinSeconds(20)), bytes);

        // The other way round: what the driver writes, dfu-util reads.
        const QByteArray other = someBytes(9'001, 7);
        openDfu()->memory()->write({{flash + 0x4000, other}}, {}, withinSeconds(20));
        ran =
            run(u"dfu-util"_s, {u"-a"_s, u"0"_s, u"-s"_s, u"0x08004000:9001"_s, u"-U"_s, m_folder.filePath(u"back"_s)});
        QVERIFY2(ran.status == 0, qPrintable(ran.said));
        QCOMPARE(content(u"back"_s), other);
    }

    // A file made by dfuse-pack: dfu-util and the driver leave the same memory behind.
    void dfuseFile()
    {
        const QString name = QStringLiteral(SLIPWAY_TEST_DATA "/dfu/two-segments.dfu");
        VirtualDfu theirs, ours;
        {
            UsbBed bed;
            bed.plug(theirs, dfuPlace);
            const Ran ran = run(u"dfu-util"_s, {u"-a"_s, u"0"_s, u"-D"_s, name});
            QVERIFY2(ran.status == 0, qPrintable(ran.said));
        }
        UsbBed bed;
        bed.plug(ours, dfuPlace);
        QFile file(name);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QList<MemorySegment> segments;
        for (const AddressedBytes &element : DfuFile::parse(file.readAll()).elements())
            segments.append({element.at, element.bytes});
        openDfu()->memory()->write(segments, {}, withinSeconds(20));
        QCOMPARE(ours.memory(flash, 0x20000), theirs.memory(flash, 0x20000));
    }

    void massEraseUnprotectAndLeave()
    {
        VirtualDfuOptions options;
        options.readProtected = true;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash, "secret");
        const QString image = file(u"small.bin"_s, "new image, 16 by");
        Ran ran = run(u"dfu-util"_s, {u"-a"_s, u"0"_s, u"-s"_s, u"0x08000000"_s, u"-D"_s, image});
        QVERIFY(ran.status != 0); // protected
        ran = run(u"dfu-util"_s, {u"-a"_s, u"0"_s, u"-s"_s, u"0x08000000:unprotect:force"_s, u"-D"_s, image});
        QTRY_VERIFY(bed.addressOf(dfuPlace) > 0 && device.facts().enumerations > 0);
        QCOMPARE(device.facts().unprotected, 1);
        ran = run(u"dfu-util"_s, {u"-a"_s, u"0"_s, u"-s"_s, u"0x08000000:mass-erase:force:leave"_s, u"-D"_s, image});
        QVERIFY2(ran.said.contains(u"Submitting leave request"_s), qPrintable(ran.said));
        QCOMPARE(device.memory(flash, 16), QByteArray("new image, 16 by"));
        QCOMPARE(device.facts().massErased, 1);
        QCOMPARE(device.facts().left, 1);
        QCOMPARE(device.facts().leftTo, flash);
    }

    void plain()
    {
        VirtualDfuOptions options = plainOptions();
        options.writeTime = 1ms;
        options.manifestTime = 10ms;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const QByteArray bytes = someBytes(5'000);
        Ran ran = run(u"dfu-util"_s,
                      {u"-a"_s, u"Radio"_s, u"-D"_s, file(u"plain.dfu"_s, withDfuSuffix(bytes, 0x1209, 0xdf11))});
        QVERIFY2(ran.status == 0, qPrintable(ran.said));
        QCOMPARE(device.image(1), bytes);
        QCOMPARE(device.facts().earlyPolls, 0);
        QCOMPARE(openDfu()->blobs()->read(Blobs::Kind::File, u"Radio"_s, withinSeconds(20)), bytes);
        openDfu()->firmware()->write(someBytes(3'000, 5), {}, withinSeconds(20));
        ran = run(u"dfu-util"_s, {u"-a"_s, u"0"_s, u"-U"_s, m_folder.filePath(u"plain.back"_s)});
        QVERIFY2(ran.status == 0, qPrintable(ran.said));
        QCOMPARE(content(u"plain.back"_s), someBytes(3'000, 5));
    }

    void detach()
    {
        VirtualDfu device(withRuntime(plainOptions()));
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const Ran ran = run(u"dfu-util"_s, {u"-e"_s});
        QVERIFY2(ran.said.contains(u"Device really in Run-Time Mode"_s), qPrintable(ran.said));
        QTRY_VERIFY(!device.facts().runtime && bed.addressOf(dfuPlace) > 0);
    }

    // dfu-suffix and the reader of suffixes agree.
    void suffix()
    {
        const QString name = file(u"suffixed.dfu"_s, someBytes(100));
        QCOMPARE(
            run(u"dfu-suffix"_s, {u"-v"_s, u"1209"_s, u"-p"_s, u"df11"_s, u"-d"_s, u"0102"_s, u"-a"_s, name}).status,
            0);
        const DfuFile read = DfuFile::parse(content(u"suffixed.dfu"_s));
        QCOMPARE(read.image, someBytes(100));
        QCOMPARE(read.vendorId, quint16(0x1209));
        QCOMPARE(read.productId, quint16(0xdf11));
        QCOMPARE(read.device, quint16(0x0102));
        const Ran ran = run(u"dfu-suffix"_s, {u"-c"_s, file(u"ours.dfu"_s, withDfuSuffix("image", 0x1209, 0xdf11))});
        QVERIFY2(ran.status == 0 && ran.said.contains(u"0x1209"_s), qPrintable(ran.said));
    }
};

SLIPWAY_TEST_MAIN(TestDfuUtil)
#include "tst_dfuutil.moc"
