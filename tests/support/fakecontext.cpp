#include "tests/support/fakecontext.h"

#include "core/base/files.h"
#include "core/identity/authority.h"
#include "core/steps/recipechecker.h"

using namespace Qt::StringLiterals;

namespace slipway::test {

FakeContext::FakeContext(FakeDevice &device, const QString &serial)
    : unit(serial), m_device(device), m_profiles(QStringLiteral(SLIPWAY_SAMPLES) + u"/profiles"_s)
{
    variables.set(u"serial"_s, serial);
    plan.name = u"Thermostat T1"_s;
}

Journal &FakeContext::journal()
{
    if (!m_journal)
        m_journal = Journal::open(folder.filePath(u"journal.db"_s), nullptr);
    return *m_journal;
}

Issuer &FakeContext::issuer()
{
    if (!m_issuer) {
        const KeyAndCertificate ca = createDeviceCa(u"Test"_s, {});
        const QString key = folder.filePath(u"issuer.key"_s);
        const QString certificate = folder.filePath(u"issuer.pem"_s);
        writeFile(key, ca.keyPem, Access::OwnerOnly);
        writeFile(certificate, ca.certificatePem);
        m_issuer = FileIssuer::open(key, certificate);
    }
    return *m_issuer;
}

void FakeContext::perform(const RecipeStep &step)
{
    const std::unique_ptr<Step> work = stepKind(step.kind)->make(step);
    perform(*work);
}

void FakeContext::perform(Step &step, const std::stop_token &stop)
{
    step.prepare(*this);
    Progress progress(u"step"_s);
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(30));
    task.stop = stop;
    task.progress = &progress;
    task.log = [this](const QString &line) { log << line; };
    step.run(*this, task);
}

QString FakeContext::codeOf(const RecipeStep &step)
{
    const std::unique_ptr<Step> work = stepKind(step.kind)->make(step);
    return codeOf(*work);
}

QString FakeContext::codeOf(Step &step, const std::stop_token &stop)
{
    try {
        perform(step, stop);
        return {};
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
}

const FakeContext::Recorded *FakeContext::recorded(const QString &kind) const
{
    for (const Recorded &entry : records) {
        if (entry.kind == kind)
            return &entry;
    }
    return nullptr;
}

void FakeContext::fact(const QString &name, const QString &value)
{
    facts.insert(name, value);
    variables.setFact(name, value);
}

PromptAnswer FakeContext::ask(const PromptRequest &request, const Task &)
{
    asked << request;
    if (answers.isEmpty())
        throw Fault("base.timeout", {u"The question"_s});
    return answers.takeFirst();
}

QString FakeContext::intend(const QString &act, const QCborMap &detail)
{
    intents.append({act, detail});
    m_device.order << u"intend "_s + act;
    const QString id = u"intent-%1"_s.arg(intents.size());
    journal().appendDurably({u"intent"_s,
                             run,
                             unit,
                             {{u"intent"_s, id},
                              {u"act"_s, act},
                              {u"index"_s, stepIndex()},
                              {u"mode"_s, toString(asMode)},
                              {u"detail"_s, detail}}});
    return id;
}

void FakeContext::outcome(const QString &intent, const QString &state, const QString &sentence, const QCborMap &)
{
    outcomes.append({intent, state, sentence});
    m_device.order << u"outcome "_s + state;
    journal().appendDurably(
        {u"outcome"_s,
         run,
         unit,
         {{u"intent"_s, intent}, {u"state"_s, state}, {u"sentence"_s, sentence}, {u"mode"_s, toString(asMode)}}});
}

RecipeStep stepFrom(const QString &yaml, const QString &folder)
{
    const QByteArray text = "slipway: 1\nname: Test\ndevice: { driver: fake }\nsteps:\n"
                            "  - prompt: { name: Values, text: x, answer: value, into: mac }\n  - " +
                            yaml.trimmed().toUtf8().replace("\n", "\n  ") + "\n";
    const CheckedRecipe checked = checkRecipe(text, folder + u"/test.yaml"_s);
    for (const RecipeFinding &finding : checked.findings) {
        if (finding.severity == RecipeFinding::Severity::Error)
            throw Fault("recipe.invalid", {finding.text()});
    }
    return checked.recipe.steps.at(1);
}

} // namespace slipway::test
