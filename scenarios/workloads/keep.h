// The workload of a topic whose log does not keep everything (oracles/kept_ledger.h): producers with keys from a small
// set, tombstones among them, and a reader that begins anew whenever it has come to the end.
//
//   const KeptPlan plan = draw_kept(run);
//   OneBroker broker{run, stage, kept_broker_settings(run)};
//   KeptLedger kept{run, plan.rules, broker.machine()};
//   run.world().boot(machine, 1, [&](Fiber& f) { keep_topic(f, stage, plan, kept); });   // until stage.stopping
//   ...
//   stage.producing = false;             // and kKeptProducers are done in a while
//   if (read_kept_to_end(f, stage, kept)) ...                                            // judges
#pragma once

#include "scenarios/oracles/kept_ledger.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

struct KeptPlan {
  KeptRules rules;
  std::map<std::string, std::string> settings;  ///< of the topic
  std::uint64_t keys = 0;
  std::uint32_t old_percent = 0;                ///< of the records say that they are from 1970
  std::uint32_t future_percent = 0;             ///< or from a time to come
  std::uint32_t tombstones_percent = 0;
};
KeptPlan draw_kept(Run& run);
/// Of the broker, so that it looks often and has little memory for keys.
std::vector<std::string> kept_broker_settings(Run& run);

inline constexpr std::size_t kKeptProducers = 3;
/// Creates the topic, writes to it and reads it. Each producer counts in Stage::producers_done.
void keep_topic(kernel::Fiber& f, Stage& stage, const KeptPlan& plan, KeptLedger& kept);
/// Once nothing is sent any more: a reading of all there is, and the verdict. False when it could not be read.
bool read_kept_to_end(kernel::Fiber& f, Stage& stage, KeptLedger& kept);

}  // namespace scenarios
