// The native consumer in a group: two processes share the stage's topic by the cooperative assignor, with the possession
// of partitions and everything they are handed noted.
//
//   Sharing sharing{stage};
//   run.world().boot(machine, 1, [&](Fiber& f) { share_topic(f, sharing, 0); });   // until stage.stopping
//   ...
//   sharing.possession.is_complete(stage.partitions) && sharing.ledger.processed_end(p) >= end   // at rest
#pragma once

#include "scenarios/oracles/group_ledger.h"
#include "scenarios/oracles/possession.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

struct Sharing {
  explicit Sharing(Stage& stage) : stage{stage}, possession{stage.run}, ledger{stage.run} {}
  Stage& stage;
  Possession possession;
  GroupLedger ledger;  ///< of what is processed only
  std::string group = "sharers";
  std::map<std::uint32_t, std::uint64_t> lives;
};
inline constexpr std::uint32_t kSharers = 2;

void share_topic(kernel::Fiber& f, Sharing& sharing, std::uint32_t id);

}  // namespace scenarios
