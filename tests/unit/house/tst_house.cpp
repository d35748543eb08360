// The plan of the house, held against the source: no #include runs up a floor or round, every fault code that is
// thrown stands in the table once and is worded for a person, and no file has grown past its limit.

#include "core/base/fault.h"
#include "tests/support/testmain.h"

#include <QDirIterator>
#include <QFile>
#include <QHash>
#include <QRegularExpression>
#include <QSet>

using namespace slipway;

namespace {

const QString root = QStringLiteral(SLIPWAY_SOURCE_DIR);

QStringList sources(const QStringList &folders, const QStringList &patterns)
{
    QStringList files;
    for (const QString &folder : folders) {
        QDirIterator it(root + u'/' + folder, patterns, QDir::Files, QDirIterator::Subdirectories);
        while (it.hasNext())
            files << it.next().mid(root.size() + 1);
    }
    files.sort();
    return files;
}

QString content(const QString &file)
{
    QFile f(root + u'/' + file);
    return f.open(QIODevice::ReadOnly) ? QString::fromUtf8(f.readAll()) : QString();
}

// "core/mud/mudurl.h" -> "core/mud"
QString roomOf(const QString &file)
{
    return file.section(u'/', 0, 1);
}

// Which rooms a room may include, besides itself. The floors of the plan, lowest first.
QHash<QString, QStringList> floors()
{
    const QStringList base{QStringLiteral("core/base")};
    const QStringList codec = base + QStringList{QStringLiteral("core/codec")};
    const QStringList device = codec + QStringList{QStringLiteral("core/device")};
    QStringList siblings = device;
    siblings << QStringLiteral("core/firmware") << QStringLiteral("core/identity") << QStringLiteral("core/mud");
    const QStringList records{QStringLiteral("core/journal"), QStringLiteral("core/recipe")};
    const QStringList steps = siblings + records;
    const QStringList station = steps + QStringList{QStringLiteral("core/steps")};
    const QStringList drivers = device + QStringList{QStringLiteral("drivers/link")};
    return {
        {QStringLiteral("core/base"), {}},
        {QStringLiteral("core/codec"), base},
        {QStringLiteral("core/device"), codec},
        {QStringLiteral("core/firmware"), device},
        {QStringLiteral("core/mud"), device},
        // identity puts MUD URLs into certificates
        {QStringLiteral("core/identity"), device + QStringList{QStringLiteral("core/mud")}},
        {QStringLiteral("core/journal"), siblings},
        {QStringLiteral("core/recipe"), siblings},
        {QStringLiteral("core/steps"), steps},
        {QStringLiteral("core/station"), station},
        {QStringLiteral("drivers/link"), device},
        {QStringLiteral("drivers/smp"), drivers},
        {QStringLiteral("drivers/esp"), drivers},
        {QStringLiteral("drivers/stm32"), drivers},
        {QStringLiteral("drivers/dfu"), drivers},
        {QStringLiteral("drivers/uf2"), drivers},
        {QStringLiteral("drivers/linux"), drivers},
        {QStringLiteral("drivers/coap"), drivers},
        {QStringLiteral("drivers/probe"), drivers},
        {QStringLiteral("drivers/virtual"), drivers},
    };
}

} // namespace

