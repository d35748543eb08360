#include "tests/screen/screen.h"

#include "app/desktop/figuretext.h"
#include "app/desktop/scanfilter.h"

#include <QAccessible>
#include <QDir>

namespace slipway::test {

using namespace Qt::StringLiterals;

namespace {

template <typename Function> void visit(QQuickItem *item, const Function &function)
{
    function(item);
    const QList<QQuickItem *> children = item->childItems();
    for (QQuickItem *child : children)
        visit(child, function);
}

bool isText(const QQuickItem *item)
{
    return item->inherits("QQuickText") || qobject_cast<const FigureText *>(item);
}

QString shownText(const QQuickItem *item)
{
    return item->property("text").toString();
}

// Where the letters are, in the window.
QRectF lettersOf(QQuickItem *item)
{
    QRectF box(0, 0, item->width(), item->height());
    if (item->inherits("QQuickText")) {
        const double w = std::min(item->property("contentWidth").toDouble(), item->width());
        const double h = std::min(item->property("contentHeight").toDouble(), item->height());
        const int alignment = item->property("horizontalAlignment").toInt();
        const double x = alignment & Qt::AlignRight     ? item->width() - w
                         : alignment & Qt::AlignHCenter ? (item->width() - w) / 2
                                                        : 0;
        const int vertical = item->property("verticalAlignment").toInt();
        const double y = vertical & Qt::AlignVCenter ? (item->height() - h) / 2 : 0;
        box = QRectF(x, y, w, h);
    }
    return item->mapRectToScene(box);
}

// What of the item the clips of its ancestors let through.
QRectF clipOf(QQuickItem *item)
{
    QRectF clip(-1e6, -1e6, 2e6, 2e6);
    for (QQuickItem *up = item->parentItem(); up; up = up->parentItem()) {
        if (up->clip())
            clip &= up->mapRectToScene(QRectF(0, 0, up->width(), up->height()));
    }
    return clip;
}

QString describe(QQuickItem *item)
{
    const QRectF r = lettersOf(item);
    return u"%1 \"%2\" at %3,%4 %5x%6"_s.arg(item->objectName(), shownText(item).left(60))
        .arg(r.x(), 0, 'f', 0)
        .arg(r.y(), 0, 'f', 0)
        .arg(r.width(), 0, 'f', 0)
        .arg(r.height(), 0, 'f', 0);
}

} // namespace

Window::Look lightLook(QSize size, qreal textScale)
{
    return {Window::Look::Scheme::Light, textScale, false, size};
}

Window::Look darkLook(QSize size, qreal textScale)
{
    return {Window::Look::Scheme::Dark, textScale, false, size};
}

Screen::Screen(std::unique_ptr<RehearsedStation> station, const Window::Look &look)
    : Screen(std::make_unique<RehearsedSource>(std::move(station)), look)
{}

Screen::Screen(std::unique_ptr<RehearsedSource> source, const Window::Look &look)
    : m_station(source->station), m_source(source.get())
{
    if (source->choices.isEmpty() && source->preferredId.isEmpty() && !m_station->shownRecipe)
        m_station->shownRecipe = std::make_unique<Recipe>(sampleRecipe());
    if (!m_folder.isValid())
        qWarning("no temporary folder");
    source->folder = m_folder.filePath(u"slips"_s);
    m_shell = std::make_unique<ShellViewModel>(std::move(source));
    m_window = std::make_unique<Window>(*m_shell, look);
    m_shell->begin();
}

Screen::~Screen()
{
    m_window.reset();
    m_shell.reset();
}

bool Screen::waitFor(ShellViewModel::Stage stage)
{
    const bool there = QTest::qWaitFor([&] { return m_shell->stage() == stage; }, 20'000);
    if (there && stage == ShellViewModel::Line)
        line().setNow([] { return QDateTime(QDate(2026, 11, 21), QTime(14, 32, 10)); });
    if (!there)
        return false;
    window()->requestActivate();
    settle();
    return QTest::qWaitForWindowExposed(window(), 20'000);
}

QQuickItem *Screen::find(const QString &name, QQuickItem *below)
{
    QQuickItem *found = nullptr;
    visit(below ? below : window()->contentItem(), [&](QQuickItem *item) {
        if (item->objectName() == name && (!found || (!found->isVisible() && item->isVisible())))
            found = item;
    });
    return found;
}

QString Screen::text(const QString &name, QQuickItem *below)
{
    const QQuickItem *item = find(name, below);
    return item ? shownText(item) : u"(no %1)"_s.arg(name);
}

bool Screen::isShown(const QString &name, QQuickItem *below)
{
    const QQuickItem *item = find(name, below);
    return item && item->isVisible() && item->width() > 0 && item->height() > 0;
}

QString Screen::focusName()
{
    const QQuickItem *item = window()->activeFocusItem();
    return item ? item->objectName() : QString();
}

void Screen::send(int key, Qt::KeyboardModifiers modifiers, const QString &text)
{
    for (const QEvent::Type type : {QEvent::KeyPress, QEvent::KeyRelease}) {
        QKeyEvent event(type, key, modifiers, text);
        event.setTimestamp(m_clock);
        QCoreApplication::sendEvent(window(), &event);
    }
}

void Screen::key(int key, Qt::KeyboardModifiers modifiers, const QString &text)
{
    m_clock += 1000;
    QString typed = text;
    if (typed.isEmpty() && key >= Qt::Key_Space && key <= Qt::Key_AsciiTilde && !(modifiers & Qt::ControlModifier)) {
        typed = QChar(key);
        if (!(modifiers & Qt::ShiftModifier))
            typed = typed.toLower();
    }
    send(key, modifiers, typed);
    settle();
}

void Screen::type(const QString &text)
{
    for (const QChar c : text)
        key(c.toUpper().unicode(), c.isUpper() ? Qt::ShiftModifier : Qt::NoModifier, QString(c));
}

void Screen::scan(const QString &text, int gapMs)
{
    m_clock += 1000;
    for (const QChar c : text) {
        send(c.toUpper().unicode(), c.isUpper() ? Qt::ShiftModifier : Qt::NoModifier, QString(c));
        m_clock += quint64(gapMs);
    }
    send(Qt::Key_Return, {}, u"\r"_s);
    settle();
}

// Until nothing is left to do: the scan filter's pause is over, the hop has delivered, images have come. A thread that
// waits for a person to type is at rest.
void Screen::settle()
{
    const bool calm = QTest::qWaitFor(
        [&] { return !m_window->filter().isHolding() && (!m_shell->hop().isExpecting() || m_shell->desk()->wanted()); },
        20'000);
    if (!calm)
        qWarning("the screen does not come to rest");
    for (int i = 0; i < 3; ++i)
        QCoreApplication::processEvents();
}

bool Screen::picture(const QString &name)
{
    settle();
    const QImage image = window()->grabWindow();
    return QDir().mkpath(QStringLiteral(SLIPWAY_SCREENS)) && !image.isNull() &&
           image.save(QStringLiteral(SLIPWAY_SCREENS) + u'/' + name + u".png"_s);
}

QList<QQuickItem *> Screen::shownTexts(const QStringList &except)
{
    QList<QQuickItem *> texts;
    visit(window()->contentItem(), [&](QQuickItem *item) {
        if (isText(item) && item->isVisible() && !shownText(item).isEmpty() && item->opacity() > 0.2 &&
            !except.contains(item->objectName()) && item->width() > 0 && item->height() > 0)
            texts << item;
    });
    return texts;
}

QStringList Screen::cutTexts(const QStringList &may)
{
    QStringList wrong;
    const QRectF all(0, 0, window()->width(), window()->height());
    const QList<QQuickItem *> texts = shownTexts(may);
    for (QQuickItem *item : texts) {
        const bool cut = item->inherits("QQuickText")
                             ? item->property("truncated").toBool() ||
                                   item->property("contentWidth").toDouble() > item->width() + 1.5
                             : item->width() + 0.5 < item->implicitWidth();
        if (cut)
            wrong << u"cut: "_s + describe(item);
        const QRectF letters = lettersOf(item);
        if (!clipOf(item).contains(letters.center()))
            continue; // scrolled away
        if (!all.adjusted(-1, -1, 1, 1).contains(letters))
            wrong << u"outside: "_s + describe(item);
    }
    return wrong;
}

QStringList Screen::overlappingTexts(const QStringList &may)
{
    QStringList wrong;
    const QList<QQuickItem *> texts = shownTexts(may);
    for (qsizetype i = 0; i < texts.size(); ++i) {
        for (qsizetype j = i + 1; j < texts.size(); ++j) {
            const QRectF a = lettersOf(texts[i]) & clipOf(texts[i]);
            const QRectF b = lettersOf(texts[j]) & clipOf(texts[j]);
            // Line boxes may touch; letters may not.
            const QRectF common = a & b;
            if (common.width() > 1 && common.height() > std::min(a.height(), b.height()) * 0.3)
                wrong << describe(texts[i]) + u" over "_s + describe(texts[j]);
        }
    }
    return wrong;
}

QStringList Screen::spillingTexts()
{
    QStringList wrong;
    if (!m_shell->line())
        return wrong;
    for (int number = 1; number <= line().places()->count(); ++number) {
        QQuickItem *place = tile(number);
        const QRectF paper = place->mapRectToScene(QRectF(0, 0, place->width(), place->height())).adjusted(2, 0, -2, 0);
        const QList<QQuickItem *> texts = shownTexts({});
        for (QQuickItem *item : texts) {
            if (place->isAncestorOf(item) && !paper.contains(lettersOf(item)))
                wrong << u"over the edge of place %1: "_s.arg(number) + describe(item);
        }
    }
    return wrong;
}

QStringList Screen::namelessControls()
{
    QStringList wrong;
    visit(window()->contentItem(), [&](QQuickItem *item) {
        if (!item->isVisible() || !item->isEnabled() || !item->activeFocusOnTab())
            return;
        QAccessibleInterface *spoken = QAccessible::queryAccessibleInterface(item);
        if (!spoken || spoken->text(QAccessible::Name).isEmpty() || spoken->role() == QAccessible::NoRole ||
            spoken->role() == QAccessible::Client)
            wrong << QString::fromLatin1(item->metaObject()->className()) + u' ' + item->objectName();
    });
    return wrong;
}

} // namespace slipway::test
