// Dependencies point one way: every #include of the tree is read against one table.
#include <gtest/gtest.h>

#include "tests/tidy/source_tree.h"

namespace tidy {
namespace {

struct Layer {
  std::string_view room;
  std::vector<std::string_view> may_include;
};
const std::vector<Layer> kLayers{
    {"kernel", {"kernel"}},
    {"sim", {"kernel", "sim"}},
    {"net", {"kernel", "net"}},
    {"broker", {"kernel", "net", "broker"}},
    {"clients", {"kernel", "net", "clients"}},
    {"scenarios", {"kernel", "sim", "net", "broker", "clients", "scenarios"}},
    {"main.cc", {"kernel", "sim", "net", "broker", "clients", "scenarios"}},
    {"tests", {"kernel", "sim", "net", "broker", "clients", "scenarios", "tests"}},
    {"fuzz", {"kernel", "sim", "net", "broker", "clients", "scenarios", "tests", "fuzz"}},
};

/// The file that an #include line names, or nothing.
std::string_view included(std::string_view line) {
  const auto hash = line.find_first_not_of(' ');
  if (hash == line.npos || line[hash] != '#') return {};
  const auto word = line.find_first_not_of(' ', hash + 1);
  if (word == line.npos || !line.substr(word).starts_with("include")) return {};
  const auto open = line.find_first_of("<\"", word);
  if (open == line.npos) return {};
  const auto close = line.find_first_of(">\"", open + 1);
  return close == line.npos ? std::string_view{} : line.substr(open + 1, close - open - 1);
}

const Layer* layer_of(std::string_view path) {
  const auto found = std::ranges::find(kLayers, path.substr(0, path.find('/')), &Layer::room);
  return found == kLayers.end() ? nullptr : &*found;
}

/// Why `from` may not include `target`, or an empty text.
std::string objection(std::string_view from, std::string_view target) {
  const std::string_view room = target.substr(0, target.find('/'));
  if (target.find("..") != target.npos) return "name files from the top of the tree";
  const Layer* to = layer_of(target);
  if (to == nullptr) return {};  // not a file of ours
  const Layer* layer = layer_of(from);
  if (layer == nullptr) return "this folder has no line in tests/tidy/layering_test.cc";
  if (target.starts_with("kernel/posix/")) {
    const bool knows_worlds = from.starts_with("kernel/posix/") || from == "main.cc" ||
                              from.starts_with("scenarios/") || from.starts_with("tests/");
    if (!knows_worlds) return "only main.cc, scenarios and tests may name the production backend";
  }
  if (std::ranges::find(layer->may_include, room) == layer->may_include.end()) {
    return std::string{layer->room} + " may not know " + std::string{room};
  }
  return {};
}

TEST(Layering, every_include_points_down_the_table) {
  std::size_t seen = 0;
  for (const SourceFile& file : source_files()) {
    if (!file.is_cpp()) continue;
    const auto lines = lines_of(file.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string_view target = included(lines[i]);
      if (target.empty()) continue;
      ++seen;
      EXPECT_EQ(objection(file.path, target), "") << place(file, i) << ": " << lines[i];
    }
  }
  EXPECT_GT(seen, 10u) << "the tree was not found at " << top();
}

TEST(Layering, the_table_refuses_what_it_should) {
  EXPECT_EQ(objection("net/frame.cc", "kernel/bytes.h"), "");
  EXPECT_EQ(objection("net/frame.cc", "vector"), "");
  EXPECT_EQ(objection("main.cc", "kernel/posix/node.h"), "");
  EXPECT_NE(objection("broker/server.cc", "kernel/posix/node.h"), "");
  EXPECT_NE(objection("kernel/fiber.cc", "kernel/posix/node.h"), "");
  EXPECT_NE(objection("kernel/fiber.cc", "net/frame.h"), "");
  EXPECT_NE(objection("broker/server.cc", "sim/world.h"), "");
  EXPECT_NE(objection("broker/server.cc", "clients/producer.h"), "");
  EXPECT_NE(objection("clients/producer.cc", "broker/server.h"), "");
  EXPECT_NE(objection("sim/world.cc", "net/frame.h"), "");
  EXPECT_NE(objection("broker/server.cc", "tests/clock.h"), "");
  EXPECT_NE(objection("broker/log/log.cc", "../server.h"), "");
}

}  // namespace
}  // namespace tidy
