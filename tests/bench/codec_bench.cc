// What the compression codecs cost, at the level they choose themselves, on a batch of records that look like what people
// send: text with names that repeat and values that do not.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "kernel/check.h"
#include "net/compress/codec.h"

namespace {

using namespace net::compress;

/// Lines of JSON, the same in every run.
std::string lines_of(std::size_t bytes) {
  std::string text;
  std::uint64_t noise = 88172645463325252ULL;
  while (text.size() < bytes) {
    noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
    text += fmt::format(R"({{"order":"{:016x}","customer":{},"state":"{}","amount_cents":{}}})", noise, noise % 100'000,
                        noise % 3 == 0 ? "paid" : "shipped", noise % 9973);
  }
  text.resize(bytes);
  return text;
}

std::vector<std::byte> packed(Codec codec, ByteView plain) {
  std::vector<std::byte> out;
  compress(codec, kLevelDefault, {&plain, 1}, out);
  return out;
}

void tell(benchmark::State& state, std::size_t plain_bytes, std::size_t packed_bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(plain_bytes));
  state.counters["ratio"] = static_cast<double>(plain_bytes) / static_cast<double>(packed_bytes);
}

void pack(benchmark::State& state, Codec codec) {
  const std::string text = lines_of(static_cast<std::size_t>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) bytes = packed(codec, kernel::as_bytes(text)).size();
  tell(state, text.size(), bytes);
}

void unpack(benchmark::State& state, Codec codec) {
  const std::string text = lines_of(static_cast<std::size_t>(state.range(0)));
  const std::vector<std::byte> bytes = packed(codec, kernel::as_bytes(text));
  for (auto _ : state) {
    const auto plain = decompress(codec, bytes, text.size());
    CHECK(plain.has_value());
    benchmark::DoNotOptimize(plain->data());
  }
  tell(state, text.size(), bytes.size());
}

BENCHMARK_CAPTURE(pack, gzip, Codec::gzip)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(pack, snappy, Codec::snappy)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(pack, lz4, Codec::lz4)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(pack, zstd, Codec::zstd)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(unpack, gzip, Codec::gzip)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(unpack, snappy, Codec::snappy)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(unpack, lz4, Codec::lz4)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(unpack, zstd, Codec::zstd)->Arg(16 << 10)->Arg(1 << 20);

}  // namespace
