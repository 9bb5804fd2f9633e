// What a device shows of itself decides where writes are done, and its threads are its own.
#include "kernel/posix/device.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <thread>

#include "kernel/disk.h"
#include "kernel/network.h"
#include "kernel/node.h"
#include "kernel/posix/runtime.h"
#include "kernel/scope.h"
#include "kernel/shard.h"
#include "tests/kernel/posix/held_calls.h"

namespace kernel::posix {
namespace {

using namespace std::chrono_literals;

constexpr Mono kStart{1h};
constexpr Duration kQuick = 5us;

TEST(Device, IsWrittenToWithoutAThreadWhileWritesDoNotWait) {
  Device device{1};
  EXPECT_FALSE(device.takes_writes_at_once(kStart)) << "nothing is known of it yet";
  Mono now = kStart;
  device.note_write(now, now + kQuick);
  for (int i = 0; i < 1000; ++i) {
    now += 10ms;
    ASSERT_TRUE(device.takes_writes_at_once(now)) << "it is written to all the time";
    device.note_write(now, now + kQuick);
  }
  EXPECT_FALSE(device.takes_writes_at_once(now + Device::kDirectFor + 1ms)) << "what it showed is long ago";
}

TEST(Device, ThatMadeAWriteWaitHasToShowPatience) {
  Device device{1};
  device.note_write(kStart, kStart + kQuick);
  const Mono waited = kStart + 50ms + Device::kWaited;
  device.note_write(kStart + 49ms, waited);
  EXPECT_FALSE(device.takes_writes_at_once(waited));
  for (Duration since = 1ms; since < Device::kPatience; since += 10ms) {
    device.note_write(waited + since, waited + since + kQuick);
    ASSERT_FALSE(device.takes_writes_at_once(waited + since + kQuick));
  }
  const Mono later = waited + Device::kPatience;
  device.note_write(later, later + kQuick);
  EXPECT_TRUE(device.takes_writes_at_once(later + kQuick));
}

/// What one shard was told of a failed write-back, another shard is told too.
TEST(FilesystemSync, ThatFailsIsToldToEachShard) {
  Runtime runtime{{.shards = 2, .handle_signals = false}};
  runtime.run([](Fiber& f) {
    const auto sync = [](Fiber& here) { return here.node().disk().sync_filesystem(here, "/tmp"); };
    EXPECT_TRUE(sync(f));
    EXPECT_TRUE(call_on(f, *f.node().shards()[1], sync));
    const std::set<int> used = syncfs_descriptors();
    EXPECT_EQ(used.size(), 2u) << "each shard has its own, for which the system remembers what it has told";
    EXPECT_TRUE(sync(f));
    EXPECT_EQ(syncfs_descriptors(), used) << "and keeps it";
    return 0;
  });
}

TEST(DevicesByPath, AreThoseOfTheFilesThere) {
  Devices devices{1};
  for (const char* path : {"/", "/proc/self/status", "/tmp"}) {
    struct stat status;
    ASSERT_EQ(::stat(path, &status), 0);
    EXPECT_EQ(&devices.at(path), &devices.of(status.st_dev)) << path;
  }
  EXPECT_NE(&devices.at("/proc/self/status"), &devices.at("/"));
  EXPECT_EQ(&devices.at("some/file"), &devices.at(std::filesystem::current_path().string()));
}

/// A thousand operations that hang on one device leave the threads of another alone.
TEST(DevicesByPath, HaveThreadsOfTheirOwn) {
  Runtime runtime{{.handle_signals = false}};
  EXPECT_EQ(runtime.run([](Fiber& f) {
    hold_calls(true);
    Scope scope{f};
    int opened = 0;
    for (int i = 0; i < 100; ++i) {
      scope.spawn("hangs", [&](Fiber& child) {
        if (child.node().disk().open(child, "/etc/passwd", OpenMode::read_only())) ++opened;
      });
    }
    static_cast<void>(f.sleep(20ms));
    EXPECT_EQ(opened, 0);
    // What needs a processor, a name or nothing of that device is served on.
    EXPECT_EQ(offload(f, [] { return 42; }), 42);
    EXPECT_TRUE(f.node().network().resolve(f, "localhost", 1));
    hold_calls(false);
    EXPECT_TRUE(scope.join(f));
    return opened;
  }), 100);
  EXPECT_FALSE(is_stuck());
}

/// An open that nobody waits for any more is under way when the node ends, and asks for the device of its file.
TEST(DevicesByPath, EndWhileSomethingIsUnderWay) {
  std::thread later;
  {
    Runtime runtime{{.handle_signals = false}};
    runtime.run([](Fiber& f) {
      hold_calls(true);
      const auto within = f.deadline_in(10ms);
      EXPECT_TRUE(f.node().disk().open(f, "/etc/passwd", OpenMode::read_only()).error().is(Errc::deadline));
      return 0;
    });
    later = std::thread{[] {
      std::this_thread::sleep_for(50ms);  // the runtime has begun to end
      hold_calls(false);
    }};
  }
  later.join();
  EXPECT_FALSE(is_stuck());
}

}  // namespace
}  // namespace kernel::posix
