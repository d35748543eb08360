#pragma once
// The parts of checkMudFile(). Room-internal.

#include "core/mud/mudobject.h"

namespace slipway::mud {

// mudaclrules.cpp
void checkAcl(Findings &findings, const MudAcl &acl, bool fromDevice, bool toDevice);
void checkAclNames(Findings &findings, const MudFile &file); // names are there, fit, and are unique
QString didYouMeanAcl(const MudFile &file, const QString &name);

// mudextensionrules.cpp
void checkQuarantine(Findings &findings, const MudFile &file);
void checkOwnerLicense(Findings &findings, const MudFile &file);

} // namespace slipway::mud
