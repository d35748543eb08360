// The desktop entry and the icon are what desktops take.

#include "tests/support/testmain.h"

#include <QGuiApplication>
#include <QPainter>
#include <QProcess>
#include <QStandardPaths>
#include <QSvgRenderer>

using namespace Qt::StringLiterals;

class TestDesktopFiles : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void desktopEntry()
    {
        if (QStandardPaths::findExecutable(u"desktop-file-validate"_s).isEmpty())
            QSKIP("desktop-file-utils is not installed");
        QProcess validate;
        validate.start(u"desktop-file-validate"_s, {u"" SLIPWAY_SOURCE_DIR "/installer/slipway-desktop.desktop"_s});
        QVERIFY(validate.waitForFinished(30'000));
        const QByteArray said = validate.readAll() + validate.readAllStandardError();
        QVERIFY2(validate.exitCode() == 0 && said.isEmpty(), said.constData());
    }

    void icon()
    {
        QSvgRenderer renderer(u"" SLIPWAY_SOURCE_DIR "/installer/icons/slipway-desktop.svg"_s);
        QVERIFY(renderer.isValid());
        QCOMPARE(renderer.viewBox().size(), QSize(256, 256));
        QImage image(64, 64, QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::transparent);
        QPainter painter(&image);
        renderer.render(&painter);
        painter.end();
        QCOMPARE(image.pixelColor(0, 0).alpha(), 0);    // rounded corner
        QVERIFY(image.pixelColor(32, 4).alpha() > 250); // plate
    }
};

int main(int argc, char **argv)
{
    QGuiApplication application(argc, argv);
    slipway::test::watchLog();
    TestDesktopFiles test;
    const int failed = QTest::qExec(&test, argc, argv);
    return failed ? failed : (slipway::test::unexpectedLogs() ? 99 : 0);
}
#include "tst_desktopfiles.moc"
