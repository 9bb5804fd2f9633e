// The scenario of groups; see groups_survive.cc.
#pragma once

#include "scenarios/run.h"

namespace scenarios {

void groups_survive(Run& run);

}  // namespace scenarios
