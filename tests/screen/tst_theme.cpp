// The colours of the one theme: contrast of every pair that is used, told apart with the three colour-vision
// deficiencies, and no colour or size anywhere but in the theme.

#include "tests/screen/screen.h"

#include <QDirIterator>
#include <QRegularExpression>

#include <array>
#include <cmath>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

using Linear = std::array<double, 3>;

Linear linear(const QColor &color)
{
    const auto one = [](double c) { return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
    return {one(color.redF()), one(color.greenF()), one(color.blueF())};
}

double luminance(const QColor &color)
{
    const Linear c = linear(color);
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
}

// WCAG 2.2
double contrast(const QColor &a, const QColor &b)
{
    const double x = luminance(a) + 0.05;
    const double y = luminance(b) + 0.05;
    return x > y ? x / y : y / x;
}

// Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB
using Matrix = std::array<Linear, 3>;
constexpr Matrix deutan{
    {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}};
constexpr Matrix protan{
    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}};
constexpr Matrix tritan{
    {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}};

// CIE Lab, D65
Linear lab(const Linear &rgb)
{
    const auto c = [&](size_t i) { return std::clamp(rgb[i], 0.0, 1.0); };
    const double x = (0.4124 * c(0) + 0.3576 * c(1) + 0.1805 * c(2)) / 0.95047;
    const double y = 0.2126 * c(0) + 0.7152 * c(1) + 0.0722 * c(2);
    const double z = (0.0193 * c(0) + 0.1192 * c(1) + 0.9505 * c(2)) / 1.08883;
    const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
    return {116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))};
}

double difference(const QColor &a, const QColor &b, const Matrix *seenAs)
{
    const auto seen = [&](const QColor &color) {
        const Linear from = linear(color);
        if (!seenAs)
            return lab(from);
        Linear to{};
        for (size_t i = 0; i < 3; ++i)
            to[i] = (*seenAs)[i][0] * from[0] + (*seenAs)[i][1] * from[1] + (*seenAs)[i][2] * from[2];
        return lab(to);
    };
    const Linear p = seen(a);
    const Linear q = seen(b);
    return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

} // namespace

class TestTheme : public QObject
{
    Q_OBJECT

    std::unique_ptr<QObject> m_holder;
    QObject *m_theme = nullptr; // of the screen at hand

    QColor token(Screen &screen, const char *name)
    {
        if (!m_theme) {
            QQmlComponent component(&screen.engine());
            component.setData("import QtQml\nimport Slipway\nQtObject { property var theme: Theme }", {});
            m_holder.reset(component.create());
            m_theme = m_holder ? m_holder->property("theme").value<QObject *>() : nullptr;
        }
        const QVariant value = m_theme ? m_theme->property(name) : QVariant();
        if (!value.isValid())
            qWarning("no token %s", name);
        return value.value<QColor>();
    }

private Q_SLOTS:
    void init()
    {
        m_holder.reset();
        m_theme = nullptr;
    }

    void contrast_data()
    {
        QTest::addColumn<bool>("dark");
        QTest::newRow("light") << false;
        QTest::newRow("dark") << true;
    }

    void contrast()
    {
        QFETCH(bool, dark);
        Screen screen(mixedLine(1), dark ? darkLook() : lightLook());
        struct Pair {
            const char *front, *back;
            double least;
        };
        const Pair pairs[] = {
            // text
            {"ink", "ground", 7},
            {"ink", "surface", 7},
            {"ink", "hatch", 7},
            {"ink", "failTint", 7},
            {"inkQuiet", "ground", 7},
            {"inkQuiet", "surface", 7},
            {"inkQuiet", "failTint", 7},
            {"passInk", "pass", 7},
            {"failInk", "fail", 7},
            {"actInk", "act", 7},
            {"cautionInk", "cautionFill", 7},
            // graphics, large type included
            {"pass", "surface", 3},
            {"fail", "surface", 3},
            {"fail", "failTint", 3},
            {"act", "surface", 3},
            {"act", "ground", 3},
            {"caution", "surface", 3},
            {"caution", "ground", 3},
            {"caution", "failTint", 3},
            {"ink", "track", 3},
            {"ink", "passBand", 3},
            {"ink", "passBandSure", 3},
            {"fail", "track", 3},
        };
        for (const Pair &pair : pairs) {
            const double is = ::contrast(token(screen, pair.front), token(screen, pair.back));
            QVERIFY2(
                is >= pair.least,
                qPrintable(
                    u"%1 on %2: %3"_s.arg(QLatin1String(pair.front), QLatin1String(pair.back)).arg(is, 0, 'f', 2)));
        }
    }

