// Where a reset would put a group.
#include <algorithm>

#include "clients/admin/groups.h"
#include "clients/consumer/offsets.h"

namespace clients::admin {

using kernel::Fiber;
using kernel::Result;
using net::Offset;

namespace {

using Found = std::map<TopicPartition, consumer::FoundOffset>;

Result<Found> ask(Fiber& f, const ClusterRef& cluster, const Partitions& partitions, consumer::Start where) {
  consumer::OffsetQuery query;
  for (const TopicPartition& at : partitions) query.emplace(at, where);
  return consumer::list_offsets(f, *cluster, std::move(query), consumer::IsolationLevel::read_uncommitted);
}

/// What is asked for; nothing where the target says nothing of the partition.
std::optional<std::int64_t> wished(const ResetTarget& target, const TopicPartition& at, std::optional<Offset> committed,
                                   Offset begin, Offset end, const Found& by_time) {
  if (std::holds_alternative<ToEarliest>(target)) return begin.raw();
  if (std::holds_alternative<ToLatest>(target)) return end.raw();
  if (std::holds_alternative<ToCurrent>(target)) return committed.value_or(end).raw();
  if (const auto* to = std::get_if<ToOffset>(&target)) return to->offset;
  if (const auto* shift = std::get_if<ShiftBy>(&target)) {
    if (!committed) return std::nullopt;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(committed->raw(), shift->records, &sum)) return shift->records < 0 ? INT64_MIN : INT64_MAX;
    return sum;
  }
  if (std::holds_alternative<ToTime>(target)) {
    const Offset found = by_time.at(at).offset;
    return found.raw() < 0 ? end.raw() : found.raw();
  }
  const auto& given = std::get<ToGiven>(target).offsets;
  const auto one = given.find(at);
  return one == given.end() ? std::nullopt : std::optional{one->second};
}

}  // namespace

Result<std::vector<ResetStep>> plan_reset(Fiber& f, const ClusterRef& cluster, const std::string& id,
                                          const Partitions& partitions, const ResetTarget& target) {
  const Offsets committed = TRY(list_group_offsets(f, cluster, id));
  const Found begins = TRY(ask(f, cluster, partitions, consumer::Beginning{}));
  const Found ends = TRY(ask(f, cluster, partitions, consumer::End{}));
  Found by_time;
  if (const auto* time = std::get_if<ToTime>(&target))
    by_time = TRY(ask(f, cluster, partitions, consumer::AtTime{time->timestamp_ms}));
  std::vector<ResetStep> steps;
  for (const TopicPartition& at : partitions) {
    ResetStep step{.at = at, .from = {}};
    if (const auto now = committed.find(at); now != committed.end()) step.from = now->second.offset;
    const Offset begin = begins.at(at).offset, end = ends.at(at).offset;
    const auto wish = wished(target, at, step.from, begin, end, by_time);
    if (!wish) continue;
    step.to = Offset{std::clamp(*wish, begin.raw(), end.raw())};
    step.moved_into_log = step.to.raw() != *wish;
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace clients::admin
