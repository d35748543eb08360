#include "core/station/runcontext.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QCborArray>
#include <QJsonObject>
#include <QUuid>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype logLinesPerStep = 1000;
constexpr auto openWithin = std::chrono::seconds(20);

// The screen's copy of a fact.
void keep(DeviceFacts &facts, const QString &name, const QString &value)
{
    if (name == u"driver")
        facts.driver = value;
    else if (name == u"port")
        facts.port = value;
    else if (name == u"line")
        facts.line = value;
    else if (name == u"board")
        facts.board = value;
    else if (name == u"serial")
        facts.serial = value;
    else if (name == u"hardware-id")
        facts.hardwareId = value;
    else if (name == u"boot-loader")
        facts.bootLoader = value;
    else if (name == u"firmware")
        facts.firmwareVersion = value;
    else if (name == u"firmware-hash")
        facts.firmwareHash = fromHex(value).value_or(QByteArray());
    else if (name == u"identity")
        facts.identityPresent = value == u"true" || value == u"yes" || value == u"present";
    else if (name == u"locked")
        facts.locked = value == u"true" || value == u"yes" || value == u"locked";
    else
        facts.more.insert(name, value);
}

QCborValue numberOrNothing(const std::optional<double> &value)
{
    return value ? QCborValue(*value) : QCborValue();
}

void put(QCborMap &body, const QString &key, const QCborValue &value)
{
    if (!value.isUndefined() && !(value.isString() && value.toString().isEmpty()))
        body.insert(key, value);
}

} // namespace

RunContext::RunContext(const Worksite &site, RunBoard &board, const RunOrder &order, const QString &runId)
    : m_site(site), m_board(board), m_order(order), m_record(*site.journal, runId, order.serial),
      m_profiles(site.profiles)
{
    m_variables.declare(order.recipe->variables);
    if (!order.serial.isEmpty())
        setSerial(order.serial);
}

void RunContext::setSerial(const QString &serial)
{
    m_record.setDevice(serial);
    m_variables.set(u"serial"_s, serial);
    for (const RecipeVariable &variable : m_order.recipe->variables) {
        // The scanned unit fills the recipe's scan variable, whatever its name.
        if (variable.from == RecipeVariable::From::Scan) {
            m_variables.set(variable.name, serial);
            break;
        }
    }
    m_board.update([&serial](SlotView &view) { view.serial = serial; });
}

Device &RunContext::device()
{
    if (!m_device)
        throw Fault("station.no-device", {QString::number(m_order.slot)});
    return *m_device;
}

void RunContext::open(const Task &task)
{
    const Recipe &recipe = *m_order.recipe;
    const Driver &driver = m_site.drivers->find(m_order.driver.isEmpty() ? recipe.driver : m_order.driver);
    m_device.reset(); // lets go of the port first
    m_device = driver.open({m_order.port, recipe.baud, recipe.board}, task.within(openWithin));
}

Device &RunContext::reopenDevice(const Task &task)
{
    open(task);
    return *m_device;
}

KeyLot RunContext::openKeyLot(const QString &lot)
{
    return m_site.keyLot ? m_site.keyLot(lot) : StepContext::openKeyLot(lot);
}

void RunContext::takeFacts(const DeviceFacts &facts)
{
    const QJsonObject json = facts.toJson();
    for (auto it = json.begin(); it != json.end(); ++it)
        fact(it.key(), it.value().toVariant().toString());
}

void RunContext::measured(const Measurement &m)
{
    QCborMap body{{u"index"_s, m_index}, {u"name"_s, m.name}, {u"verdict"_s, toString(m.verdict)}};
    put(body, u"value"_s, numberOrNothing(m.value));
    put(body, u"unit"_s, m.unit);
    put(body, u"low"_s, numberOrNothing(m.low));
    put(body, u"high"_s, numberOrNothing(m.high));
    put(body, u"text"_s, m.text);
    put(body, u"expected"_s, m.expected);
    body.insert(u"marginal"_s, m.marginal);
    m_record.append(u"measurement"_s, body);
    const int index = m_index;
    m_board.update([&m, index](SlotView &view) {
        if (index >= 0 && index < view.steps.size())
            view.steps[index].measurements.append(m);
    });
}

