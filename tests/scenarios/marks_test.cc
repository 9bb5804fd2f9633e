// The tables of coverage marks and the places that set them are one and the same: a mark that no table has is never
// missed, and one that no place sets is always.
#include "scenarios/marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "sim/faults/plan.h"

namespace scenarios {
namespace {

/// Everything in the rooms' .cc files that matches, by its first group, with `prefix` before it.
void collect(std::set<std::string>& into, const std::regex& pattern, const std::string& prefix) {
  for (const char* room : {"sim", "net", "broker", "clients", "scenarios"}) {
    for (const auto& file : std::filesystem::recursive_directory_iterator{std::filesystem::path{KALDA_SOURCE_DIR} / room}) {
      if (file.path().extension() != ".cc") continue;
      std::ifstream source{file.path()};
      const std::string content{std::istreambuf_iterator<char>{source}, {}};
      for (std::sregex_iterator at{content.begin(), content.end(), pattern}; at != std::sregex_iterator{}; ++at)
        into.insert(prefix + (*at)[1].str());
    }
  }
}

TEST(Marks, every_mark_and_nudge_that_is_set_is_listed_and_the_other_way_round) {
  std::set<std::string> set;
  collect(set, std::regex{R"re("(sim\.(?:clock|disk|network|process)\.[a-z_]+)")re"}, "");
  collect(set, std::regex{R"re(mark\("((?:broker|scenarios)\.[a-z_.]+)")re"}, "");
  collect(set, std::regex{R"re(nudge\("([a-z_.]+)"\))re"}, "nudge.");
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind)
    set.insert("sim.fault." + std::string{name_of(static_cast<sim::FaultKind>(kind))});
  const auto known = known_marks();
  EXPECT_EQ(std::set<std::string>(known.begin(), known.end()), set);
  EXPECT_GT(set.size(), 60u);
}

}  // namespace
}  // namespace scenarios