class TestHouse : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void includesRunDownOnly()
    {
        static const QRegularExpression include(QStringLiteral("^\\s*#\\s*include\\s+\"([^\"]+)\""),
                                                QRegularExpression::MultilineOption);
        const auto allowed = floors();
        QStringList wrong;
        int seen = 0;
        const QStringList files = sources({QStringLiteral("core"), QStringLiteral("drivers")},
                                          {QStringLiteral("*.h"), QStringLiteral("*.cpp")});
        for (const QString &file : files) {
            const QString room = roomOf(file);
            if (!allowed.contains(room)) {
                wrong << file + QStringLiteral(": the room ") + room + QStringLiteral(" has no floor yet");
                continue;
            }
            auto it = include.globalMatch(content(file));
            while (it.hasNext()) {
                const QString target = it.next().captured(1);
                if (target.endsWith(u".moc"))
                    continue;
                ++seen;
                const QString targetRoom = roomOf(target);
                if (targetRoom != room && !allowed.value(room).contains(targetRoom))
                    wrong << file + QStringLiteral(" includes ") + target;
            }
        }
        QVERIFY(seen > 50);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(u'\n')));
    }

    void everyFaultIsListedOnce()
    {
        static const QRegularExpression thrown(QStringLiteral("Fault\\(\\s*\"([a-z][a-z0-9]*\\.[a-z0-9-]+)\""));
        QSet<QString> used;
        const QStringList files = sources({QStringLiteral("core"), QStringLiteral("drivers"), QStringLiteral("app")},
                                          {QStringLiteral("*.h"), QStringLiteral("*.cpp")});
        for (const QString &file : files) {
            auto it = thrown.globalMatch(content(file));
            while (it.hasNext())
                used << it.next().captured(1);
        }
        QVERIFY(used.size() > 20);
        QStringList missing;
        for (const QString &code : std::as_const(used)) {
            if (!faultKind(code))
                missing << code;
        }
        missing.sort();
        QVERIFY2(missing.isEmpty(), qPrintable(missing.join(u' ')));
        QSet<QString> listed;
        for (const FaultKind &kind : faultTable()) {
            const QString code = QString::fromLatin1(kind.code);
            QVERIFY2(!listed.contains(code), kind.code);
            listed << code;
        }
    }

    void faultsAreSentences()
    {
        for (const FaultKind &kind : faultTable()) {
            const QString sentence = QString::fromUtf8(kind.sentence);
            const QString remedy = QString::fromUtf8(kind.remedy);
            QVERIFY2(!sentence.isEmpty(), kind.code);
            QVERIFY2(sentence[0].isUpper() || sentence[0] == u'%' || sentence[0] == u'"', kind.code);
            static const QRegularExpression ends(QStringLiteral("(\\.|!|\\?|%[0-9]\\)?)$"));
            QVERIFY2(ends.match(sentence).hasMatch(), kind.code);
            QVERIFY2(remedy.isEmpty() || ends.match(remedy).hasMatch(), kind.code);
            QVERIFY2(sentence.size() < 220, kind.code);
        }
    }

    void faultFillsArguments()
    {
        const Fault fault("driver.unknown", {QStringLiteral("%2"), QStringLiteral(" x"), QStringLiteral("smp")});
        QCOMPARE(fault.sentence(), QStringLiteral("There is no driver \"%2\". x"));
        QCOMPARE(fault.remedy(), QStringLiteral("Known drivers: smp."));
        QCOMPARE(fault.exitStatus(), 2);
    }

    void filesStaySmall()
    {
        QStringList large;
        const QStringList files = sources({QStringLiteral("core"), QStringLiteral("drivers"), QStringLiteral("app"),
                                           QStringLiteral("qml"), QStringLiteral("tests")},
                                          {QStringLiteral("*.h"), QStringLiteral("*.cpp"), QStringLiteral("*.qml")});
        for (const QString &file : files) {
            if (content(file).count(u'\n') > 800)
                large << file;
        }
        QVERIFY2(large.isEmpty(), qPrintable(large.join(u' ')));
    }

    void qmlHasNoLiteralColours()
    {
        static const QRegularExpression literal(QStringLiteral("\"#[0-9A-Fa-f]{6,8}\""));
        QStringList wrong;
        for (const QString &file : sources({QStringLiteral("qml")}, {QStringLiteral("*.qml")})) {
            if (!file.endsWith(u"Theme.qml") && content(file).contains(literal))
                wrong << file;
        }
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(u' ')));
    }
};

SLIPWAY_TEST_MAIN(TestHouse)
#include "tst_house.moc"
