#pragma once
// What is wrong, or worth a look, at one place of a MUD file.

#include <QJsonObject>
#include <QList>
#include <QString>

namespace slipway {

struct MudFinding {
    enum class Severity {
        Error,   // a MUD manager may refuse the file, or read something else than was meant
        Warning, // against a SHOULD, or sure to surprise somebody
        Note,    // worth knowing: an extension that is not judged here
    };

    int line = 0;   // from 1; 0: of the file as a whole
    QString path;   // YANG instance identifier (RFC 7951 section 6.11), "" for the file as a whole
    QString clause; // "RFC 8520 3.5"
    Severity severity = Severity::Error;
    QString message; // a sentence without full stop

    // {"line","path","clause","severity","message"}
    QJsonObject toJson() const;
};

// "error", "warning", "note".
QString toString(MudFinding::Severity severity);
bool hasErrors(const QList<MudFinding> &findings);

} // namespace slipway
