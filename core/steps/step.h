#pragma once
// A step: one action of a run. A kind of step declares its parameters, what it needs of a device and how to make one;
// the checker, the JSON Schema and the manual all come from that declaration (core/steps/stepkinds.cpp lists them).

#include "core/base/progress.h"
#include "core/base/task.h"
#include "core/base/verdict.h"
#include "core/device/device.h"
#include "core/journal/journal.h"
#include "core/recipe/recipe.h"

#include <QJsonObject>
#include <QSet>

#include <functional>
#include <memory>
#include <optional>

namespace slipway {

class Issuer;       // core/identity
class KeyLot;       // core/identity
class PacketSource; // core/codec
class SeedTable;    // core/identity
class ProfileStore; // core/identity
class Vault;        // core/firmware

struct Measurement {
    QString name;
    std::optional<double> value;
    QString unit;
    std::optional<double> low, high;
    std::optional<double> marginalLow, marginalHigh; // inside the limits, but near
    QString text;                                    // what was compared, for pattern and equality
    QString expected;
    bool marginal = false;
    Verdict verdict = Verdict::Pass;
};

struct PromptRequest {
    enum class Kind { Message, YesNo, Value, ScanBack };
    Kind kind = Kind::Message;
    QString word;     // the large word on the tile: "LABEL", "CHECK"
    QString sentence; // one sentence with one verb
    QString picture;  // file, may be empty
    QString pattern;  // Value: anchored regular expression
    QString expected; // ScanBack: what the scan must say
};
struct PromptAnswer {
    bool yes = true;
    QString value;
};

// What the station gives a step while it runs. One object per run; not shared between slots.
class StepContext
{
public:
    virtual ~StepContext() = default;

    virtual Device &device() = 0;
    // Opens the link anew where the device went away; invalidates references to the old Device.
    virtual Device &reopenDevice(const Task &task) = 0;
    virtual const Recipe &recipe() const = 0;
    virtual Mode mode() const = 0;
    virtual QString runId() const = 0;
    virtual int stepIndex() const = 0;
    virtual int slotNumber() const = 0;
    virtual QString serial() const = 0;         // of the unit
    virtual QString port() const { return {}; } // to which the unit is connected; empty: not known

    // "${serial}", "${mac}", "${fact:hardware-id}" replaced. Throws recipe.no-variable.
    virtual QString expand(const QString &text) const = 0;
    virtual void setVariable(const QString &name, const QString &value) = 0;

    // Hears what passes a network interface of the station. Throws capture.*.
    virtual std::unique_ptr<PacketSource> listen(const QString &interface);
    // The one that the station has for that, may hold {slot}; empty: none.
    virtual QString networkInterface() const { return {}; }

    virtual Journal &journal() = 0;
    virtual Issuer &issuer() = 0; // of the mode: production or training
    virtual ProfileStore &profiles() = 0;
    virtual const SeedTable *seeds() const { return nullptr; } // of devices; null: none were given
    // The sealed keys of a lot that was issued ahead. Throws identity.lot-missing, identity.lot-passphrase, issuer.*.
    virtual KeyLot openKeyLot(const QString &lot);
    virtual QString outputFolder() const = 0; // labels and the like go here

    virtual void measured(const Measurement &measurement) = 0; // to the journal and the screen
    virtual void fact(const QString &name, const QString &value) = 0;
    virtual void record(const QString &kind,
                        const QCborMap &body) = 0; // any other entry, with run and device filled in
    virtual void summary(const QString &text) = 0; // one line for the step's row: "1.4.2+7, 65 KiB at 64.1 kB/s"
    virtual PromptAnswer ask(const PromptRequest &request, const Task &task) = 0; // blocks; recorded; honours task

