// The list of planted bugs and the places that know them by name are one and the same.
#include "scenarios/mutants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace scenarios {
namespace {

std::set<std::string> planted_in_the_sources() {
  std::set<std::string> names;
  const std::regex plant{R"re(BUG\([^"]*"([^"]+)"\))re"};
  for (const char* room : {"sim", "net", "broker", "clients"}) {
    for (const auto& file : std::filesystem::recursive_directory_iterator{std::filesystem::path{KALDA_SOURCE_DIR} / room}) {
      if (file.path().extension() != ".cc" && file.path().extension() != ".h") continue;
      std::ifstream source{file.path()};
      std::string content;
      for (std::string line; std::getline(source, line);) {
        if (!line.substr(0, line.find_first_not_of(' ') + 2).ends_with("//")) content += line + "\n";
      }
      for (std::sregex_iterator at{content.begin(), content.end(), plant}; at != std::sregex_iterator{}; ++at)
        names.insert((*at)[1]);
    }
  }
  return names;
}

TEST(Mutants, every_planted_bug_is_listed_and_the_other_way_round) {
  std::set<std::string> listed;
  for (const Mutant& mutant : all_mutants()) listed.emplace(mutant.name);
  EXPECT_EQ(listed, planted_in_the_sources());
}

TEST(Mutants, every_planted_bug_is_in_the_table_or_said_to_be_unseen) {
  const std::filesystem::path file = std::filesystem::path{KALDA_SOURCE_DIR} / "scenarios" / "MUTANTS.md";
  std::ifstream in{file};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  for (const Mutant& mutant : all_mutants()) EXPECT_THAT(text, ::testing::HasSubstr(fmt::format("`{}`", mutant.name)));
}

TEST(Mutants, a_name_that_nobody_planted_is_refused_with_those_that_are) {
  EXPECT_EQ(why_not_planted(""), std::nullopt);
  const auto why = why_not_planted("log.no_such_thing");
  ASSERT_TRUE(why.has_value());
  if (kMutantsBuild) {
    EXPECT_THAT(*why, ::testing::HasSubstr("log.skip_sync"));
    EXPECT_EQ(why_not_planted("log.skip_sync"), std::nullopt);
  } else {
    EXPECT_THAT(*why, ::testing::HasSubstr("no planted bugs"));
  }
}

}  // namespace
}  // namespace scenarios
