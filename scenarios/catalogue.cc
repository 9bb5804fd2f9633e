#include "scenarios/broker_survives.h"
#include "scenarios/damage_is_told.h"
#include "scenarios/groups_survive.h"
#include "scenarios/run.h"

namespace scenarios {
namespace {

constexpr std::string_view kOfOneBroker[] = {"C1", "C2", "C3", "C4", "C5", "C6", "D1", "D3", "D4", "D5", "D6", "I1", "I2",
                                             "I3", "I5", "I6", "L1", "L2", "L3", "L4", "L5", "L6", "M4", "M5", "M7", "M8",
                                             "P1", "P2", "P5", "R10", "R12", "R2", "R5", "V12", "V3", "V7", "V9", "liveness"};
constexpr std::string_view kOfGroups[] = {"D1", "G1", "G10", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "I3", "L1", "L2",
                                          "L6", "M4", "M5", "R12", "R5", "V12", "V6", "V9", "liveness"};
constexpr std::string_view kOfDamage[] = {"D1", "D3", "D6", "L1", "L6", "R12", "V9", "damage", "liveness"};

constexpr Scenario kScenarios[] = {
    {"broker-survives", "one broker, four clients, 30 s of disasters, then everything must drain", broker_survives, kOfOneBroker},
    {"groups-survive", "one broker, a group whose members come and go, 30 s of disasters, then it must come to rest",
     groups_survive, kOfGroups},
    {"damage-is-told", "one broker whose disk damages data in secret: what it serves is true, what it cannot serve it says",
     damage_is_told, kOfDamage},
};

}  // namespace

std::span<const Scenario> all_scenarios() { return kScenarios; }

}  // namespace scenarios
