// The table of APIs in broker/APIS.md says what is served, where, and what tests it. It is generated:
//   KALDA_WRITE_API_TABLE=1 build/release/tests/tests_broker --gtest_filter='ApiTable.*'
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include "broker/handlers/router.h"

namespace broker::handlers {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kBegin = "<!-- api table: generated, see tests/broker/handlers/api_table_test.cc -->\n";
constexpr std::string_view kEnd = "<!-- end of api table -->\n";

std::string text_of(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream{path}.rdbuf();
  return out.str();
}

struct Source {
  std::string name;  ///< within the tree
  std::string text;
};
std::vector<Source> sources_under(const fs::path& root, const fs::path& folder, std::string_view extensions) {
  std::vector<Source> out;
  for (const auto& entry : fs::recursive_directory_iterator{root / folder})
    if (entry.is_regular_file() && extensions.find(entry.path().extension().string()) != extensions.npos)
      out.push_back({fs::relative(entry.path(), root).generic_string(), text_of(entry.path())});
  std::ranges::sort(out, {}, &Source::name);
  return out;
}

std::string table(const fs::path& root) {
  const auto handlers = sources_under(root, "broker/handlers", ".cc");
  const auto tests = sources_under(root, "tests/broker", ".cc .h");
  std::string out = "| key | API | versions | file | tests in `tests/broker/` |\n|---|---|---|---|---|\n";
  for (const Api& api : served_apis()) {
    const net::ApiInfo& about = net::info(api.key);
    const std::string prefix = fmt::format("broker/handlers/{:02}_", static_cast<int>(api.key));
    std::string file, tested;
    for (const Source& one : handlers)
      if (one.name.starts_with(prefix)) file = one.name.substr(std::string_view{"broker/"}.size());
    const std::regex wanted{fmt::format("\\bnet::{}Request\\b", about.name)};
    for (const Source& one : tests)
      if (std::regex_search(one.text, wanted))
        tested += fmt::format("{}`{}`", tested.empty() ? "" : ", ", one.name.substr(std::string_view{"tests/broker/"}.size()));
    EXPECT_FALSE(file.empty()) << about.name << ": no handlers/NN_name.cc has its number";
    EXPECT_FALSE(tested.empty()) << about.name << ": no test under tests/broker asks it";
    const std::string versions = about.versions.last == api.versions.last || about.unstable_from <= about.versions.last
                                     ? fmt::format("{}-{}", api.versions.first, api.versions.last)
                                     : fmt::format("{}-{} of {}", api.versions.first, api.versions.last, about.versions.last);
    out += fmt::format("| {} | {} | {} | `{}` | {} |\n", static_cast<int>(api.key), about.name, versions, file, tested);
  }
  return out;
}

TEST(ApiTable, SaysWhatIsServed) {
  const fs::path root{KALDA_SOURCE_DIR};
  const fs::path file = root / "broker/APIS.md";
  std::string text = text_of(file);
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  ASSERT_NE(begin, text.npos);
  ASSERT_NE(end, text.npos);
  const std::size_t at = begin + kBegin.size();
  const std::string fresh = table(root);
  if (std::getenv("KALDA_WRITE_API_TABLE") != nullptr) {
    text.replace(at, end - at, fresh);
    std::ofstream{file} << text;
    return;
  }
  EXPECT_EQ(text.substr(at, end - at), fresh)
      << "write it anew: KALDA_WRITE_API_TABLE=1 build/release/tests/tests_broker --gtest_filter='ApiTable.*'";
}

}  // namespace
}  // namespace broker::handlers
