#include "drivers/probe/probedevice.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QRegularExpression>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

ProbeDevice::ProbeDevice(QString port, ProbeBoard board, std::shared_ptr<const ProbeQuirks> quirks, const Task &task)
    : m_portText(port), m_session(std::move(port), std::move(board), std::move(quirks)), m_memory(m_session)
{
    m_session.client(task);
}

DeviceFacts ProbeDevice::facts(const Task &task)
{
    OpenOcdClient &client = m_session.client(task);
    const ProbeBoard &board = m_session.board();
    DeviceFacts facts;
    facts.driver = u"probe"_s;
    facts.port = m_portText;
    facts.line = m_session.port().line;
    facts.board = board.name;
    facts.more.insert(u"probe"_s, m_session.port().description);
    static const QRegularExpression core(u"(Cortex-M[0-9+P]+ r[0-9]+p[0-9]+)"_s);
    if (const auto match = core.match(QString::fromUtf8(client.startLog())); match.hasMatch())
        facts.more.insert(u"core"_s, match.captured(1));
    const QString voltage = openocd::voltageIn(client.startLog());
    if (!voltage.isEmpty())
        facts.more.insert(u"target-voltage"_s, voltage);
    static const QRegularExpression version(u"Open On-Chip Debugger (\\S{1,40})"_s);
    if (const auto match = version.match(QString::fromUtf8(client.startLog())); match.hasMatch())
        facts.more.insert(u"openocd"_s, match.captured(1));

    if (board.identity.at) {
        if (const auto id = m_session.words(board.identity.at, 1, task)) {
            const quint32 number = id->first() & board.identity.mask;
            facts.more.insert(u"chip"_s, u"%1 (0x%2)"_s.arg(board.ids.value(number, u"unknown"_s)).arg(number, 0, 16));
        }
    }
    if (const auto level = m_memory.protectionLevel(task)) {
        facts.locked = *level > 0;
        facts.more.insert(u"readout-protection"_s, u"level %1"_s.arg(*level));
    }
    if (board.uniqueId) {
        const auto words = m_session.words(board.uniqueId, board.uniqueWords.last() / 4 + 1, task);
        QByteArray bytes;
        for (const quint32 at : board.uniqueWords) {
            for (int i = 0; words && i < 4; ++i)
                bytes += char(words->value(at / 4) >> i * 8);
        }
        if (bytes != QByteArray(bytes.size(), '\xff') && bytes != QByteArray(bytes.size(), '\0'))
            facts.hardwareId = hex(bytes, u'-');
    }
    try {
        facts.more.insert(u"flash"_s, humanSize(m_memory.flashSize(task)));
    } catch (const Fault &fault) { // a chip whose flash cannot be looked at is told when somebody wants it
        if (!fault.is("probe.flash"))
            throw;
        task.say(fault.text());
    }
    return facts;
}

} // namespace slipway
