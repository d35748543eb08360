#pragma once
// What a run gives to its steps: the device, the variables, the journal, the screen and the person. One object per run,
// used by the slot's thread alone.

#include "core/identity/issuer.h"
#include "core/identity/keylot.h"
#include "core/identity/privatekey.h"
#include "core/recipe/variables.h"
#include "core/station/allocator.h"
#include "core/station/lookup.h"
#include "core/station/runrecord.h"
#include "core/station/station.h"
#include "core/station/transfergate.h"

#include <functional>
#include <memory>

namespace slipway {

// What a run needs of its station; outlives it.
struct Worksite {
    Journal *journal = nullptr;
    Issuer *issuer = nullptr; // of the mode
    Lookup *lookup = nullptr;
    Allocator *allocator = nullptr;
    const DriverRegistry *drivers = nullptr;
    TransferGate *gate = nullptr; // null: no limits
    ProfileStore profiles;
    std::shared_ptr<const SeedTable> seeds; // null: none were given
    std::function<KeyLot(const QString &lot)> keyLot;
    Mode mode = Mode::Production;
    QString person;
    QString outputFolder;
    QString mudInterface; // of station.yaml
};

struct RunOrder {
    std::shared_ptr<const Recipe> recipe;
    int slot = 0;
    QString slotName, port, driver; // driver empty: the recipe's
    QString serial;                 // empty: from allocator or device
    int attempt = 1, maxAttempts = 1;
};

// Where a run is seen and where a person answers.
class RunBoard
{
public:
    virtual ~RunBoard() = default;
    virtual void update(const std::function<void(SlotView &)> &change) = 0;
    virtual PromptAnswer ask(const PromptRequest &request, const Task &task) = 0; // throws base.stopped, base.timeout
    virtual void log(const QString &runId, int step, const QString &line) = 0;
};

class RunContext : public StepContext
{
public:
    RunContext(const Worksite &site, RunBoard &board, const RunOrder &order, const QString &runId);

    Device &device() override;
    Device &reopenDevice(const Task &task) override;
    const Recipe &recipe() const override { return *m_order.recipe; }
    Mode mode() const override { return m_site.mode; }
    QString runId() const override { return m_record.run(); }
    int stepIndex() const override { return m_index; }
    int slotNumber() const override { return m_order.slot; }
    QString port() const override { return m_order.port; }
    QString serial() const override { return m_record.device(); }
    QString expand(const QString &text) const override { return m_variables.expand(text); }
    void setVariable(const QString &name, const QString &value) override { m_variables.set(name, value); }
    std::unique_ptr<PacketSource> listen(const QString &interface) override
    {
        return m_site.drivers->listen(interface);
    }
    QString networkInterface() const override { return m_site.mudInterface; }
    Journal &journal() override { return *m_site.journal; }
    Issuer &issuer() override { return *m_site.issuer; }
    ProfileStore &profiles() override { return m_profiles; }
    const SeedTable *seeds() const override { return m_site.seeds.get(); }
    KeyLot openKeyLot(const QString &lot) override;
    QString outputFolder() const override { return m_site.outputFolder; }
    void measured(const Measurement &measurement) override;
    void fact(const QString &name, const QString &value) override;
    void record(const QString &kind, const QCborMap &body) override;
    void summary(const QString &text) override;
    PromptAnswer ask(const PromptRequest &request, const Task &task) override;
    QString intend(const QString &act, const QCborMap &detail) override;
    void outcome(const QString &intent, const QString &state, const QString &sentence,
                 const QCborMap &detail = {}) override;

    // For the Runner.
    void noteActs(); // of those that came into the journal past this object: an issued certificate
    bool isOpen() const { return m_device != nullptr; }
    Device *deviceOrNull() { return m_device.get(); }
    void open(const Task &task);
    void close() { m_device.reset(); }
    void setSerial(const QString &serial);
    void takeFacts(const DeviceFacts &facts);
    Variables &variables() { return m_variables; }
    RunRecord &entries() { return m_record; }
    void beginStep(int index);
    QString takeSummary() { return std::exchange(m_summary, {}); }
    void logLine(const QString &line);
    void flushLog(); // into the journal
    struct OpenIntent {
        QString id, act;
        QCborMap detail;
    };
    const QList<OpenIntent> &openIntents() const { return m_openIntents; }
    // Anything with an intent of its own has been done in this run.
    bool irreversibleDone() const { return m_irreversibleDone; }

private:
    const Worksite &m_site;
    RunBoard &m_board;
    const RunOrder &m_order;
    RunRecord m_record;
    Variables m_variables;
    ProfileStore m_profiles;
    std::unique_ptr<Device> m_device;
    int m_index = -1;
    bool m_irreversibleDone = false;
    QString m_summary;
    QStringList m_logLines;
    qsizetype m_logDropped = 0;
    QList<OpenIntent> m_openIntents;
};

} // namespace slipway
