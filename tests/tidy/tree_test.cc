// The shape of the tree: what lies at the top, which rooms explain themselves, how long files grow, and that
// nothing is left half done.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "tests/tidy/source_tree.h"

namespace tidy {
namespace {

const std::set<std::string> kTopEntries{"kernel", "sim",   "net",  "broker",         "clients",           "scenarios",
                                        "tests",  "fuzz",  "docs", "CMakeLists.txt", "CMakePresets.json", "README.md",
                                        "dev",    "main.cc"};

/// Files over the line limit, each with the reason why it is not cut.
const std::map<std::string, std::string> kLongFiles{};
constexpr std::size_t kLinesMax = 700;

/// Marks of unfinished work, as whole words in any case. Spelled in halves, so that this file is clean.
const std::vector<std::string> kLeftovers{"to" "do", "fix" "me", "xx" "x", "ha" "ck"};

TEST(Tree, the_top_holds_only_the_rooms_and_what_builds_them) {
  for (const auto& entry : std::filesystem::directory_iterator{top()}) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || name == "build" || name == "compile_commands.json") continue;  // not in the repository
    EXPECT_TRUE(kTopEntries.contains(name)) << name << " has no place at the top: put it into a room";
  }
}

TEST(Tree, every_room_explains_itself) {
  for (const std::string room : {"kernel", "sim", "net", "broker", "clients", "scenarios", "tests", "fuzz"}) {
    const auto readme = top() / room / "README.md";
    ASSERT_TRUE(std::filesystem::exists(readme)) << room << "/README.md is missing";
    EXPECT_GT(std::filesystem::file_size(readme), 200u) << room << "/README.md says nothing yet";
  }
}

TEST(Tree, no_file_outgrows_a_reader) {
  for (const SourceFile& file : source_files()) {
    const std::size_t lines = static_cast<std::size_t>(std::ranges::count(file.text, '\n'));
    const bool text = file.text.find('\0') == std::string::npos;
    if (!text || lines <= kLinesMax || kLongFiles.contains(file.path)) continue;
    ADD_FAILURE() << file.path << " has " << lines << " lines, more than " << kLinesMax
                  << ": cut it in two, or list it with a reason in tests/tidy/tree_test.cc";
  }
  for (const auto& [path, reason] : kLongFiles) {
    EXPECT_TRUE(std::filesystem::exists(top() / path)) << path << " is listed as long, but gone";
    EXPECT_FALSE(reason.empty()) << path;
  }
}

TEST(Tree, nothing_is_left_for_later) {
  for (const SourceFile& file : source_files()) {
    if (file.text.find('\0') != std::string::npos || file.path.starts_with("fuzz/corpus")) continue;
    std::string lower = file.text;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto lines = lines_of(lower);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (const std::string& word : kLeftovers) {
        EXPECT_FALSE(has_token(lines[i], word)) << place(file, i) << ": " << lines[i] << "\n  finish it or leave it out";
      }
    }
  }
}

TEST(Tree, what_is_read_from_the_settings_is_used) {
  const std::string header = "broker/config/broker_config.h";
  std::string users;
  std::vector<std::string> fields;
  for (const SourceFile& file : source_files()) {
    if (file.path == header) {
      const std::regex field{R"(^  [\w:<>, ]+ (\w+)(?:\{\w*\}| = [^;(]+)?;)"};
      const std::string code = code_only(file.text);
      for (const std::string_view line : lines_of(code)) {
        std::match_results<std::string_view::const_iterator> match;
        if (std::regex_search(line.begin(), line.end(), match, field)) fields.push_back(match[1]);
      }
    } else if (file.path.starts_with("broker/") && !file.path.starts_with("broker/config/")) {
      users += code_only(file.text);
    }
  }
  EXPECT_GT(fields.size(), 30u) << header << " is not read as it is written";
  for (const std::string& name : fields) {
    // The rest of the configuration's own shape, and what a start tells.
    if (name == "config" || name == "problems" || name == "warnings" || name == "notices") continue;
    EXPECT_TRUE(has_token(users, name)) << header << ": nobody reads " << name
                                        << "; call its setting `noticed` in server_table.h, or honour it";
  }
}

TEST(Tree, headers_are_included_once) {
  for (const SourceFile& file : source_files()) {
    if (file.extension() != ".h") continue;
    EXPECT_NE(file.text.find("#pragma once"), std::string::npos) << file.path << " lacks #pragma once";
    EXPECT_TRUE(file.text.starts_with("//")) << file.path << " must open by saying what it is";
  }
}

}  // namespace
}  // namespace tidy
