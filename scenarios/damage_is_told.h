// A broker whose disk damages data and does not say so.
#pragma once

#include "scenarios/run.h"

namespace scenarios {

/// The body of the scenario "damage-is-told" (catalogue.cc).
void damage_is_told(Run& run);

}  // namespace scenarios
