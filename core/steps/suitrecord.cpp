#include "core/steps/suitrecord.h"

#include "core/device/hardwareid.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

bool onAnotherBoard(JournalReader &reader, const QString &run, const DeviceFacts &facts)
{
    if (run.isEmpty() || !isPlausibleHardwareId(facts.hardwareId))
        return false;
    QString then;
    reader.forEachEntry({.run = run, .kind = u"fact"_s}, [&then](const Entry &entry) {
        if (entry.body.value(u"name"_s).toString() == u"hardware-id")
            then = entry.body.value(u"value"_s).toString();
        return true;
    });
    return isPlausibleHardwareId(then) && then != facts.hardwareId;
}

} // namespace

SuitKnown suitOnRecord(JournalReader &reader, const QString &serial, const DeviceFacts &facts)
{
    SuitKnown known;
    if (serial.isEmpty())
        return known;
    // The outcome is durable when the write is known to have gone well; the artifact comes after it.
    for (const QString &kind : {u"outcome"_s, u"artifact"_s}) {
        for (const Entry &entry : reader.entries({.device = serial, .kind = kind})) {
            const bool outcome = kind == u"outcome";
            if (outcome && entry.body.value(u"state"_s).toString() != u"done")
                continue;
            const QCborMap body = outcome ? entry.body.value(u"detail"_s).toMap() : entry.body;
            const QCborValue sequence = body.value(u"suit-sequence"_s);
            if (!sequence.isInteger() || sequence.toInteger() < 0)
                continue;
            const auto number = quint64(sequence.toInteger());
            if ((known.sequence && number <= *known.sequence) || onAnotherBoard(reader, entry.run, facts))
                continue;
            known.sequence = number;
            known.manifest = body.value(u"suit-manifest"_s).toByteArray();
        }
    }
    return known;
}

} // namespace slipway
