// A log in a simulated machine, for tests: opens directory, shard and log; makes batches; reads everything back.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "broker/log/log_directory.h"
#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/record/batch_builder.h"
#include "net/record/batch_reader.h"
#include "sim/machine.h"
#include "sim/world.h"

namespace broker::log::testing {

using kernel::Buffer;
using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

inline const LogIdentity kOrders{.topic = "orders", .partition = net::PartitionId{0}, .topic_id = net::TopicId{{7, 9}}};

inline const std::string kFolder = "/data/orders-0";
inline std::string in_folder(Offset base, std::string_view suffix) { return kFolder + "/" + segment_file_name(base, suffix); }

struct BatchShape {
  int records = 1;
  std::size_t value_bytes = 20;
  std::int64_t timestamp_ms = 1000;
  net::record::Codec codec = net::record::Codec::none;
  net::ProducerId producer{-1};
  net::ProducerEpoch epoch{-1};
  std::int32_t sequence = -1;
  bool transactional = false;
};

/// Values begin with `tag`, so that no two batches are equal by chance. Timestamps rise by one a record.
inline Buffer make_batch(std::string_view tag, const BatchShape& shape = {}) {
  net::record::BatchBuilder builder{{.codec = shape.codec,
                                     .producer_id = shape.producer,
                                     .producer_epoch = shape.epoch,
                                     .base_sequence = shape.sequence,
                                     .transactional = shape.transactional}};
  for (int i = 0; i < shape.records; ++i) {
    std::string value = fmt::format("{}/{}/", tag, i);
    value.resize(std::max(value.size(), shape.value_bytes), 'v');
    builder.append({.timestamp_ms = shape.timestamp_ms + i, .value = kernel::as_bytes(value)});
  }
  return Buffer::copy_of(builder.build());
}

/// Directory, shard and scope, opened; close() in the end unless the machine dies.
struct Ground {
  explicit Ground(Fiber& f) : scope{f} {}
  kernel::Scope scope;
  std::unique_ptr<LogDirectory> directory;
  std::unique_ptr<DirectoryShard> shard;
  std::unique_ptr<Log> log;  ///< last, so that it goes first

  Result<> open(Fiber& f, std::string path = "/data") {
    directory = TRY(LogDirectory::open(f, std::move(path), {.cluster_id = "c", .node_id = 1}));
    shard = TRY(directory->on_shard(f, scope));
    return {};
  }
  Result<> close(Fiber& f) {
    TRY(shard->close(f));
    TRY(directory->close(f, 3));
    return scope.join(f);
  }
};

/// Every byte of [from, end) by repeated reads.
inline Result<std::string> read_everything(Fiber& f, Log& log, Offset from, Offset end, std::size_t bytes_max = 1u << 20) {
  std::string all;
  while (from < end) {
    const Slice slice = TRY(log.read(f, from, {.bytes_max = bytes_max, .end = end}));
    if (slice.size == 0) break;
    Buffer bytes = slice.bytes;
    if (slice.file != nullptr) bytes = TRY(kernel::read_exactly(f, *slice.file, slice.position, slice.size));
    net::record::BatchReader reader{bytes.view()};
    while (const auto batch = TRY(reader.next())) {
      if (batch->header.last_offset() >= from) all += kernel::as_text(batch->bytes);
      from = batch->header.next_offset();
    }
    if (!reader.rest().empty()) return kernel::fail(kernel::Errc::corrupt);
  }
  return all;
}

struct RunOptions {
  std::uint64_t seed = 1;
  sim::Personality personality = sim::Personality::strict;
  std::uint32_t shards = 1;
  bool nudges = false;
  std::uint32_t short_io_ppm = 0;
};

/// Boots `body` on a machine of `world` and lets it end.
inline void run_on(sim::World& world, sim::Machine& machine, const std::function<void(Fiber&)>& body,
                   std::uint32_t shards = 1) {
  bool ended = false;
  world.boot(machine, shards, [&](Fiber& f) {
    body(f);
    ended = true;
  });
  world.run_until([&] { return ended; }, 600s);
  EXPECT_TRUE(ended) << "did not end";
  if (machine.up()) world.kill(machine, sim::CrashKind::process_kill);
}

/// Boots `body` and, when it answers, ends the machine as `kind` says while its log is open.
inline void run_and_crash(sim::World& world, sim::Machine& machine, sim::CrashKind kind,
                          const std::function<void(Fiber&, Ground&)>& body) {
  bool ended = false;
  world.boot(machine, 1, [&](Fiber& f) {
    Ground ground{f};
    body(f, ground);
    ended = true;
    static_cast<void>(f.sleep(1h));
  });
  world.run_until([&] { return ended; }, 600s);
  EXPECT_TRUE(ended) << "did not end";
  world.kill(machine, kind);
}

inline void run(const std::function<void(Fiber&)>& body, const RunOptions& options = {}) {
  kernel::StackPool stacks;
  sim::World world{{.seed = options.seed, .nudges = options.nudges}, stacks};
  sim::Machine& machine = world.add_machine("m");
  machine.disk().image().set_personality(options.personality);
  machine.disk().faults().short_io_ppm = options.short_io_ppm;
  run_on(world, machine, body, options.shards);
}

}  // namespace broker::log::testing

#define ASSERT_OK(expression)                                                     \
  do {                                                                            \
    const auto& ok_ = (expression);                                                \
    ASSERT_TRUE(ok_.has_value()) << kernel::describe(ok_.error());                \
  } while (false)
#define EXPECT_OK(expression)                                                     \
  do {                                                                            \
    const auto& ok_ = (expression);                                                \
    EXPECT_TRUE(ok_.has_value()) << kernel::describe(ok_.error());                \
  } while (false)
