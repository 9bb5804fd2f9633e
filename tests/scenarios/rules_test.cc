// Every rule that can be broken is counted where it is judged, so that a summary shows what a campaign really held
// anything against; and the README names it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "scenarios/run.h"

namespace scenarios {
namespace {

using std::filesystem::path;

std::string content_of(const path& file) {
  std::ifstream source{file};
  return {std::istreambuf_iterator<char>{source}, {}};
}

/// The names that scenarios/ calls `function` with.
std::set<std::string> rules_given_to(const std::string& function) {
  std::set<std::string> rules;
  const std::regex call{function + R"re(\("([A-Za-z0-9]+)")re"};
  for (const auto& file : std::filesystem::recursive_directory_iterator{path{KALDA_SOURCE_DIR} / "scenarios"}) {
    if (file.path().extension() != ".cc") continue;
    const std::string content = content_of(file.path());
    for (std::sregex_iterator at{content.begin(), content.end(), call}; at != std::sregex_iterator{}; ++at) rules.insert((*at)[1]);
  }
  return rules;
}

TEST(Rules, whatever_can_be_broken_is_counted_where_it_is_judged_and_named_in_the_readme) {
  std::set<std::string> broken = rules_given_to("violation");
  for (const char* harness : {"runaway", "settings"}) broken.erase(harness);  // about the run itself
  EXPECT_EQ(broken, rules_given_to("judged"));
  const std::string readme = content_of(path{KALDA_SOURCE_DIR} / "scenarios" / "README.md");
  for (const std::string& rule : broken) EXPECT_THAT(readme, ::testing::HasSubstr(rule));
}

TEST(Rules, a_run_of_the_default_scenario_judges_its_end) {
  kernel::StackPool stacks;
  const Outcome outcome = execute(all_scenarios().front(), {.seed = 1}, stacks);
  EXPECT_TRUE(outcome.violations.empty());
  for (const char* rule : {"R10", "V3", "V7", "liveness"}) EXPECT_TRUE(outcome.judged.contains(rule)) << rule;
}

}  // namespace
}  // namespace scenarios
