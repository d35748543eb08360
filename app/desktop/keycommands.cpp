#include "app/desktop/keycommands.h"

namespace slipway {

using namespace Qt::StringLiterals;

bool KeyCommands::press(int key, int modifiers, const QString &text)
{
    const int number = m_line.selected();
    if (modifiers & Qt::ControlModifier) {
        if (key != Qt::Key_C || m_line.page() != LineViewModel::RunPage)
            return false;
        m_line.run()->copyLog();
        return true;
    }
    if (modifiers & (Qt::AltModifier | Qt::MetaModifier))
        return false;
    if (key >= Qt::Key_0 && key <= Qt::Key_9) {
        m_line.pick(key - Qt::Key_0);
        return true;
    }
    switch (key) {
    case Qt::Key_F1:
        m_line.setHelpOpen(!m_line.helpOpen());
        return true;
    case Qt::Key_Escape:
        m_line.escape();
        return true;
    case Qt::Key_Space:
        m_line.confirm();
        return true;
    case Qt::Key_Left:
        m_line.move(-1, 0);
        return true;
    case Qt::Key_Right:
        m_line.move(1, 0);
        return true;
    case Qt::Key_Up:
        m_line.move(0, -1);
        return true;
    case Qt::Key_Down:
        m_line.move(0, 1);
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        m_line.open(number);
        return true;
    case Qt::Key_I:
        m_line.openIssuer();
        return true;
    case Qt::Key_S:
        m_line.setScanEntryOpen(true);
        return true;
    case Qt::Key_A:
        m_line.startAll();
        return true;
    case Qt::Key_X:
        m_line.askToStop(number);
        return true;
    case Qt::Key_R:
        m_line.act(number, u"retry"_s);
        return true;
    case Qt::Key_Delete:
        m_line.act(number, u"clear"_s);
        return true;
    case Qt::Key_P:
        m_line.act(number, u"print"_s);
        return true;
    case Qt::Key_K:
        m_line.act(number, u"reconcile"_s);
        return true;
    case Qt::Key_Y:
        m_line.act(number, u"yes"_s);
        return true;
    case Qt::Key_N:
        m_line.act(number, u"no"_s);
        return true;
    case Qt::Key_C:
        if (m_line.page() != LineViewModel::RunPage)
            return false;
        m_line.run()->copyLog();
        return true;
    case Qt::Key_L:
        if (m_line.page() == LineViewModel::RunPage)
            m_line.run()->toggleWholeLog();
        else
            m_line.open(number);
        return true;
    default:
        break;
    }
    if (text == u"/") {
        m_line.setScanEntryOpen(true);
        return true;
    }
    return false;
}

QVariantList KeyCommands::help() const
{
    const auto entry = [](const QString &keys, const QString &text) {
        return QVariantMap{{u"keys"_s, keys}, {u"text"_s, text}};
    };
    return {
        entry(tr("1 to %1").arg(m_line.places()->count()), tr("Choose a place; again, or Enter, opens its page")),
        entry(tr("Arrows"), tr("Move between places, on a page between steps")),
        entry(tr("Space"), tr("Start, or confirm what the place asks")),
        entry(tr("Y, N"), tr("Answer yes or no")),
        entry(tr("Esc"), tr("Stop the chosen unit (asks first), or go back")),
        entry(tr("X"), tr("Stop the chosen unit (asks first)")),
        entry(tr("R"), tr("Try the unit again")),
        entry(tr("K"), tr("Ask the device what happened")),
        entry(tr("A"), tr("Start all places that are ready")),
        entry(tr("S or /"), tr("Type what cannot be scanned")),
        entry(tr("I"), tr("Open the issuer that is shut: type its PIN")),
        entry(tr("L"), tr("Log: of the step, of the whole run")),
        entry(tr("C"), tr("Copy the log shown")),
        entry(tr("P"), tr("Print the slip of a finished unit")),
        entry(tr("Del"), tr("The unit is out: take its verdict away")),
        entry(tr("F1"), tr("This help")),
    };
}

} // namespace slipway
