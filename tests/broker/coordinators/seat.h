// A coordinator of groups over a log of its own, in a simulated machine: open, commit, fetch, and the load that must find
// the same state.
#pragma once

#include "broker/coordinators/group/group_coordinator.h"
#include "tests/broker/log/log_harness.h"

namespace broker::coordinators::group::testing {

using broker::log::testing::Ground;
using kernel::Fiber;
using kernel::Result;
using net::Offset;
using net::PartitionId;
using namespace std::chrono_literals;

inline const log::LogIdentity kIdentity{.topic = "__consumer_offsets", .partition = PartitionId{0}, .topic_id = net::TopicId{{5, 5}}};

struct Seat {
  explicit Seat(Fiber& f) : ground{f}, scope{f}, metrics{f.shard().metrics()} {}
  Result<> open(Fiber& f) {
    TRY(ground.open(f));
    auto log = TRY(log::Log::open(f, *ground.shard, kIdentity, {.segment_bytes = 1 << 20}));
    partition = std::make_shared<replication::Partition>(std::move(log), net::LeaderEpoch{1});
    groups = coordinate(f);
    return wait_loaded(f, *groups);
  }
  std::shared_ptr<GroupCoordinator> coordinate(Fiber& f) {
    auto out = std::make_shared<GroupCoordinator>(partition, scope, options, settings, memory, metrics,
                                                  f.node().random(kernel::Domain::application, ++loads));
    out->start();
    return out;
  }
  static Result<> wait_loaded(Fiber& f, const GroupCoordinator& one) {
    while (one.loading()) TRY(f.sleep(1ms));
    return one.ready();
  }
  ErrorCode commit(Fiber& f, std::string_view group, std::int64_t offset, std::int32_t partition_index = 0,
                   std::string_view metadata = "") {
    CommitRequest request{.group_id = group, .member_id = "", .partitions = {}};
    request.partitions.push_back({.topic = "t", .partition = PartitionId{partition_index}, .offset = Offset{offset},
                                  .metadata = metadata});
    groups->commit(f, request);
    return request.partitions[0].error;
  }
  std::int64_t fetch(std::string_view group, std::int32_t partition_index = 0) const {
    const auto reply = groups->fetch({.group_id = group, .topics = std::vector<FetchTopic>{{"t", {PartitionId{partition_index}}}}});
    return reply.topics.empty() ? -2 : reply.topics[0].second[0].offset.raw();
  }
  /// Oracle G9: what is in memory is what a load of the log would make.
  void expect_fold(Fiber& f) {
    const auto again = coordinate(f);
    ASSERT_TRUE(wait_loaded(f, *again));
    EXPECT_TRUE(again->state() == groups->state());
    again->close(moment_of(f));
  }
  Result<> close(Fiber& f) {
    groups->close(moment_of(f));
    scope.cancel();
    TRY(scope.join(f));
    TRY(partition->log().close(f));
    groups.reset();
    partition.reset();
    return ground.close(f);
  }

  Ground ground;
  kernel::Scope scope;
  CoordinatorOptions options;
  GroupSettings settings;
  GroupMemory memory;
  GroupMetrics metrics;
  std::shared_ptr<replication::Partition> partition;
  std::shared_ptr<GroupCoordinator> groups;
  std::uint64_t loads = 0;
};

}  // namespace broker::coordinators::group::testing
