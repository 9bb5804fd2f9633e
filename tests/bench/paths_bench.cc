// The time that each hot path takes, of the same bodies whose instructions instructions.py counts.
#include <benchmark/benchmark.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/bench/hot_paths.h"

namespace {

/// The benchmark's clock runs while the bodies do, as often as the benchmark wants them.
class Stopwatch : public bench::Meter {
 public:
  explicit Stopwatch(benchmark::State& state) : state_{state} {}

 private:
  int times(int) const override { return static_cast<int>(state_.max_iterations); }
  void begin() override { state_.KeepRunningBatch(state_.max_iterations); }
  void end() override { state_.KeepRunningBatch(state_.max_iterations); }

  benchmark::State& state_;
};

/// What is written in a world stays in memory.
constexpr int kOperationsInWorld = 2000;

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const auto& some : {bench::runtime_paths(), bench::protocol_paths(), bench::broker_paths()})
    for (const bench::HotPath& path : some) {
      auto* one = benchmark::RegisterBenchmark(std::string{path.name}.c_str(), [path](benchmark::State& state) {
        Stopwatch meter{state};
        path.run(meter);
        state.SetItemsProcessed(state.iterations());
      });
      if (path.in_world()) one->Iterations(kOperationsInWorld);
    }
  benchmark::RunSpecifiedBenchmarks();
  // The worlds of the tests, which some paths live in, tell gtest what went wrong.
  return testing::UnitTest::GetInstance()->Failed() ? 1 : 0;
}
