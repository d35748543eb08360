#pragma once
// A StepContext for tests: variables, a real journal, issuer and profile store in a temporary folder, a person whose
// answers are scripted, and everything that a step told it.

#include "core/identity/fileissuer.h"
#include "core/identity/keylot.h"
#include "core/identity/privatekey.h"
#include "core/recipe/variables.h"
#include "core/steps/step.h"
#include "tests/support/fakedevice.h"

#include <QTemporaryDir>

namespace slipway::test {

class FakeContext : public StepContext
{
public:
    explicit FakeContext(FakeDevice &device, const QString &serial = QStringLiteral("T1-00000007"));

    struct Outcome {
        QString intent, state, sentence;
    };
    struct Recorded {
        QString kind;
        QCborMap body;
    };
    QString unit;
    Mode asMode = Mode::Production;
    QString run = QStringLiteral("11111111-2222-4333-8444-555555555555");
    Variables variables;
    Recipe plan;
    QList<Measurement> measurements;
    QMap<QString, QString> facts;
    QList<Recorded> records;
    QString lastSummary;
    QList<std::pair<QString, QCborMap>> intents; // act, detail
    QList<Outcome> outcomes;
    QStringList log;
    QList<PromptRequest> asked;
    QList<PromptAnswer> answers; // taken in turn; none left: base.timeout
    std::shared_ptr<const SeedTable> seedTable;
    QString stationInterface; // of station.yaml
    QTemporaryDir folder;

    // Makes the step, prepares it and runs it.
    void perform(const RecipeStep &step);
    void perform(Step &step, const std::stop_token &stop = {});
    // The fault's code, "" when it passed.
    QString codeOf(const RecipeStep &step);
    QString codeOf(Step &step, const std::stop_token &stop = {});
    const Recorded *recorded(const QString &kind) const;

    Device &device() override { return m_device; }
    Device &reopenDevice(const Task &) override { return m_device; }
    const Recipe &recipe() const override { return plan; }
    Mode mode() const override { return asMode; }
    QString runId() const override { return run; }
    int stepIndex() const override { return 3; }
    int slotNumber() const override { return 1; }
    QString serial() const override { return unit; }
    QString expand(const QString &text) const override { return variables.expand(text); }
    void setVariable(const QString &name, const QString &value) override { variables.set(name, value); }
    Journal &journal() override;
    Issuer &issuer() override;
    ProfileStore &profiles() override { return m_profiles; }
    const SeedTable *seeds() const override { return seedTable.get(); }
    KeyLot openKeyLot(const QString &lot) override
    {
        return KeyLot::open(folder.filePath(QStringLiteral("lots/") + lot), "secret");
    }
    QString networkInterface() const override { return stationInterface; }
    QString outputFolder() const override { return folder.filePath(QStringLiteral("out")); }
    void measured(const Measurement &measurement) override { measurements << measurement; }
    void fact(const QString &name, const QString &value) override;
    void record(const QString &kind, const QCborMap &body) override { records.append({kind, body}); }
    void summary(const QString &text) override { lastSummary = text; }
    PromptAnswer ask(const PromptRequest &request, const Task &task) override;
    QString intend(const QString &act, const QCborMap &detail) override;
    void outcome(const QString &intent, const QString &state, const QString &sentence, const QCborMap &) override;

private:
    FakeDevice &m_device;
    std::unique_ptr<Journal> m_journal;
    std::unique_ptr<FileIssuer> m_issuer;
    ProfileStore m_profiles;
};

// A step as the checker would hand it over: one list item of YAML, relative to the folder of the file.
// Throws recipe.invalid.
RecipeStep stepFrom(const QString &yaml, const QString &folder = QStringLiteral("/"));

} // namespace slipway::test
