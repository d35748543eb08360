#pragma once
// The kinds of steps, one file each. stepkinds.cpp lists them.

#include "core/steps/step.h"

namespace slipway {

StepKind identifyKind();    // identifystep.cpp
StepKind flashKind();       // flashstep.cpp
StepKind setKind();         // setstep.cpp
StepKind timeKind();        // timestep.cpp
StepKind idevidKind();      // idevidstep.cpp
StepKind measureKind();     // measurestep.cpp
StepKind promptKind();      // promptstep.cpp
StepKind labelKind();       // labelstep.cpp
StepKind resetKind();       // resetstep.cpp
StepKind mudUrlKind();      // mudurlstep.cpp
StepKind lockKind();        // lockstep.cpp
StepKind mudConformKind();  // mudconformstep.cpp
StepKind factoryDataKind(); // factorydatastep.cpp

} // namespace slipway
