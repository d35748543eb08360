#pragma once
// Follows the command sequences of a SUIT manifest on paper (draft-ietf-suit-manifest-37 section 6.4): shared, fetch,
// install, validate, load, invoke. Where a condition depends on what nobody told, both outcomes are followed, and what
// was assumed once holds for the rest of that case. Room-internal.

#include "core/firmware/suitcommands.h"
#include "core/firmware/suitmanifest.h"

namespace slipway {

struct SuitManifest::Program {
    int components = 0;
    suit::Sequence shared, fetch, install, validate, load, invoke;
    QStringList uris;

    // The cases that end well for that device, each once. Throws the first failure where there is none.
    QList<SuitPlan> follow(const SuitTarget &target) const;
};

} // namespace slipway
