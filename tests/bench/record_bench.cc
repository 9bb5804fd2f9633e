// What a record batch costs on its way through the broker: its checksum, the walk over its records.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernel/crc32c.h"

namespace {

void crc32c_of_bytes(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  for (auto _ : state) benchmark::DoNotOptimize(kernel::crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c_of_bytes)->Arg(64)->Arg(1 << 10)->Arg(16 << 10)->Arg(64 << 10)->Arg(1 << 20)->Arg(16 << 20);

}  // namespace
