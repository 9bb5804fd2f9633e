// What a record batch costs on its way through the broker: its checksum, the walk over its records.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernel/check.h"
#include "kernel/crc32c.h"
#include "net/record/record_walk.h"
#include "tests/bench/built_batch.h"

namespace {

using namespace net::record;

void crc32c_of_bytes(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  for (auto _ : state) benchmark::DoNotOptimize(kernel::crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32c_of_bytes)->Arg(64)->Arg(1 << 10)->Arg(16 << 10)->Arg(64 << 10)->Arg(1 << 20)->Arg(16 << 20);

/// A batch of about 16 KiB of records with values of `value_bytes`.
std::vector<std::byte> batch_of(std::size_t value_bytes, bool with_headers) {
  return bench::build_batch(16 * 1024, value_bytes, with_headers);
}

void walk_of_records(benchmark::State& state, bool with_headers) {
  const std::vector<std::byte> batch = batch_of(static_cast<std::size_t>(state.range(0)), with_headers);
  const BatchHeader header = BatchHeader::parse(batch).value();
  const ByteView records = ByteView{batch}.subspan(kHeaderBytes);
  for (auto _ : state) {
    const auto walked = walk_records(header, {&records, 1}, {});
    CHECK(walked.has_value());
    benchmark::DoNotOptimize(walked->timestamp_ms_max);
  }
  state.SetItemsProcessed(state.iterations() * header.records_count);
  state.counters["a_record"] = benchmark::Counter(
      static_cast<double>(state.iterations() * header.records_count),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(walk_of_records, plain, false)->Arg(20)->Arg(100)->Arg(1024);
BENCHMARK_CAPTURE(walk_of_records, with_two_headers, true)->Arg(100);

void stamp_of_append_time(benchmark::State& state) {
  std::vector<std::byte> batch = batch_of(100, false);
  std::int64_t now = 0;
  for (auto _ : state) stamp_timestamps(batch, TimestampType::log_append_time, ++now);
}
BENCHMARK(stamp_of_append_time);

}  // namespace
