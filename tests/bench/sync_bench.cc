// What a sync group costs: 4 KiB appended to each of N files, then made durable one way or the other, on the production
// backend. Prints the median in microseconds. SyncGroup::kFilesDirectlyMax is chosen by it.
//
//   bench_sync [directory]        the current one when none is named
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kernel/node.h"
#include "kernel/posix/runtime.h"
#include "kernel/scope.h"

namespace {

using kernel::Fiber;
using kernel::Result;

constexpr int kRounds = 31;

/// Microseconds of each round of `sync` after appending to all of `files`.
template <class Sync>
Result<std::int64_t> median_us(Fiber& f, const std::vector<kernel::FileHandle>& files, std::uint64_t& position, Sync sync) {
  std::vector<std::int64_t> took;
  for (int round = 0; round < kRounds; ++round) {
    for (const kernel::FileHandle& file : files) {
      const std::array<kernel::Buffer, 1> chain{kernel::Buffer::copy_of(std::string(4096, 'x'))};
      TRY(kernel::write_all(f, *file, position, chain));
    }
    position += 4096;
    const kernel::Mono start = f.now();
    TRY(sync());
    took.push_back((f.now() - start).count() / 1000);
  }
  std::ranges::sort(took);
  return took[took.size() / 2];
}

Result<> measure(Fiber& f, const std::string& ground) {
  kernel::Disk& disk = f.node().disk();
  fmt::print("{:>6} {:>14} {:>14} {:>14}   (us, median of {})\n", "files", "one by one", "side by side", "file system", kRounds);
  for (const std::size_t count : {1, 2, 4, 8, 16, 32, 64, 256}) {
    const std::string directory = fmt::format("{}/kalda-bench-sync-{}", ground, count);
    TRY(kernel::make_directories(f, disk, directory));
    std::vector<kernel::FileHandle> files;
    for (std::size_t i = 0; i < count; ++i)
      files.push_back(TRY(disk.open(f, fmt::format("{}/{}", directory, i), kernel::OpenMode::create_empty())));
    std::uint64_t position = 0;
    const auto serial = TRY(median_us(f, files, position, [&]() -> Result<> {
      for (const auto& file : files) TRY(file->datasync(f));
      return {};
    }));
    const auto parallel = TRY(median_us(f, files, position, [&]() -> Result<> {
      kernel::Scope scope{f};
      for (const auto& file : files) scope.spawn("sync", [&](Fiber& child) { return file->datasync(child); });
      return scope.join(f);
    }));
    const auto whole = TRY(median_us(f, files, position, [&] { return disk.sync_filesystem(f, directory); }));
    fmt::print("{:>6} {:>14} {:>14} {:>14}\n", count, serial, parallel, whole);
    files.clear();
    for (std::size_t i = 0; i < count; ++i) TRY(disk.unlink(f, fmt::format("{}/{}", directory, i)));
    TRY(disk.remove_directory(f, directory));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  kernel::posix::Runtime runtime{{.name = "bench", .handle_signals = false}};
  return runtime.run([&](Fiber& f) {
    const auto done = measure(f, argc > 1 ? argv[1] : ".");
    if (!done) fmt::print(stderr, "{}\n", kernel::describe(done.error()));
    return done ? 0 : 1;
  });
}