    // Intent before act: durable when it returns. End it with outcome(); one left open is shown as UNKNOWN after a
    // crash.
    virtual QString intend(const QString &act, const QCborMap &detail) = 0; // the intent's id
    virtual void outcome(const QString &intent, const QString &state, const QString &sentence,
                         const QCborMap &detail = {}) = 0;
};

// Where a kind looks when it reconciles an intent that has no outcome.
struct Evidence {
    QString run;    // of the interrupted run
    QString serial; // of the unit
    Mode mode = Mode::Production;
    Device *device = nullptr;   // null: nobody asked, or not reachable
    Journal *journal = nullptr; // null in tests of a kind that needs none
    Task task;
};

// What a step found when it asked a device, or the journal, about an intent that has no outcome.
struct Reconciled {
    QString state;    // "done", "not-done", "partial" (begun, can be done again), "unknown"
    QString sentence; // what is known
    QString safeNext; // what is safe now
};

class Step
{
public:
    virtual ~Step() = default;
    // Before the device is touched: load files, verify signatures, find the profile. Throws.
    virtual void prepare(StepContext &context) = 0;
    // Throws Fault on failure; returning means PASS. Progress goes to task.progress.
    virtual void run(StepContext &context, const Task &task) = 0;
};

struct StepParameter {
    // What stands in RecipeStep::parameters, and so in the fallback:
    //   Text Choice Url Pattern  QString       Number  double      Integer  qlonglong     Boolean  bool
    //   Duration  qlonglong (ms)               File    QString, absolute path of a file that exists
    //   Range     QVariantList of two, low and high; an open end is an invalid QVariant
    //   Map       QVariantMap; with `keys` typed by these, else of QString
    //   List      QVariantList of QString
    //   Files     QVariantMap: name on the device -> QVariantMap {"file": absolute path} or {"text": text}
    //   Address   qulonglong                    Digest  QByteArray, 32 bytes of SHA-256
    //   Images    QVariantList of QVariantMap {"at": qulonglong, "file": absolute path, "sha256": QByteArray, where
    //             given}, by address
    enum class Type {
        Text,
        Number,
        Integer,
        Boolean,
        Choice,
        Duration,
        File,
        Url,
        Pattern,
        Range,
        Map,
        List,
        Files,
        Address,
        Digest,
        Images
    };
    // Every member has an initializer, so that designated initializers may leave any out.
    QString name{};
    Type type = Type::Text;
    bool required = false;
    QVariant fallback{};             // value when absent
    QStringList choices{};           // Choice
    QString doc{};                   // one or two sentences for the manual
    std::optional<double> minimum{}; // Number, Integer
    std::optional<double> maximum{};
    int groups = -1;             // Pattern: capture groups it must have, -1: any number
    QList<StepParameter> keys{}; // Map: the only keys it may have; empty: any
};

struct StepKind {
    QString name;    // "flash"
    QString title;   // "Flash": row in the run's page; upper-cased on the tile
    QString summary; // one sentence for the list
    QString manual;  // paragraphs, Markdown
    QString example; // YAML of one list item
    QList<StepParameter> parameters;
    double weight = 1;         // share of the progress bar, about seconds
    qint64 timeoutMs = 60'000; // default
    std::function<QSet<Capability>(const QVariantMap &)> needs;
    std::function<QSet<Capability>(const QVariantMap &)> needsInstead; // a set that does as well; empty: none
    // Names of what is missing for the step to work; empty: it can.
    QStringList lacking(const QVariantMap &parameters, const QSet<Capability> &able) const;
    std::function<bool(const QVariantMap &)> irreversible; // cannot be undone by anybody
    bool writes = false;     // changes the device: never allowed after an irreversible step
    bool transfers = false;  // moves much data: waits for a place where a station limits these
    bool readsFacts = false; // ${fact:...} has values after it
    QString setsVariable;    // the parameter that names the variable it sets, empty: none
    // Further checks of the parameters alone: (parameter, sentence) pairs; class rules included.
    std::function<QList<std::pair<QString, QString>>(const QVariantMap &, const Recipe &)> check;
    std::function<std::unique_ptr<Step>(const RecipeStep &)> make;
    // For the acts this kind intends: what became of one whose outcome is missing. Never throws for a device that does
    // not answer: the state is "unknown" then.
    QStringList acts;
    QStringList repeatableActs; // of them: those that may be done again, and so make no run irreversible
    std::function<Reconciled(const QString &act, const QCborMap &detail, const Evidence &evidence)> reconcile;
};

// All kinds, in the order of the manual.
const QList<StepKind> &stepKinds();
const StepKind *stepKind(const QString &name);
// The kind that intends that act ("lock", "identity.write", ...), null when none does.
const StepKind *stepKindOfAct(const QString &act);
bool isRepeatableAct(const QString &act);

} // namespace slipway
