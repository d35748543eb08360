// Labels as programs of others see them: zbarimg reads the QR code of the page that pdftoppm draws, at the coarse
// resolution of a cheap label printer too; pdftotext reads the words.

#include "core/base/files.h"
#include "core/steps/labeldrawing.h"
#include "tests/support/testmain.h"

#include <QGuiApplication>
#include <QImage>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray outputOf(const QString &program, const QStringList &arguments)
{
    QProcess process;
    process.start(program, arguments);
    process.waitForFinished(60'000);
    return process.readAllStandardOutput();
}

} // namespace

class TestLabelReaders : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void othersReadTheQrCode()
    {
        if (QStandardPaths::findExecutable(u"pdftoppm"_s).isEmpty() ||
            QStandardPaths::findExecutable(u"zbarimg"_s).isEmpty())
            QSKIP("pdftoppm (poppler-utils) or zbarimg (zbar-tools) is not installed");
        QTemporaryDir folder;
        const QString pdf = folder.filePath(u"label.pdf"_s);
        writeFile(pdf, labelPdf({u"Thermostat T1"_s, u"T1-00000007"_s, u"02-00-5E-10-00-07"_s, u"T1-00000007"_s}));
        // As coarse as a cheap label printer, 203 dots an inch, and finer.
        for (const QString &dots : {u"203"_s, u"300"_s, u"600"_s}) {
            const QString image = folder.filePath(u"label-"_s + dots);
            outputOf(u"pdftoppm"_s, {u"-r"_s, dots, u"-png"_s, u"-singlefile"_s, pdf, image});
            QCOMPARE(outputOf(u"zbarimg"_s, {u"--raw"_s, u"-q"_s, u"--nodbus"_s, image + u".png"_s}).trimmed(),
                     QByteArray("T1-00000007"));
        }
        const QImage page(folder.filePath(u"label-600.png"_s));
        // Whole points: 50.1 x 25.05 mm.
        QVERIFY2(std::abs(page.width() / 600.0 * 25.4 - 50) < 0.2 && std::abs(page.height() / 600.0 * 25.4 - 25) < 0.1,
                 qPrintable(u"%1 x %2"_s.arg(page.width()).arg(page.height())));
        // Qt maps the hyphen's glyph to the soft hyphen, which pdftotext makes a space.
        const QString text = QString::fromUtf8(outputOf(u"pdftotext"_s, {u"-layout"_s, pdf, u"-"_s}));
        for (const QString &wanted : {u"Thermostat T1"_s, u"T1 00000007"_s, u"02 00 5E 10 00 07"_s})
            QVERIFY2(QString(text).replace(u'-', u' ').contains(wanted), qPrintable(text));
    }
};

int main(int argc, char **argv)
{
    QGuiApplication application(argc, argv); // labels are drawn with fonts
    watchLog();
    TestLabelReaders test;
    const int failed = QTest::qExec(&test, argc, argv);
    return failed ? failed : (unexpectedLogs() ? 99 : 0);
}
#include "tst_labelreaders.moc"
