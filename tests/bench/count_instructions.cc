// count_instructions --list: what there is to count. --compiler: who made it. NAME: does that and says how often;
// callgrind knows the rest (instructions.py).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <valgrind/callgrind.h>

#include <vector>

#include "tests/bench/hot_paths.h"

namespace {

/// Has a callgrind that was started with --instr-atstart=no see the bodies only. Without callgrind they just run.
class Callgrind : public bench::Meter {
  int times(int operations) const override { return operations; }
  void begin() override { CALLGRIND_START_INSTRUMENTATION; }
  void end() override { CALLGRIND_STOP_INSTRUMENTATION; }
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<bench::HotPath> paths;
  for (const auto& some : {bench::runtime_paths(), bench::protocol_paths(), bench::broker_paths()})
    paths.insert(paths.end(), some.begin(), some.end());
  const std::string_view wanted = argc == 2 ? argv[1] : "";
  if (wanted == "--compiler") {
#ifdef __clang__
    fmt::print("clang {}\n", __clang_version__);
#else
    fmt::print("g++ {}\n", __VERSION__);
#endif
    return 0;
  }
  if (wanted == "--list") {
    for (const bench::HotPath& path : paths) fmt::print("{}\t{}\n", path.name, path.operation);
    return 0;
  }
  for (const bench::HotPath& path : paths) {
    if (path.name != wanted) continue;
    Callgrind meter;
    path.run(meter);
    fmt::print("operations {}\n", meter.operations());
    // The worlds of the tests, which some paths live in, tell gtest what went wrong.
    return meter.operations() > 0 && !testing::UnitTest::GetInstance()->Failed() ? 0 : 1;
  }
  fmt::print(stderr, "there is no path \"{}\": see --list\n", wanted);
  return 2;
}
