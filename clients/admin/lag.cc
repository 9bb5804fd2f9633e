#include "clients/admin/lag.h"

#include "clients/consumer/consumer.h"
#include "kernel/node.h"

namespace clients::admin {

using kernel::Fiber;
using kernel::Result;

namespace {

/// The timestamp of the first record from each position on.
std::map<TopicPartition, std::int64_t> first_timestamps(Fiber& f, kernel::Scope& scope, const ClusterRef& cluster,
                                                        const std::map<TopicPartition, net::Offset>& positions) {
  std::map<TopicPartition, std::int64_t> found;
  auto reader = consumer::Consumer::open(
      scope, cluster, {.offset_reset = consumer::OffsetReset::earliest, .partition_bytes_max = 1});
  if (!reader) return found;
  for (const auto& [at, offset] : positions) (*reader)->assign(at, offset);
  const kernel::Mono due = kernel::saturating_add(f.now(), cluster->config().default_api_timeout);
  for (std::size_t left = positions.size(); left > 0 && f.now() < due;) {
    const auto polled = (*reader)->poll(f, due - f.now());
    if (!polled || !*polled) break;
    if (!(*polled)->error && (*polled)->records.empty()) continue;
    if (!(*polled)->error) found.emplace((*polled)->at, (*polled)->records.front().timestamp_ms);
    (*reader)->unassign((*polled)->at);
    --left;
  }
  (void)(*reader)->close(f);
  return found;
}

}  // namespace

Result<std::vector<PartitionLag>> group_lag(Fiber& f, kernel::Scope& scope, const ClusterRef& cluster,
                                            const GroupDescription& group) {
  std::map<TopicPartition, PartitionLag> all;
  for (auto& [at, committed] : TRY(list_group_offsets(f, cluster, group.name))) all[at].committed = committed;
  for (const GroupMember& member : group.members) {
    for (const TopicPartition& at : member.assigned) all[at].member = member;
  }
  consumer::OffsetQuery ends;
  for (const auto& [at, lag] : all) ends.emplace(at, consumer::End{});
  std::map<TopicPartition, net::Offset> behind;
  for (const auto& [at, end] :
       TRY(consumer::list_offsets(f, *cluster, std::move(ends), consumer::IsolationLevel::read_uncommitted))) {
    PartitionLag& lag = all.at(at);
    lag.end = end.offset;
    if (!lag.committed) continue;
    lag.records = end.offset.raw() - lag.committed->offset.raw();
    if (*lag.records > 0) behind.emplace(at, lag.committed->offset);
    else lag.age = std::chrono::milliseconds{0};
  }
  const auto timestamps = first_timestamps(f, scope, cluster, behind);
  const std::int64_t now_ms = kernel::ms_of(f.wall());
  std::vector<PartitionLag> out;
  for (auto& [at, lag] : all) {
    lag.at = at;
    // A producer's clock may be ahead of ours.
    if (const auto written = timestamps.find(at); written != timestamps.end())
      lag.age = std::chrono::milliseconds{std::max<std::int64_t>(0, now_ms - written->second)};
    out.push_back(std::move(lag));
  }
  return out;
}

}  // namespace clients::admin
