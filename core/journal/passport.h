#pragma once
// A device's passport: everything the journal holds about one unit, as JSON (passport-schema.json), with the entries
// and their hashes and the signed end of the chain, so that it can be held against the journal. The JSON file is signed
// by the caller (detached CMS), the PDF is drawn from the same JSON. Because it is signed, nothing goes into it that
// was not proved first (unitproof.h). Throws journal.no-unit, journal.unproven and what JournalReader throws.

#include "core/base/task.h"
#include "core/journal/queries.h"
#include "core/journal/verifier.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>

namespace slipway {

struct PassportIssue {
    QString station; // its name
    QString program; // "slipway 0.1.0"
    QString at;      // RFC 3339, empty: now
};

// mode: the unit of that mode; none: production where it is known there, else training.
QJsonObject makePassport(JournalReader &reader, const JournalVerifier &verifier, std::optional<Mode> mode,
                         const QString &serial, const PassportIssue &issue, const Task &task = {});

// As it is written and signed: indented, UTF-8, one newline at the end.
QByteArray passportBytes(const QJsonObject &passport);

// The serial number made safe as a file name without ending.
QString passportFileName(const QString &serial);

// A4, one page or a few. Needs a QGuiApplication (any platform). Throws file.unwritable.
void writePassportPdf(const QJsonObject &passport, const QString &path);

} // namespace slipway
