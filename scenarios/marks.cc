#include "scenarios/marks.h"

#include "broker/log/marks.h"
#include "broker/nudges.h"
#include "sim/marks.h"

namespace scenarios {

std::vector<std::string_view> known_marks() {
  std::vector<std::string_view> all(std::begin(sim::kMarks), std::end(sim::kMarks));
  all.insert(all.end(), broker::log::kMarks.begin(), broker::log::kMarks.end());
  all.insert(all.end(), broker::kNudges.begin(), broker::kNudges.end());
  for (const std::string_view own : {"scenarios.several_log_directories", "scenarios.restarted_for_a_directory"}) all.push_back(own);
  return all;
}

}  // namespace scenarios
