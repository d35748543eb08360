#pragma once
// What the signature of a released recipe covers: the recipe and every file that its steps name (firmware, keys, label
// templates, files for the device), by SHA-256. FILE.p7s is a CMS SignedData with that list inside, in the form of
// sha256sum, relative to the recipe's folder:
//
//   openssl cms -verify -binary -inform DER -in t1.yaml.p7s -CAfile station-ca.pem -purpose any | sha256sum -c
//
// Throws recipe.signature, file.*.

#include "core/recipe/recipe.h"

#include <QByteArray>

namespace slipway {

// The list for a recipe whose file has this content. Reads every file it names.
QByteArray releaseList(const Recipe &recipe, const QByteArray &content);
// Whether the list that was signed is the recipe's own: fills isSigned and released. Throws recipe.signature with the
// first file that is not the one that was released.
void acceptRelease(Recipe &recipe, const QByteArray &content, const QByteArray &signedList);
// A file that a step names; of a signed recipe it must still be the one that was released, else recipe.file-changed.
QByteArray readReleased(const Recipe &recipe, const QString &path, qint64 limit, const QString &what);

} // namespace slipway
