// identify: asks the device what it is and holds that against what the recipe expects.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/hardwareid.h"
#include "core/steps/kinds.h"

#include <QRegularExpression>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

class IdentifyStep : public Step
{
public:
    explicit IdentifyStep(const RecipeStep &step) : m_expect(step.parameters.value(u"expect"_s).toMap()) {}

    void prepare(StepContext &) override {}

    void run(StepContext &context, const Task &task) override
    {
        const DeviceFacts facts = context.device().facts(task);
        const QJsonObject all = facts.toJson();
        for (auto fact = all.begin(); fact != all.end(); ++fact) {
            context.fact(fact.key(), fact.value().isBool() ? (fact.value().toBool() ? u"yes"_s : u"no"_s)
                                                           : oneLine(fact.value().toString()));
        }
        if (const QString board = expected(context, u"board"_s); !board.isEmpty() && facts.board != board)
            throw Fault("identify.board", {said(facts.board), board});
        // A unit with an identity and another serial number was scanned wrongly: stop before anything is written to it.
        if (facts.identityPresent.value_or(false) && !facts.serial.isEmpty() && !context.serial().isEmpty() &&
            facts.serial != context.serial())
            throw Fault("identify.other-unit", {oneLine(facts.serial, 60), context.serial()});
        if (!facts.hardwareId.isEmpty() && !isPlausibleHardwareId(facts.hardwareId))
            throw Fault("identify.implausible", {said(facts.hardwareId)});
        if (const QString pattern = m_expect.value(u"hardware-id"_s).toString(); !pattern.isEmpty()) {
            if (!QRegularExpression(QRegularExpression::anchoredPattern(pattern)).match(facts.hardwareId).hasMatch())
                throw Fault("identify.hardware-id", {said(facts.hardwareId), pattern});
        }
        if (const QString version = expected(context, u"firmware"_s);
            !version.isEmpty() && facts.firmwareVersion != version)
            throw Fault("identify.firmware", {said(facts.firmwareVersion), version});
        if (const QString serial = expected(context, u"serial"_s); !serial.isEmpty() && facts.serial != serial)
            throw Fault("identify.serial", {said(facts.serial), serial});

        QStringList parts;
        for (const QString &part : {facts.board, facts.firmwareVersion, facts.hardwareId}) {
            if (!part.isEmpty())
                parts << oneLine(part, 60);
        }
        context.summary(parts.isEmpty() ? u"the device answers"_s : parts.join(u", "_s));
    }

private:
    QString expected(const StepContext &context, const QString &name) const
    {
        return context.expand(m_expect.value(name).toString());
    }
    static QString said(const QString &text) { return text.isEmpty() ? u"nothing"_s : oneLine(text, 60); }

    QVariantMap m_expect;
};

} // namespace

StepKind identifyKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"identify"_s;
    kind.title = u"Identify"_s;
    kind.summary = u"Asks the device what it is and compares it with what the recipe expects."_s;
    kind.manual =
        u"Everything that the device says of itself becomes a fact of the run, on record and usable in later "
        "steps as `${fact:NAME}`: `board`, `serial`, `hardware-id`, `boot-loader`, `firmware`, "
        "`firmware-hash` and whatever else its driver knows.\n\n"
        "What stands under `expect` must hold, else the unit fails before anything was changed on it. A "
        "hardware id of nothing but zeros or F fails as well: such a board has never been programmed with "
        "one, and two of them could not be told apart. So does a device that has the identity of another unit than the "
        "run's, locked or not: a wrong scan must not overwrite its serial number."_s;
    kind.example = u"- identify: { expect: { board: t1-rev-b, hardware-id: \"02-00-5e-.*\" } }"_s;
    kind.parameters = {{.name = u"expect"_s,
                        .type = Type::Map,
                        .doc = u"What must hold."_s,
                        .keys = {{.name = u"board"_s, .doc = u"The board's name, exactly."_s},
                                 {.name = u"hardware-id"_s,
                                  .type = Type::Pattern,
                                  .doc = u"Pattern that the whole hardware id matches: lower-case hex with dashes."_s},
                                 {.name = u"firmware"_s, .doc = u"Version of the running firmware, exactly."_s},
                                 {.name = u"serial"_s, .doc = u"The serial number that the device has, exactly."_s}}}};
    kind.weight = 0.3;
    kind.timeoutMs = 15'000;
    kind.readsFacts = true;
    kind.make = [](const RecipeStep &step) { return std::make_unique<IdentifyStep>(step); };
    return kind;
}

} // namespace slipway
