// The default scenario; see broker_survives.cc.
#pragma once

#include "scenarios/run.h"

namespace scenarios {

void broker_survives(Run& run);

}  // namespace scenarios
