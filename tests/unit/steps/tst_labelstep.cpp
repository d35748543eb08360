// The step label: ZPL and PDF, the printer, and the scan back.

#include "core/base/files.h"
#include "core/steps/labeldrawing.h"
#include "core/steps/labelprinter.h"
#include "tests/support/fakecontext.h"
#include "tests/support/testmain.h"

#include <QGuiApplication>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString samples = QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples/recipes");

RecipeStep label(const QString &more = {})
{
    return stepFrom(u"label: { template: t1.zpl, product: Thermostat T1%1 }"_s.arg(more), samples);
}

RecipeStep identity()
{
    return stepFrom(u"idevid: { profile: t1, mud-url: \"https://mud.example/t1/1.4.json\" }"_s);
}

PromptAnswer scan(const QString &text)
{
    return {.yes = true, .value = text};
}

} // namespace

class TestLabelStep : public QObject
{
    Q_OBJECT

private:
    static QByteArray zplOf(const FakeContext &context)
    {
        return readFile(context.outputFolder() + u"/label-T1-00000007.zpl"_s, 1 << 20, u"a label"_s);
    }

private Q_SLOTS:
    void writesBothForms()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(label()), QString());
        const QByteArray zpl = zplOf(context);
        QVERIFY(zpl.contains("^FDT1-00000007^FS"));
        QVERIFY(zpl.contains("^BQN"));
        QVERIFY(!zpl.contains("${"));
        const QByteArray pdf = readFile(context.outputFolder() + u"/label-T1-00000007.pdf"_s, 1 << 20, u"a label"_s);
        QVERIFY(pdf.startsWith("%PDF-1."));
        const auto *entry = context.recorded(u"label"_s);
        QVERIFY(entry);
        QCOMPARE(entry->body.value(u"template"_s).toString(), u"t1.zpl"_s);
        QCOMPARE(entry->body.value(u"sha256"_s).toByteArray(),
                 QCryptographicHash::hash(zpl, QCryptographicHash::Sha256));
        QCOMPARE(entry->body.value(u"scanned-back"_s).toString(), QString());
        QVERIFY(context.asked.isEmpty());
    }

    void scansBack()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(identity()), QString());
        context.answers << scan(u"T1-00000007"_s);
        QCOMPARE(context.codeOf(label(u", scan-back: true"_s)), QString());
        QCOMPARE(context.asked[0].kind, PromptRequest::Kind::ScanBack);
        QCOMPARE(context.asked[0].expected, u"T1-00000007"_s);
        QCOMPARE(context.recorded(u"label"_s)->body.value(u"scanned-back"_s).toString(), u"T1-00000007"_s);

        context.answers << scan(u"T1-00000008"_s) << scan(u"t1-00000007"_s) << scan(u"T1-00000007\n"_s);
        for (int i = 0; i < 3; ++i)
            QCOMPARE(context.codeOf(label(u", scan-back: true"_s)), u"label.scan"_s);
        QVERIFY(Fault("label.scan").retryable());
        QCOMPARE(context.codeOf(label(u", scan-back: true"_s)), u"prompt.no-answer"_s);
    }

    // The run says 7 and so does the label, but the device in the place is 8.
    void comparesWithTheDevice()
    {
        FakeDevice device;
        FakeContext context(device, u"T1-00000008"_s);
        QCOMPARE(context.codeOf(identity()), QString());
        context.unit = u"T1-00000007"_s;
        context.variables.set(u"serial"_s, context.unit);
        context.answers << scan(u"T1-00000007"_s);
        QCOMPARE(context.codeOf(label(u", scan-back: true"_s)), u"label.other-unit"_s);
        QVERIFY(context.asked.isEmpty());
    }

    void withoutCertificate()
    {
        FakeDevice device;
        FakeContext context(device);
        context.answers << scan(u"T1-00000007"_s);
        QCOMPARE(context.codeOf(label(u", scan-back: true"_s)), u"label.no-identity"_s);
        device.said.serial = u"T1-00000007"_s; // what the device says of itself will do
        QCOMPARE(context.codeOf(label(u", scan-back: true"_s)), QString());
        device.lacks << Capability::Keys;
        context.answers << scan(u"T1-00000007"_s);
        QCOMPARE(context.codeOf(label(u", scan-back: true"_s)), QString());
    }

    void qrWithMore()
    {
        FakeDevice device;
        device.said.serial = u"T1-00000007"_s;
        FakeContext context(device);
        context.answers << scan(u"https://example.com/t1?sn=T1-00000007"_s);
        QCOMPARE(context.codeOf(label(u", scan-back: true, qr: \"https://example.com/t1?sn=${serial}\""_s)), QString());
    }

    void hostileValues()
    {
        const QByteArray form = "^XA^FO20,20^FD${serial} ${fact:name}^FS^XZ";
        const auto fill = [&form](const QString &value) {
            try {
                return labelZpl(form, [&value](const QString &) { return value; });
            } catch (const Fault &fault) {
                return QByteArray(fault.code());
            }
        };
        QCOMPARE(fill(u"Größe 1"_s), QByteArray("^XA^FO20,20^FDGröße 1 Größe 1^FS^XZ"));
        for (const QString &value : {u"x^FS^XZ"_s, u"~JR"_s, u"a\nb"_s, u"\x1b"_s})
            QCOMPARE(fill(value), QByteArray("label.text"));
        QVERIFY_EXCEPTION_THROWN(labelZpl("no label", [](const QString &) { return QString(); }), Fault);
        QVERIFY_EXCEPTION_THROWN(labelZpl("^XA\xff^XZ", [](const QString &) { return QString(); }), Fault);
        QVERIFY_EXCEPTION_THROWN(labelPdf({u"p"_s, u"s"_s, {}, QString(5000, u'x')}), Fault);
    }

    void oddSerialIsNoPath()
    {
        FakeDevice device;
        FakeContext context(device, u"../../etc/x"_s);
        QCOMPARE(context.codeOf(label()), QString());
        QVERIFY(QFileInfo::exists(context.outputFolder() + u"/label-_.._.._etc_x.zpl"_s) ||
                QFileInfo::exists(context.outputFolder() + u"/label-.._.._etc_x.zpl"_s) ||
                QFileInfo::exists(context.outputFolder() + u"/label-_.._.._etc_x.zpl"_s));
        QCOMPARE(QDir(context.outputFolder()).entryList(QDir::Files).size(), 2);
    }

    void unusableTemplate()
    {
        FakeDevice device;
        FakeContext context(device);
        RecipeStep step = label();
        step.parameters[u"template"_s] = QString(samples + u"/t1.yaml"_s);
        QCOMPARE(context.codeOf(step), u"label.template"_s);
        step.parameters[u"template"_s] = u"/nowhere.zpl"_s;
        QCOMPARE(context.codeOf(step), u"file.unreadable"_s);
        QVERIFY(device.order.isEmpty());
    }

    void printsOnceToADevice()
    {
        FakeDevice device;
        device.said.serial = u"T1-00000007"_s;
        FakeContext context(device);
        const QString fifo = context.folder.filePath(u"printer"_s);
        QCOMPARE(mkfifo(fifo.toLocal8Bit().constData(), 0600), 0);
        const int reader = ::open(fifo.toLocal8Bit().constData(), O_RDONLY | O_NONBLOCK);
        QVERIFY(reader >= 0);
        const auto work = stepKind(u"label"_s)->make(label(u", scan-back: true, printer: \"%1\""_s.arg(fifo)));
        context.answers << scan(u"wrong"_s) << scan(u"T1-00000007"_s);
        QCOMPARE(context.codeOf(*work), u"label.scan"_s);
        QCOMPARE(context.codeOf(*work), QString());
        QByteArray printed(65536, '\0');
        printed.resize(::read(reader, printed.data(), size_t(printed.size())));
        ::close(reader);
        QCOMPARE(printed, zplOf(context));
    }

    void printerTroubles()
    {
        FakeDevice device;
        FakeContext context(device);
        const QString file = context.folder.filePath(u"file"_s);
        writeFile(file, "x");
        QCOMPARE(context.codeOf(label(u", printer: \"%1\""_s.arg(file))), u"label.printer"_s);
        QCOMPARE(context.codeOf(label(u", printer: /dev/nowhere"_s)), u"label.printer"_s);
        // A printer that takes nothing: the wait ends.
        const QString fifo = context.folder.filePath(u"stuck"_s);
        QCOMPARE(mkfifo(fifo.toLocal8Bit().constData(), 0600), 0);
        const int reader = ::open(fifo.toLocal8Bit().constData(), O_RDONLY | O_NONBLOCK);
        Task task;
        task.deadline = Deadline::in(std::chrono::milliseconds(300));
        try {
            printLabel(fifo, QByteArray(1024 * 1024, 'x'), task);
            QFAIL("printed");
        } catch (const Fault &fault) {
            QVERIFY(fault.is(u"label.printer"));
            QCOMPARE(fault.blame(), Blame::Station);
        }
        // A stop stays a stop.
        std::stop_source stop;
        stop.request_stop();
        task.stop = stop.get_token();
        try {
            printLabel(fifo, QByteArray(1024 * 1024, 'x'), task);
            QFAIL("printed");
        } catch (const Fault &fault) {
            QVERIFY(fault.is(u"base.stopped"));
        }
        ::close(reader);
        QVERIFY(isPrinterName(u"lp:Zebra_ZD420"_s) && isPrinterName(u"/dev/usb/lp0"_s));
        for (const QString &name : {u"lp:-h evil"_s, u"lp:"_s, u"usb/lp0"_s, u""_s, u"lp:a;b"_s})
            QVERIFY2(!isPrinterName(name), qPrintable(name));
    }
};

int main(int argc, char **argv)
{
    QGuiApplication application(argc, argv); // labels are drawn with fonts
    watchLog();
    TestLabelStep test;
    const int failed = QTest::qExec(&test, argc, argv);
    return failed ? failed : (unexpectedLogs() ? 99 : 0);
}
#include "tst_labelstep.moc"