void RunContext::fact(const QString &name, const QString &value)
{
    m_variables.setFact(name, value);
    m_record.append(u"fact"_s, {{u"name"_s, name}, {u"value"_s, value}});
    m_board.update([&](SlotView &view) {
        if (name == u"certificate")
            view.certificate = value.contains(u':') ? value : hex(QByteArray::fromHex(value.toLatin1()), u':');
        else if (name == u"issuer")
            view.issuer = value;
        else if (name == u"not-after")
            view.notAfter = value.startsWith(u"9999") ? u"no expiry"_s : value;
        else if (name == u"mud-url")
            view.mudUrl = value;
        else
            keep(view.facts, name, value);
    });
}

void RunContext::record(const QString &kind, const QCborMap &body)
{
    m_record.append(kind, body);
}

void RunContext::summary(const QString &text)
{
    m_summary = text;
    const int index = m_index;
    m_board.update([&text, index](SlotView &view) {
        if (index >= 0 && index < view.steps.size())
            view.steps[index].summary = text;
    });
}

PromptAnswer RunContext::ask(const PromptRequest &request, const Task &task)
{
    const PromptAnswer answer = m_board.ask(request, task);
    const bool text = request.kind == PromptRequest::Kind::Value || request.kind == PromptRequest::Kind::ScanBack;
    m_record.append(u"prompt"_s, {{u"index"_s, m_index},
                                  {u"question"_s, request.sentence},
                                  {u"answer"_s, text         ? oneLine(answer.value)
                                                : answer.yes ? u"yes"_s
                                                             : u"no"_s}});
    return answer;
}

QString RunContext::intend(const QString &act, const QCborMap &detail)
{
    const QString id = QUuid::createUuid().toString(QUuid::WithoutBraces);
    m_record.appendDurably(u"intent"_s,
                           {{u"intent"_s, id}, {u"act"_s, act}, {u"index"_s, m_index}, {u"detail"_s, detail}});
    m_openIntents.append({id, act, detail});
    return id;
}

void RunContext::outcome(const QString &intent, const QString &state, const QString &sentence, const QCborMap &detail)
{
    m_record.appendDurably(
        u"outcome"_s, {{u"intent"_s, intent}, {u"state"_s, state}, {u"sentence"_s, sentence}, {u"detail"_s, detail}});
    const auto open = std::find_if(m_openIntents.begin(), m_openIntents.end(),
                                   [&intent](const OpenIntent &one) { return one.id == intent; });
    const bool repeatable = open != m_openIntents.end() && isRepeatableAct(open->act);
    if (state == u"done" && !repeatable)
        m_irreversibleDone = true;
    if (state != u"unknown" && open != m_openIntents.end())
        m_openIntents.erase(open);
}

void RunContext::noteActs()
{
    if (!m_irreversibleDone) {
        const QStringList acts = m_site.lookup->doneActs(m_record.run());
        m_irreversibleDone = !std::all_of(acts.begin(), acts.end(), isRepeatableAct);
    }
    const auto left = m_site.lookup->openIntentsOfRun(m_record.run());
    for (const Lookup::OpenIntent &open : left) {
        const bool known = std::any_of(m_openIntents.cbegin(), m_openIntents.cend(),
                                       [&open](const OpenIntent &own) { return own.id == open.id; });
        if (!known)
            m_openIntents.append({open.id, open.act, open.detail});
    }
}

void RunContext::beginStep(int index)
{
    m_index = index;
    m_summary.clear();
}

void RunContext::logLine(const QString &line)
{
    const QString safe = oneLine(line);
    if (m_logLines.size() < logLinesPerStep)
        m_logLines += safe;
    else
        ++m_logDropped;
    m_board.log(m_record.run(), m_index, safe);
}

void RunContext::flushLog()
{
    if (m_logLines.isEmpty())
        return;
    if (m_logDropped > 0)
        m_logLines += u"%1 further lines were left out"_s.arg(m_logDropped);
    m_record.append(u"log"_s, {{u"index"_s, m_index}, {u"lines"_s, QCborArray::fromStringList(m_logLines)}});
    m_logLines.clear();
    m_logDropped = 0;
}

} // namespace slipway
