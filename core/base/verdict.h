#pragma once
// How a run or a step ended.

#include <QString>

#include <optional>

namespace slipway {

enum class Verdict {
    Pass,
    Fail,    // the unit's fault
    Error,   // the station's fault: never counts against yield
    Stopped, // a person
    Unknown, // an irreversible act whose outcome is not known
};

// "PASS" ...: the one spelling, in the journal, in --json and on the screen.
QString toString(Verdict verdict);
std::optional<Verdict> verdictFromString(QStringView text);

} // namespace slipway
