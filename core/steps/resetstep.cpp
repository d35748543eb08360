// reset: restarts the device and waits until it answers again.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/steps/kinds.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

class ResetStep : public Step
{
public:
    void prepare(StepContext &) override {}

    void run(StepContext &context, const Task &task) override
    {
        Reset *reset = context.device().resetter();
        if (!reset)
            throw Fault("device.lacks", {u"be restarted from here"_s});
        const auto begun = Deadline::Clock::now();
        reset->reset(task);
        const double seconds = std::chrono::duration<double>(Deadline::Clock::now() - begun).count();
        const DeviceFacts facts = context.device().facts(task);
        context.summary(facts.firmwareVersion.isEmpty()
                            ? u"back after %1"_s.arg(humanSpan(seconds))
                            : u"back after %1 with %2"_s.arg(humanSpan(seconds), oneLine(facts.firmwareVersion, 40)));
    }
};

} // namespace

StepKind resetKind()
{
    StepKind kind;
    kind.name = u"reset"_s;
    kind.title = u"Restart"_s;
    kind.summary = u"Restarts the device and waits until it answers again."_s;
    kind.manual = u"For settings that take effect at a start, and to see that a unit starts by itself. The port is "
                  "opened anew where the device went away from it. `flash` restarts by itself."_s;
    kind.example = u"- reset: { timeout: 20s }"_s;
    kind.weight = 2;
    kind.needs = [](const QVariantMap &) { return QSet{Capability::Reset}; };
    kind.make = [](const RecipeStep &) { return std::make_unique<ResetStep>(); };
    return kind;
}

} // namespace slipway
