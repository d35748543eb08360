#include "drivers/probe/probesession.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/memorymap.h"
#include "drivers/probe/tclword.h"

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint32 cpuIdAt = 0xe000ed00;
constexpr auto patience = 10s;

} // namespace

ProbeSession::ProbeSession(QString port, ProbeBoard board, std::shared_ptr<const ProbeQuirks> quirks)
    : m_text(std::move(port)), m_board(std::move(board)), m_quirks(std::move(quirks))
{}

ProbeSession::~ProbeSession()
{
    // What was only looked at goes on.
    if (!m_client || m_client->isOver() || !m_halted || !m_release)
        return;
    try {
        Task task;
        task.deadline = Deadline::in(2s);
        m_client->ask("resume", u"let the chip go on"_s, 2s, task);
    } catch (const Fault &) { // it is unplugged, or gone: nothing is left to do
    }
}

QList<QByteArray> ProbeSession::arguments(const ProbeBoard *board) const
{
    QList<QByteArray> out{"-c", "gdb_port disabled", "-c", "telnet_port disabled", "-c", "tcl_port pipe"};
    out += m_port.arguments;
    if (!board) {
        // Any Cortex-M; over JTAG as STM32 have it, with the boundary scan's access port behind.
        out << "-c"
            << "source [find target/swj-dp.tcl]; swj_newdap probe cpu -irlen 4 -ignore-version -expected-id 0; "
               "dap create probe.dap -chain-position probe.cpu; "
               "if {[using_jtag]} {jtag newtap probe bs -irlen 5}; "
               "target create probe.cpu cortex_m -dap probe.dap; adapter speed 1000";
        return out;
    }
    if (!board->workArea)
        out << "-c"
            << "set WORKAREASIZE 0";
    out << "-f" << board->script.toLatin1();
    if (board->speed > 0)
        out << "-c"
            << "adapter speed " + QByteArray::number(board->speed);
    return out;
}

void ProbeSession::connect(const Task &task)
{
    m_client.reset();
    m_halted = false;
    m_port = ProbePort::find(m_text, *m_quirks);
    if (m_board.name.isEmpty())
        recognise(task);
    m_client = std::make_unique<OpenOcdClient>(arguments(&m_board), m_text, m_board.name, task);
    // Another chip than the board's would be written with the wrong flash driver.
    if (m_board.ids.isEmpty() || m_board.identity.at == 0)
        return;
    const auto id = words(m_board.identity.at, 1, task);
    if (id && !m_board.ids.contains(id->first() & m_board.identity.mask)) {
        m_client.reset();
        throw Fault("probe.wrong-chip", {addressText(id->first()), m_board.name});
    }
}

void ProbeSession::recognise(const Task &task)
{
    m_client = std::make_unique<OpenOcdClient>(arguments(nullptr), m_text, u"any"_s, task);
    const auto cpu = words(cpuIdAt, 1, task);
    QStringList seen;
    if (cpu) {
        seen << u"CPUID "_s + addressText(cpu->first());
        const quint32 core = cpu->first() >> 4 & 0xfff;
        QList<quint32> asked;
        for (const ProbeBoard &board : m_quirks->boards()) {
            if (board.core != core || board.ids.isEmpty() || board.identity.at == 0)
                continue;
            const auto id = words(board.identity.at, 1, task);
            if (id && board.ids.contains(id->first() & board.identity.mask)) {
                m_board = board;
                break;
            }
            if (id && !asked.contains(board.identity.at))
                seen << u"%1 at %2"_s.arg(addressText(id->first()), addressText(board.identity.at));
            asked << board.identity.at;
        }
    }
    m_client.reset();
    if (m_board.name.isEmpty())
        throw Fault("probe.unknown-chip", {m_text, seen.isEmpty() ? u"no identification"_s : seen.join(u", "_s)});
}

OpenOcdClient &ProbeSession::client(const Task &task)
{
    if (!m_client || m_client->isOver())
        connect(task);
    return *m_client;
}

std::optional<QList<quint32>> ProbeSession::words(quint32 at, qsizetype count, const Task &task)
{
    const QString what = u"read at "_s + addressText(at);
    OpenOcdClient &client = m_client && !m_client->isOver() ? *m_client : this->client(task);
    const auto reply =
        client.ask("read_memory " + tclNumber(at) + " 32 " + QByteArray::number(count), what, patience, task);
    if (!reply.ok)
        return {};
    const auto out = openocd::parseWords(reply.text, count);
    if (!out)
        throw Fault("probe.bad-answer", {what}, oneLine(QString::fromUtf8(reply.text), 200));
    return out;
}

void ProbeSession::halt(bool restart, const Task &task)
{
    OpenOcdClient &openOcd = client(task);
    if (m_halted && !restart)
        return;
    if (restart) {
        const auto reply = openOcd.ask("reset init", u"restart and halt the chip"_s, patience, task);
        m_halted = reply.ok;
        if (m_halted)
            return;
    }
    const auto reply = openOcd.ask("halt", u"halt the chip"_s, patience, task);
    if (!reply.ok)
        throw Fault("probe.halt", {m_text, reply.why()});
    m_halted = true;
}

void ProbeSession::run(const Task &task)
{
    client(task).demand("reset run", u"restart the chip"_s, patience, task);
    m_halted = false;
}

} // namespace slipway
