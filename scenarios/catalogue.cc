#include "scenarios/broker_survives.h"
#include "scenarios/groups_survive.h"
#include "scenarios/run.h"

namespace scenarios {
namespace {

constexpr Scenario kScenarios[] = {
    {"broker-survives", "one broker, four clients, 30 s of disasters, then everything must drain", broker_survives},
    {"groups-survive", "one broker, a group whose members come and go, 30 s of disasters, then it must come to rest", groups_survive},
};

}  // namespace

std::span<const Scenario> all_scenarios() { return kScenarios; }

}  // namespace scenarios
