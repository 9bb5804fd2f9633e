#include "scenarios/broker_survives.h"
#include "scenarios/run.h"

namespace scenarios {
namespace {

constexpr Scenario kScenarios[] = {
    {"broker-survives", "one broker, four clients, 30 s of disasters, then everything must drain", broker_survives},
};

}  // namespace

std::span<const Scenario> all_scenarios() { return kScenarios; }

}  // namespace scenarios