    void toldApart_data() { contrast_data(); }

    // 10 in CIE Lab is plain to see side by side; shape, word and the frame of FAIL say the same once more.
    void toldApart()
    {
        QFETCH(bool, dark);
        Screen screen(mixedLine(1), dark ? darkLook() : lightLook());
        const char *fills[] = {"surface", "pass", "fail", "act", "cautionFill"};
        const std::pair<const char *, const Matrix *> eyes[] = {
            {"trichromat", nullptr}, {"deutan", &deutan}, {"protan", &protan}, {"tritan", &tritan}};
        for (const auto &[eye, matrix] : eyes) {
            for (size_t i = 0; i < std::size(fills); ++i) {
                for (size_t j = i + 1; j < std::size(fills); ++j) {
                    const double d = difference(token(screen, fills[i]), token(screen, fills[j]), matrix);
                    QVERIFY2(d >= 10,
                             qPrintable(u"%1 and %2 seen by %3: %4"_s
                                            .arg(QLatin1String(fills[i]), QLatin1String(fills[j]), QLatin1String(eye))
                                            .arg(d, 0, 'f', 1)));
                }
            }
        }
    }

    // The words and shapes of all states differ from each other.
    void shapesDiffer()
    {
        const SlotView views[] = {readyView(1),           waitingView(1, u"a"_s), workingView(1, u"a"_s, 1, 0.5),
                                  labelView(1, u"a"_s),   passView(1, u"a"_s),    failView(1, u"a"_s),
                                  stoppedView(1, u"a"_s), errorView(1, u"a"_s),   unknownView(1, u"a"_s)};
        QSet<QString> glyphs, words;
        for (const SlotView &view : views) {
            SlotViewModel model(1);
            model.update(view);
            QVERIFY2(!glyphs.contains(model.glyph()), qPrintable(model.glyph()));
            QVERIFY2(!words.contains(model.word()), qPrintable(model.word()));
            glyphs << model.glyph();
            words << model.word();
        }
    }

    void literalsStandInTheThemeOnly()
    {
        static const QRegularExpression colour(
            u"\"#[0-9A-Fa-f]{3,8}\"|Qt\\.rgba|\"(white|black|red|green|blue|gr[ae]y|amber|orange|yellow)\""_s);
        static const QRegularExpression size(
            u"\\b(pixelSize|pointSize|spacing|radius|padding|[a-z]+Padding|margins|[a-z]+Margin|implicitWidth|implicitHeight|border\\.width)\\s*:\\s*[0-9]*[1-9]"_s);
        static const QRegularExpression extent(u"^\\s*(x|y|width|height)\\s*:\\s*[0-9.]*[1-9][0-9.]*\\s*$"_s,
                                               QRegularExpression::MultilineOption);
        QDirIterator files(u"" SLIPWAY_SOURCE_DIR "/qml"_s, {u"*.qml"_s}, QDir::Files);
        int seen = 0;
        while (files.hasNext()) {
            QFile file(files.next());
            if (files.fileName() == u"Theme.qml")
                continue;
            QVERIFY(file.open(QIODevice::ReadOnly));
            const QString text = QString::fromUtf8(file.readAll());
            for (const QRegularExpression &rule : {colour, size, extent}) {
                const auto match = rule.match(text);
                QVERIFY2(!match.hasMatch(), qPrintable(files.fileName() + u": "_s + match.captured(0)));
            }
            ++seen;
        }
        QVERIFY(seen > 15);
    }
};

SLIPWAY_SCREEN_MAIN(TestTheme)
#include "tst_theme.moc"
