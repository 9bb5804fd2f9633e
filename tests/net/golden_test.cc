// Bytes that were written down from the rules of the protocol, or captured from other programs, decode to what they
// say and encode back to themselves. Files: tests/golden/*.golden
//
//   message NAME VERSION     what the bytes are
//   text {field=value, ...}  what they say
//   0102 ff  # note          the bytes, in hex
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/net/message_case.h"

namespace net::testing {
namespace {

struct Golden {
  std::string message;
  int version = -1;
  std::string text;
  std::vector<std::byte> bytes;
};

Golden load(const std::filesystem::path& path) {
  Golden golden;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("text ")) {
      golden.text = line.substr(5);
      continue;
    }
    std::istringstream words{line.substr(0, line.find('#'))};
    for (std::string word; words >> word;) {
      if (word == "message") words >> golden.message >> golden.version;
      else
        for (std::size_t i = 0; i + 1 < word.size(); i += 2)
          golden.bytes.push_back(static_cast<std::byte>(std::stoi(word.substr(i, 2), nullptr, 16)));
    }
  }
  return golden;
}

TEST(Golden, bytes_mean_what_they_say_and_encode_to_themselves) {
  const auto cases = all_message_cases();
  int tried = 0;
  for (const auto& entry : std::filesystem::directory_iterator{KALDA_SOURCE_DIR "/tests/golden"}) {
    if (entry.path().extension() != ".golden") continue;
    const Golden golden = load(entry.path());
    const auto one = std::ranges::find(cases, golden.message, &MessageCase::name);
    ASSERT_NE(one, cases.end()) << entry.path();
    Arena arena;
    const auto version = static_cast<std::int16_t>(golden.version);
    const auto message = one->decode(golden.bytes, version, arena);
    ASSERT_TRUE(message) << entry.path() << ": " << kernel::describe(message.error());
    EXPECT_EQ(one->text(*message), golden.text) << entry.path();
    EXPECT_EQ(one->encode(*message, version).value(), golden.bytes) << entry.path();
    ++tried;
  }
  EXPECT_GE(tried, 16);
}

}  // namespace
}  // namespace net::testing
