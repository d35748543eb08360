#pragma once
// Entries as JSON for people and programs: byte strings become lower-case hex, numbers stay numbers.

#include "core/journal/entry.h"

#include <QJsonObject>
#include <QJsonValue>

namespace slipway {

QJsonValue toJson(const QCborValue &value);
QJsonObject toJson(const QCborMap &map);
// {"entry":17,"at":...,"kind":...,"run":...,"device":...,"mode":...,"body":{...},"prev":hex,"hash":hex}
QJsonObject toJson(const Entry &entry);
// One line for a list: what the entry says, without its key names where they are plain.
QString entryWords(const Entry &entry);

} // namespace slipway
